"""From a folder of labelled images to weights with a report."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pipelines.contract import Progress, silent
from pipelines.errors import require
from pipelines.images.annotations import read_labels
from pipelines.mars_pits.choose import Read, choose_rule
from pipelines.mars_pits.instances import Rule, quantised
from pipelines.mars_pits.learnt import Learnt
from pipelines.mars_pits.samples import Sample
from pipelines.mars_pits.scores import Overlaps, summary
from pipelines.mars_pits.weights import (
    SHIPPED_WEIGHTS,
    Member,
    network_file,
    read_parameters,
    write_weights,
)
from pipelines.mars_pits.windows import Division, classes_of, divide, read_windows

#: Largest learning rates: of a network that knows pits already, and of one that knows nothing.
_TUNING, _LEARNING = 1e-3, 3e-3


def learn(
    sources: Sequence[tuple[Path, Path | None]],
    output: Path,
    *,
    start: Path | str | None,
    steps: int,
    seed: int,
    progress: Progress = silent,
) -> Mapping[str, Any]:
    """Train on labelled images; see `pipelines.mars_pits.MarsPitsPipeline.train`.

    Parameters
    ----------
    sources
        Image or folder of images, and its labels; a folder alone has both.
    output
        Folder for weights and report.
    start
        Folder of weights to go on from, ``shipped``, or `None` to begin with nothing.
    steps, seed
        Of the training.
    progress
        Told how the work goes on.

    Returns
    -------
    figures
        Scores on the windows that were held back, without those of the classes.

    Raises
    ------
    PipelineError
        If labels or images cannot be used, or are too few.
    """
    pairs = [(source, source if labels is None else labels) for source, labels in sources]
    classes, negatives = classes_of([read_labels(labels) for _, labels in pairs])
    division = divide(read_windows(pairs, classes, progress=progress), seed=seed)
    network, checks, started = _fitted(division, classes, start, steps, seed, progress)
    rule, validation = _chosen(network, division.validation, classes, negatives)
    overlaps = _compared(network, division.test, rule)
    scores = summary(overlaps, classes, negatives, rule.confidence, rule.diameter_error)
    names = tuple(str(source) for source, _ in pairs)
    found = Learnt(
        names,
        division,
        classes,
        negatives,
        checks,
        rule,
        overlaps,
        scores,
        started,
        seed,
        steps,
    )
    write_weights(
        output,
        [network],
        [Member(network_file(seed), rule, validation)],
        classes=classes,
        negatives=negatives,
        simulated=False,
    )
    from pipelines.mars_pits.learn_report import write_report

    page = write_report(found, output)
    counts = {
        f"n_{name}": len(getattr(division, name)) for name in ("training", "validation", "test")
    }
    plain = {key: value for key, value in scores.items() if not isinstance(value, dict)}
    return {**plain, **counts, "report": str(page)}


def _fitted(
    division: Division,
    classes: Sequence[str],
    start: Path | str | None,
    steps: int,
    seed: int,
    progress: Progress,
) -> tuple[Any, tuple[Any, ...], str]:
    """Return the network, how it learnt, and what it knew before."""
    require("torch")
    from pipelines.images.network import load_network
    from pipelines.mars_pits.plan import Plan
    from pipelines.mars_pits.train import fit

    before, started = None, "nothing"
    if start is not None:
        folder = SHIPPED_WEIGHTS if start == "shipped" else Path(start)
        member = read_parameters(folder).members[0]
        before, _ = load_network(folder / member.file)
        started = "weights of the package" if start == "shipped" else str(folder)
    plan = Plan(
        steps=steps,
        learning_rate=_LEARNING if before is None else _TUNING,
        check_every=max(1, steps // 12),
    )
    network, checks = fit(
        division.training,
        division.validation,
        len(classes),
        seed=seed,
        plan=plan,
        start=before,
        progress=progress,
    )
    return network, checks, started


def _chosen(
    network: Any, validation: Sequence[Sample], classes: Sequence[str], negatives: frozenset[str]
) -> tuple[Rule, float]:
    from pipelines.mars_pits.model import maps_of

    ready = network.folded()
    maps = [quantised(maps_of(ready, each.pixels)) for each in validation]
    return choose_rule(maps, validation, classes, negatives)


def _compared(network: Any, samples: Sequence[Sample], rule: Rule) -> list[Overlaps]:
    from pipelines.mars_pits.model import maps_of

    ready = network.folded()
    return [
        Read.of(quantised(maps_of(ready, each.pixels)), each, rule).overlaps(rule)
        for each in samples
    ]

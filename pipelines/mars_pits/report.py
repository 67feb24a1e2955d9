"""Print the tables of the README: ``make evaluate CASE=mars_pits``.

Pictures of unseen seeds, sites and Suns are rendered anew and given to each of the networks that
come with the package. Pits of real height models are rendered under 20 Suns when they are given, as
``--terrain MODEL.tif``; images with labels are scored when they are given, as ``--real IMAGES
LABELS``. ``--picture FILE.png`` draws some of the rendered pictures with what was found.
"""

from __future__ import annotations

import argparse
import itertools
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from pipelines.contract import Progress
from pipelines.errors import PipelineError, require
from pipelines.images.tiles import InMemory
from pipelines.mars_pits.choose import Read, true_objects
from pipelines.mars_pits.detect import detect, factors_of
from pipelines.mars_pits.evaluate import overlaps_of, score_images
from pipelines.mars_pits.samples import Sample, sample_of
from pipelines.mars_pits.scores import Overlaps, object_f1, summary
from pipelines.mars_pits.simulate import Picture, pictures
from pipelines.mars_pits.weights import SHIPPED_WEIGHTS, Detector, load_detector, read_parameters

#: Rendered pictures that are scored, and pixels along a side of large ones.
PICTURES, LARGE = 240, 512

#: Columns of the table of networks: heading, score, whether it is in per cent.
_COLUMNS = (
    ("mAP50", "map50", False),
    ("mAP50-95", "map50_95", False),
    ("mask mAP50", "mask_map50", False),
    ("mask mAP50-95", "mask_map50_95", False),
    ("box F1", "box_f1", False),
    ("mask F1", "mask_f1", False),
    ("mask F1, any pit", "mask_f1_any", False),
    ("pixel F1", "f1", False),
    ("pixel IoU", "iou", False),
    ("diameter error", "diameter_error_median", True),
    ("within 1 sigma", "diameter_within_errors", True),
)
#: Pictures that are drawn.
_SHOWN = 18
#: Edges of the groups of the other tables: incidence in degrees, diameter in pixels, confidence.
_INCIDENCES = (28.0, 42.0, 56.0, 70.0)
_DIAMETERS = (0.0, 16.0, 24.0, 36.0, 200.0)
_CONFIDENCES = (0.0, 0.25, 0.5, 0.75, 0.9, 1.0)


@dataclass(frozen=True)
class Outcome:
    """What a network found in the rendered pictures.

    Attributes
    ----------
    detector
        The network.
    overlaps
        Found against true, of each picture.
    scores
        See `pipelines.mars_pits.scores.summary`.
    """

    detector: Detector
    overlaps: list[Overlaps]
    scores: Mapping[str, Any]


def outcome_of(detector: Detector, samples: Sequence[Sample]) -> Outcome:
    """Give pictures to a network and score what it finds."""
    rule = detector.rule
    overlaps = [Read.of(detector.maps(each.pixels), each, rule).overlaps(rule) for each in samples]
    scores = summary(
        overlaps, detector.classes, detector.negatives, rule.confidence, rule.diameter_error
    )
    return Outcome(detector, overlaps, scores)


def cell(value: float | None, percent: bool = False) -> str:
    """Return a number as the tables show it; nothing for what is not defined."""
    if value is None or np.isnan(value):
        return ""
    return f"{100 * value:.1f} %" if percent else f"{value:.3f}"


def line(cells: Iterable[str]) -> str:
    """Return a line of a table."""
    return f"| {' | '.join(cells)} |"


def header(names: Sequence[str]) -> str:
    """Return the first two lines of a table."""
    return f"{line(names)}\n|{'---|' * len(names)}"


def network_lines(outcomes: Sequence[Outcome], together: Outcome | None = None) -> list[str]:
    """Return the table of networks, with mean and standard deviation over them.

    Parameters
    ----------
    outcomes
        Of each network.
    together
        Of the mean of their maps.
    """
    lines = [header(["network", *(name for name, _, _ in _COLUMNS)])]
    for number, each in enumerate(outcomes, start=1):
        cells = [cell(each.scores[key], percent) for _, key, percent in _COLUMNS]
        lines.append(line([str(number), *cells]))
    if len(outcomes) > 1:
        cells = []
        for _, key, percent in _COLUMNS:
            values = np.array([each.scores[key] for each in outcomes], float)
            spread = cell(float(values.std(ddof=1)), percent)
            cells.append(f"{cell(float(values.mean()), percent)} ± {spread}")
        lines.append(line(["mean ± standard deviation", *cells]))
    if together is not None:
        cells = [cell(together.scores[key], percent) for _, key, percent in _COLUMNS]
        lines.append(line(["all together", *cells]))
    return lines


def class_lines(outcomes: Sequence[Outcome]) -> list[str]:
    """Return the table of classes: means over the networks."""
    keys = ("box_ap50", "box_ap", "mask_ap50", "mask_ap", "box_f1", "mask_f1")
    names = ("AP50", "AP50-95", "mask AP50", "mask AP50-95", "box F1", "mask F1")
    lines = [header(["class", "objects", *names])]
    for name, first in outcomes[0].scores["classes"].items():
        values = [
            np.mean([each.scores["classes"][name][key] or 0.0 for each in outcomes]) for key in keys
        ]
        lines.append(line([name, str(first["objects"]), *(cell(float(v)) for v in values)]))
    return lines


def confusion_lines(outcome: Outcome) -> list[str]:
    """Return the confusion of one network."""
    table = outcome.scores["confusion"]
    names = list(table)
    lines = [header(["labelled / found", *names])]
    for true in names:
        cells = ["" if (true, f) == (names[-1],) * 2 else str(table[true][f]) for f in names]
        lines.append(line([true, *cells]))
    return lines


def group_lines(outcomes: Sequence[Outcome], made: Sequence[Picture]) -> list[str]:
    """Return F1 of masks by incidence of the Sun, mean over the networks."""
    lines = [header(["incidence", "pictures", "box F1", "mask F1"])]
    for low, top in itertools.pairwise(_INCIDENCES):
        own = [n for n, each in enumerate(made) if low <= each.light.incidence < top]
        values = []
        for masks in (False, True):
            f1 = [_f1(each, own, masks=masks) for each in outcomes]
            values.append(cell(float(np.mean(f1))))
        lines.append(line([f"{low:.0f} to {top:.0f}", str(len(own)), *values]))
    return lines


def _f1(outcome: Outcome, own: Sequence[int], *, masks: bool) -> float:
    detector = outcome.detector
    pits = [name for name in detector.classes if name not in detector.negatives]
    images = [outcome.overlaps[number] for number in own]
    return object_f1(images, detector.classes, pits, detector.rule.confidence, masks=masks)


def size_lines(outcomes: Sequence[Outcome]) -> list[str]:
    """Return which part of the pits is found, by diameter, mean over the networks."""
    lines = [header(["diameter, pixels", "pits", "found", "found with their class"])]
    for low, top in itertools.pairwise(_DIAMETERS):
        counts = np.array([_found_within(each, low, top) for each in outcomes], float)
        total = counts[0, 0]
        parts = counts[:, 1:].mean(axis=0) / (total or np.nan)
        title = f"{low:.0f} to {top:.0f}" if top < _DIAMETERS[-1] else f"{low:.0f} and more"
        lines.append(line([title, f"{total:.0f}", *(cell(float(p), True) for p in parts)]))
    return lines


def _found_within(outcome: Outcome, low: float, top: float) -> tuple[int, int, int]:
    """Return how many pits of some size there are, are found, and are found with their class."""
    detector = outcome.detector
    total = found = right = 0
    for each in outcome.overlaps:
        kept = each.found.scores >= detector.rule.confidence
        for number, region in enumerate(each.true.regions):
            kind = int(each.true.kinds[number])
            diameter = 2.0 * (region.area / np.pi) ** 0.5
            if detector.classes[kind] in detector.negatives or not low <= diameter < top:
                continue
            over = each.masks[:, number][kept] >= 0.5
            total += 1
            found += bool(over.any())
            right += bool((over & (each.found.kinds[kept] == kind)).any())
    return total, found, right


def confidence_lines(outcomes: Sequence[Outcome]) -> list[str]:
    """Return how often objects of some confidence are right, all networks together."""
    lines = [header(["confidence", "objects", "mean confidence", "right"])]
    pairs = [
        (float(score), bool((row[each.true.kinds == kind] >= 0.5).any()))
        for outcome in outcomes
        for each in outcome.overlaps
        for score, kind, row in zip(each.found.scores, each.found.kinds, each.masks, strict=True)
    ]
    scores = np.array([score for score, _ in pairs])
    right = np.array([hit for _, hit in pairs], float)
    for low, top in itertools.pairwise(_CONFIDENCES):
        own = (scores >= low) & ((scores < top) | (top == 1.0))
        if own.any():
            cells = (cell(float(scores[own].mean())), cell(float(right[own].mean())))
            lines.append(line([f"{low:g} to {top:g}", str(int(own.sum())), *cells]))
    return lines


def large_outcome(detector: Detector, made: Sequence[Picture]) -> Outcome:
    """Look at large pictures block by block at all scales, and score what is found."""
    overlaps = []
    for each in made:
        true = true_objects(sample_of(each, detector.classes))
        factors = factors_of(each.pixels.shape, each.site.pixel, None, None)
        found = detect(InMemory(each.pixels[np.newaxis]), detector, factors=factors)
        overlaps.append(overlaps_of(found, true, detector.classes))
    rule = detector.rule
    scores = summary(
        overlaps, detector.classes, detector.negatives, rule.confidence, rule.diameter_error
    )
    return Outcome(detector, overlaps, scores)


def tables(outcomes: Sequence[Outcome], together: Outcome, made: Sequence[Picture]) -> str:
    """Return all tables of the rendered pictures; but the first, they are of all networks."""
    parts = [
        network_lines(outcomes, together),
        class_lines([together]),
        confusion_lines(together),
        group_lines([together], made),
        size_lines([together]),
        confidence_lines([together]),
    ]
    return "\n\n".join("\n".join(part) for part in parts)


def _tell(description: str, done: int, total: int) -> None:
    if done == total or done % 40 == 0:
        print(f"{description}: {done} of {total}", file=sys.stderr, flush=True)


def run(arguments: argparse.Namespace, tell: Progress) -> None:
    """Render, find, and print."""
    count = len(read_parameters(arguments.weights).members)
    together = load_detector(arguments.weights, None)
    detectors = [load_detector(arguments.weights, number) for number in range(count)]
    for images, labels in arguments.real:
        scores = score_images(images, labels, together, progress=tell)
        print(f"{images.name}: " + ", ".join(f"{k} {cell(scores[k])}" for _, k, _ in _COLUMNS))
    for model in arguments.terrain:
        from pipelines.mars_pits.terrain import terrain_lines

        print("\n".join(terrain_lines(model, [*detectors, together], progress=tell)), end="\n\n")
    if arguments.pictures:
        made = list(pictures("test", arguments.pictures, progress=tell))
        samples = [sample_of(each, together.classes) for each in made]
        outcomes = []
        for number, detector in enumerate((*detectors, together), start=1):
            outcomes.append(outcome_of(detector, samples))
            tell("networks", number, count + 1)
        print(tables(outcomes[:-1], outcomes[-1], made))
        if arguments.picture:
            _draw(samples[:_SHOWN], outcomes[-1], arguments.picture)
    if arguments.large:
        large = list(pictures("test", arguments.large, size=LARGE, progress=tell))
        print(f"\n{arguments.large} pictures of {LARGE} x {LARGE} pixels, block by block:\n")
        print("\n".join(network_lines([], large_outcome(together, large))))


def _draw(samples: Sequence[Sample], outcome: Outcome, path: Path) -> None:
    from pipelines.mars_pits.figures import draw_examples

    rule = outcome.detector.rule
    overlaps = outcome.overlaps[: len(samples)]
    draw_examples(samples, overlaps, outcome.detector.classes, rule.confidence, path)


def main() -> int:
    """Read the command line and print the tables."""
    parser = argparse.ArgumentParser(description="Results for pits in images as tables.")
    parser.add_argument("--weights", type=Path, default=SHIPPED_WEIGHTS)
    parser.add_argument("--pictures", type=int, default=PICTURES, help="rendered ones")
    parser.add_argument("--large", type=int, default=8, help="large pictures")
    parser.add_argument("--terrain", type=Path, action="append", default=[], metavar="MODEL")
    parser.add_argument(
        "--real", nargs=2, type=Path, action="append", default=[], metavar=("IMAGES", "LABELS")
    )
    parser.add_argument("--picture", type=Path, help="PNG file of some pictures to draw")
    arguments = parser.parse_args()
    try:
        require("torch").set_num_threads(1)
        run(arguments, _tell)
    except PipelineError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())

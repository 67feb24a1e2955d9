"""Stream interaction regions of the solar wind: the pipeline ``sir``.

It shares its network with the pipeline ``icme``, so that an interval is one or the other. The
object `pipeline` is what the entry point names; torch and the rest are imported when it works.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipelines.contract import Catalogue, Progress, Span, SpanSource, silent
from pipelines.icme.solarwind import SolarWindPipeline

if TYPE_CHECKING:
    import numpy as np

    from pipelines.icme.features import Scaling
    from pipelines.icme.simulate import Simulation
    from pipelines.sources.insitu import InSituSeries
    from pipelines.sources.spans import SeriesInMemory, SeriesOnDemand

    Source = str | Path | InSituSeries | SeriesInMemory | SeriesOnDemand


class SirPipeline(SolarWindPipeline):
    """Finds stream interaction regions in in-situ measurements of the solar wind."""

    name = "sir"
    title = "Stream interaction regions from in-situ solar wind"
    version = "1.1"
    model = "ICME-SIR-ResUNet"
    request_module = "pipelines.sir.request"

    #: Forward: 16 days to the latest end of a stream, 13 for the next region and an ejection in
    #: it, 8 of context. Backward: 29 to the region a rotation earlier, 15 of context for that.
    margin = timedelta(days=45)

    def open(
        self,
        source: Source,
        *,
        span: Span | None = None,
        spacecraft: str | None = None,
        weights: str | Path | None = None,
        scaling: Scaling | None = None,
        progress: Progress = silent,
    ) -> SpanSource:
        """Open a source for working on it span by span, as that of the pipeline ``icme``.

        Raises
        ------
        PipelineError
            If the source cannot be used.
        """
        from pipelines.icme.source import open_spans

        return open_spans(source, spacecraft=spacecraft, progress=progress)

    def state(
        self,
        *,
        spacecraft: str | None = None,
        weights: str | Path | None = None,
        scaling: Scaling | None = None,
    ) -> str:
        """Return the digest of version, weights, rules and scaling, hexadecimal.

        Raises
        ------
        WeightsError
            If there are no weights.
        """
        other = asdict(scaling) if scaling else None
        text = json.dumps([self.name, self.version, _digest(_folder(weights)), other])
        return hashlib.sha256(text.encode()).hexdigest()

    def run(
        self,
        source: Source,
        *,
        span: Span | None = None,
        spacecraft: str | None = None,
        weights: str | Path | None = None,
        scaling: Scaling | None = None,
        progress: Progress = silent,
    ) -> Catalogue:
        """Detect interaction regions and measure them.

        Parameters
        ----------
        source
            A file, ``speasy:SPACECRAFT/START/STOP``, ``simulation:START/STOP[/SEED]``, a series,
            or what `open` returned.
        span
            Only regions that begin within it are wanted.
        spacecraft
            Who measured, when the file's name does not tell.
        weights
            Folder of weights; those that come with the package when not given.
        scaling
            Of the channels; that of the weights when not given.
        progress
            Told how the work goes on.

        Raises
        ------
        PipelineError
            If the source or the weights cannot be used.
        """
        from pipelines.contract import empty_frame
        from pipelines.icme.source import open_spans
        from pipelines.sir.catalogue import COLUMNS, build_frame
        from pipelines.sir.detect import load_region_detector, search
        from pipelines.sources.channels import require_channels
        from pipelines.sources.spans import SeriesInMemory, read_within

        opened = open_spans(source, spacecraft=spacecraft, progress=progress)
        folder = _folder(weights)
        detector = load_region_detector(folder)
        used = scaling or detector.ejections.scaling
        digest = _digest(folder)
        if isinstance(opened, SeriesInMemory):
            require_channels(opened.whole)  # of a part, all channels may well be lost
        series, source_digest = read_within(opened, span, self.margin)
        if series is None:
            frame = empty_frame(COLUMNS)
        else:
            found = search(series, detector, scaling=used, progress=progress)
            frame = build_frame(
                series,
                found,
                found.within(series, span),
                model=self.model,
                version=self.version,
                digest=digest,
            )
        provenance = self.record(
            opened,
            series,
            span=span,
            spacecraft=spacecraft,
            source_sha256=source_digest,
            weights_sha256=digest,
            parameters={
                "rule": asdict(detector.rule),
                "rule_of_ejections": asdict(detector.ejections.rule),
                "scaling": asdict(used),
                "networks": len(detector.ejections.networks),
            },
        )
        return Catalogue(frame, COLUMNS, provenance)

    def simulate(
        self,
        *,
        start: str | np.datetime64 = "2024-01-01",
        days: float = 365.0,
        seed: int = 1,
        progress: Progress = silent,
    ) -> Simulation:
        """Simulate solar wind; the ``regions`` of the result are the truth of this pipeline."""
        from pipelines.icme.simulate import simulate

        return simulate(start=start, days=days, seed=seed, progress=progress)

    def train(
        self,
        inputs: Sequence[str | Path | InSituSeries],
        labels: Sequence[Path],
        output: Path,
        *,
        seed: int = 0,
        seeds: int = 2,
        folds: int = 5,
        steps: int = 300,
        ejections: str | Path | None = None,
        spacecraft: str | None = None,
        progress: Progress = silent,
    ) -> Mapping[str, Any]:
        """Choose the rule for interaction regions by cross-validation in time, and write it.

        The network itself is trained by the pipeline ``icme``; its weights must be in `output`
        already. Here, for each block of time, networks are trained without it.

        Parameters
        ----------
        inputs, labels
            One complete list of interaction regions for each series.
        output
            Folder of the weights.
        seed, seeds
            First seed, and networks a block.
        folds
            Blocks of time, at least 3.
        steps
            Batches of training.
        ejections
            List of the ejections in the series, like ICMECAT.
        spacecraft
            Who measured, when the files' names do not tell.
        progress
            Told how the work goes on.

        Returns
        -------
        report
            The rule and the cross-validated scores.

        Raises
        ------
        PipelineError
            If inputs or labels cannot be used.
        """
        from pipelines.sir.protocol import run_training

        return run_training(
            inputs,
            labels,
            output,
            seeds=range(seed, seed + seeds),
            folds=folds,
            steps=steps,
            ejections=Path(ejections) if ejections else None,
            spacecraft=spacecraft,
            progress=progress,
        )

    def evaluate(
        self,
        source: str | Path | InSituSeries,
        labels: Path,
        *,
        spacecraft: str | None = None,
        weights: str | Path | None = None,
        ejections: str | Path | None = None,
        progress: Progress = silent,
    ) -> Mapping[str, Any]:
        """Score detections against a list of interaction regions.

        Parameters
        ----------
        source, spacecraft, weights, progress
            As for `run`.
        labels
            The list: SIRCAT's columns, or ``start,interface,end``.
        ejections
            List of ejections; with it the confusion of both kinds is counted.

        Returns
        -------
        scores
            Those of `pipelines.icme.evaluate.score`, ``interface_mae_h`` and, with `ejections`,
            those of `pipelines.sir.evaluate.confusion`.

        Raises
        ------
        PipelineError
            If source, labels or weights cannot be used, or no label lies in the source.
        """
        from pipelines.sir.protocol import run_evaluation

        return run_evaluation(
            source,
            labels,
            spacecraft=spacecraft,
            weights=_folder(weights),
            ejections=Path(ejections) if ejections else None,
            progress=progress,
        )


def _folder(weights: str | Path | None) -> Path:
    from pipelines.icme.detect import SHIPPED_WEIGHTS

    return Path(weights) if weights else SHIPPED_WEIGHTS


def _digest(folder: Path) -> str:
    """Return the digest of the weights with both rules."""
    from pipelines.icme.detect import weights_digest
    from pipelines.sir.parameters import parameters_digest

    both = weights_digest(folder) + parameters_digest(folder)
    return hashlib.sha256(both.encode()).hexdigest()


pipeline = SirPipeline()

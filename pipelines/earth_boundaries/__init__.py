"""Bow shock and magnetopause of the Earth: the pipeline ``earth_boundaries``.

The object `pipeline` is what the entry point names. It imports torch and the rest only when it has
to work, so that a service without them can still list it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipelines.contract import Catalogue, Progress, Provenance, Span, SpanSource, silent
from pipelines.request import OnRequest

if TYPE_CHECKING:
    import numpy as np

    from pipelines.earth_boundaries.crossings import Crossings
    from pipelines.earth_boundaries.moments import MomentSeries
    from pipelines.earth_boundaries.simulate import Simulation
    from pipelines.earth_boundaries.source import SeriesInMemory

    Source = str | Path | MomentSeries | SeriesInMemory


class EarthBoundariesPipeline(OnRequest):
    """Finds crossings of the Earth's bow shock and magnetopause along orbits."""

    name = "earth_boundaries"
    title = "Crossings of the Earth's bow shock and magnetopause"
    version = "1.0"
    model = "EarthRegionNet"
    request_module = "pipelines.earth_boundaries.request"

    #: Windows that hold a minute reach 256 minutes to either side of it at most, and a crossing
    #: depends on half an hour around it: less than five hours.
    margin = timedelta(hours=6)

    def open(
        self,
        source: Source,
        *,
        span: Span | None = None,
        spacecraft: str | None = None,
        weights: str | Path | None = None,
        progress: Progress = silent,
    ) -> SpanSource:
        """Open a source for working on it span by span; see `pipelines.contract.SpanPipeline`.

        Raises
        ------
        PipelineError
            If the source cannot be used.
        """
        from pipelines.earth_boundaries.source import open_series

        return open_series(source, spacecraft=spacecraft, span=span, progress=progress)

    def state(self, *, spacecraft: str | None = None, weights: str | Path | None = None) -> str:
        """Return the digest of version, weights and rule, hexadecimal.

        Raises
        ------
        WeightsError
            If there are no weights.
        """
        from pipelines.weights import digest_weights

        text = json.dumps([self.name, self.version, digest_weights(_folder(weights), self.name)])
        return hashlib.sha256(text.encode()).hexdigest()

    def run(
        self,
        source: Source,
        *,
        span: Span | None = None,
        spacecraft: str | None = None,
        weights: str | Path | None = None,
        progress: Progress = silent,
    ) -> Catalogue:
        """Find crossings and describe them.

        Parameters
        ----------
        source
            A CSV file of moments and field, ``speasy:SPACECRAFT/START/STOP``,
            ``simulation:START/STOP[/SEED]``, a series, or what `open` returned.
        span
            Only crossings within it are wanted.
        spacecraft
            Who measured, when the file's name does not tell.
        weights
            Folder of weights; those that come with the package when not given.
        progress
            Told how the work goes on.

        Raises
        ------
        PipelineError
            If the source or the weights cannot be used.
        """
        from pipelines.contract import empty_frame
        from pipelines.earth_boundaries.catalogue import COLUMNS, build_frame
        from pipelines.earth_boundaries.crossings import find_crossings
        from pipelines.earth_boundaries.detect import (
            load_region_networks,
            named_regions,
            region_probabilities,
        )
        from pipelines.earth_boundaries.parameters import read_parameters
        from pipelines.earth_boundaries.source import open_series
        from pipelines.weights import digest_weights

        wanted = None if span is None else _widened(span, self.margin)
        opened = open_series(source, spacecraft=spacecraft, span=wanted, progress=progress)
        series = opened.whole if wanted is None else opened.whole.within(wanted)
        folder = _folder(weights)
        networks, parameters = load_region_networks(folder), read_parameters(folder)
        digest = digest_weights(folder, self.name)
        if series is None:
            frame = empty_frame(COLUMNS)
        else:
            probabilities = region_probabilities(series, networks, progress=progress)
            found = _within(series, find_crossings(probabilities, parameters.rule), span)
            frame = build_frame(
                series,
                found,
                parameters.calibration(found.evidence),
                named_regions(probabilities),
                model=self.model,
                version=self.version,
                digest=digest,
            )
        extent = opened.extent if span is None else span
        provenance = Provenance(
            pipeline=self.name,
            version=self.version,
            weights_sha256=digest,
            source=opened.description,
            source_sha256=opened.digest(wanted or opened.extent),
            time_min=extent.start,
            time_max=extent.stop,
            parameters={
                "spacecraft": opened.whole.spacecraft,
                "rule": asdict(parameters.rule),
                "networks": len(networks),
                "span": [span.start.isoformat(), span.stop.isoformat()] if span else None,
            },
        )
        return Catalogue(frame, COLUMNS, provenance)

    def simulate(
        self,
        *,
        start: str | np.datetime64 = "2003-02-01",
        days: float = 10.0,
        seed: int = 1,
        progress: Progress = silent,
    ) -> Simulation:
        """Simulate an orbit; see `pipelines.earth_boundaries.simulate.simulate`."""
        from pipelines.earth_boundaries.simulate import simulate

        return simulate(start=start, days=days, seed=seed, progress=progress)

    def train(
        self,
        inputs: Sequence[str | Path],
        labels: Sequence[Path],
        output: Path,
        *,
        seed: int = 0,
        seeds: int = 1,
        steps: int = 1200,
        window_steps: int = 1500,
        simulated: bool = True,
        spacecraft: str | None = None,
        progress: Progress = silent,
    ) -> Mapping[str, Any]:
        """Train networks on labelled windows or series, and on simulation, and write them.

        Windows (``.npz``) and series (CSV and others) have networks of their own; only those are
        written that something was given for.

        Parameters
        ----------
        inputs, labels
            One list for each input: labels of windows, or regions of a series.
        output
            Folder for the weights.
        seed, seeds
            First seed, and how many networks are trained with consecutive seeds.
        steps, window_steps
            Batches, for series and for windows.
        simulated
            Whether to learn from simulation, too.
        spacecraft
            Who measured, when the files' names do not tell.
        progress
            Told how the work goes on.

        Returns
        -------
        report
            What was learnt from, and the rule for crossings.

        Raises
        ------
        PipelineError
            If inputs or labels cannot be used.
        """
        from pipelines.earth_boundaries.protocol import train

        return train(
            inputs,
            labels,
            output,
            seeds=range(int(seed), int(seed) + int(seeds)),
            steps=int(steps),
            window_steps=int(window_steps),
            simulated=bool(simulated),
            spacecraft=spacecraft,
            progress=progress,
        )

    def evaluate(
        self,
        source: Source,
        labels: Path,
        *,
        spacecraft: str | None = None,
        weights: str | Path | None = None,
        tolerance: float = 180.0,
        progress: Progress = silent,
    ) -> Mapping[str, Any]:
        """Score regions and crossings against a list.

        Parameters
        ----------
        source, spacecraft, weights, progress
            As for `run`; or a file of windows, ``.npz``.
        labels
            Of windows: the ``.npz`` itself, or a number a line. Of a series: regions or crossings,
            see `pipelines.earth_boundaries.labels`.
        tolerance
            Seconds that a crossing may be off.

        Returns
        -------
        scores
            ``accuracy, macro_f1, per_class, confusion, crossing_f1, tolerance_s,
            time_error_median_s`` and more; ``None`` where a list does not tell what is needed.

        Raises
        ------
        PipelineError
            If source, labels or weights cannot be used, or no label lies in the source.
        """
        from pipelines.earth_boundaries.protocol import evaluate_series, evaluate_windows
        from pipelines.earth_boundaries.source import is_windows, open_series

        folder = _folder(weights)
        if is_windows(source):
            return evaluate_windows(Path(str(source)), labels, folder)
        opened = open_series(source, spacecraft=spacecraft, progress=progress)
        return evaluate_series(
            opened.whole, labels, folder, tolerance=float(tolerance), progress=progress
        )


def _folder(weights: str | Path | None) -> Path:
    from pipelines.earth_boundaries.weights import SHIPPED_WEIGHTS

    return Path(weights) if weights else SHIPPED_WEIGHTS


def _widened(span: Span, margin: timedelta) -> Span:
    return Span(span.start - margin, span.stop + margin)


def _within(series: MomentSeries, crossings: Crossings, span: Span | None) -> Crossings:
    """Return the crossings whose first minute lies in a span."""
    import numpy as np

    if span is None:
        return crossings
    times = series.time[crossings.edge]
    start, stop = (np.datetime64(each, "us") for each in (span.start, span.stop))
    return crossings.take((times >= start) & (times < stop))


pipeline = EarthBoundariesPipeline()

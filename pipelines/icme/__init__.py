"""Interplanetary coronal mass ejections in the solar wind: the pipeline ``icme``.

The object `pipeline` is what the entry point names. It imports torch and the rest only when it
has to work, so that a service without them can still list it.
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


class IcmePipeline(SolarWindPipeline):
    """Finds interplanetary coronal mass ejections in in-situ measurements of the solar wind."""

    name = "icme"
    title = "Interplanetary coronal mass ejections from in-situ solar wind"
    version = "2.1"
    model = "ICME-SIR-ResUNet"
    request_module = "pipelines.icme.request"

    #: An event reaches at most a week (`detect.LONGEST`) beyond its start, merging and smoothing
    #: 7 hours more, the network sees 7.1 days on either side of a sample, and gaps are bridged
    #: and unrest measured over 9 hours more: 14.8 days.
    margin = timedelta(days=15)

    def open(
        self,
        source: Source,
        *,
        span: Span | None = None,
        spacecraft: str | None = None,
        weights: str | Path | None = None,
        scaling: Scaling | None = None,
        streaming: float | None = None,
        icmecat: str | Path | None = None,
        progress: Progress = silent,
    ) -> SpanSource:
        """Open a source for working on it span by span; see `pipelines.contract.SpanPipeline`.

        Services are asked, and wind simulated, only for the spans that are then wanted, so `span`
        needs no attention here; `weights`, `scaling`, `streaming` and `icmecat` have no part in
        it and are taken because all methods take the same options.

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
        streaming: float | None = None,
        icmecat: str | Path | None = None,
    ) -> str:
        """Return the digest of version, weights, rule, scaling and reference list, hexadecimal.

        Who measured is part of the digest of the measurements.

        Raises
        ------
        WeightsError
            If there are no weights.
        LabelError
            If the reference list cannot be read.
        """
        from pipelines.icme.detect import SHIPPED_WEIGHTS, weights_digest

        folder = Path(weights) if weights else SHIPPED_WEIGHTS
        used = weights_digest(folder)
        other = asdict(scaling) if scaling else None
        waited = None
        if streaming is not None:
            from pipelines.icme.realtime import read_stream_rules

            waited = [float(streaming), asdict(read_stream_rules(folder).nearest(float(streaming)))]
        text = json.dumps([self.name, self.version, used, other, waited, _listed_digest(icmecat)])
        return hashlib.sha256(text.encode()).hexdigest()

    def run(
        self,
        source: Source,
        *,
        span: Span | None = None,
        spacecraft: str | None = None,
        weights: str | Path | None = None,
        scaling: Scaling | None = None,
        streaming: float | None = None,
        icmecat: str | Path | None = None,
        progress: Progress = silent,
    ) -> Catalogue:
        """Detect ejections and measure them.

        Parameters
        ----------
        source
            A file, ``speasy:SPACECRAFT/START/STOP``, ``simulation:START/STOP[/SEED]``, a series,
            or what `open` returned.
        span
            Only events that begin within it are wanted.
        spacecraft
            Who measured, when the file's name does not tell.
        weights
            Folder of weights; those that come with the package when not given.
        scaling
            Of the channels; that of the weights when not given.
        streaming
            Hours after which the answer for a sample is given, as in real time; after the fact
            when not given.
        icmecat
            File or address of ICMECAT, whose events are then named in the rows that they overlap.
        progress
            Told how the work goes on.

        Raises
        ------
        PipelineError
            If the source, the weights or the list cannot be used.
        """
        from pipelines.contract import empty_frame
        from pipelines.icme.catalogue import COLUMNS, build_frame
        from pipelines.icme.detect import SHIPPED_WEIGHTS, load_detector, search
        from pipelines.icme.icmecat import read_icmecat
        from pipelines.icme.realtime import detect_in_real_time, read_stream_rules
        from pipelines.icme.source import open_spans
        from pipelines.sources.channels import require_channels
        from pipelines.sources.spans import SeriesInMemory, read_within

        opened = open_spans(source, spacecraft=spacecraft, progress=progress)
        folder = Path(weights) if weights else SHIPPED_WEIGHTS
        detector = load_detector(folder)
        used = scaling or detector.scaling
        listed = read_icmecat(icmecat) if icmecat else None
        if isinstance(opened, SeriesInMemory):
            require_channels(opened.whole)  # of a part, all channels may well be lost
        series, digest = read_within(opened, span, self.margin)
        if series is None:
            frame = empty_frame(COLUMNS)
        else:
            if streaming is None:
                found = search(series, detector, scaling=used, progress=progress)
            else:
                wait = float(streaming)
                rule = read_stream_rules(folder).nearest(wait)
                found, _ = detect_in_real_time(
                    series, detector, rule, wait, scaling=used, progress=progress
                )
            found = found.within(series, span)
            frame = build_frame(
                series,
                found,
                model=self.model,
                version=self.version,
                digest=detector.digest,
                icmecat=listed,
            )
        provenance = self.record(
            opened,
            series,
            span=span,
            spacecraft=spacecraft,
            source_sha256=digest,
            weights_sha256=detector.digest,
            parameters={
                "rule": asdict(detector.rule),
                "scaling": asdict(used),
                "streaming": streaming,
                "networks": len(detector.networks),
                "icmecat_sha256": listed.digest if listed else None,
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
        """Simulate solar wind with ejections; see `pipelines.icme.simulate.simulate`."""
        from pipelines.icme.simulate import simulate

        return simulate(start=start, days=days, seed=seed, progress=progress)

    def train(
        self,
        inputs: Sequence[str | Path | InSituSeries],
        labels: Sequence[Path],
        output: Path,
        *,
        seed: int = 0,
        seeds: int = 1,
        folds: int = 5,
        fold_seeds: int | None = None,
        steps: int = 400,
        boundaries: str | Path | None = None,
        spacecraft: str | None = None,
        progress: Progress = silent,
    ) -> Mapping[str, Any]:
        """Train networks on labelled series and simulation, and write them with their rule.

        Parameters
        ----------
        inputs, labels
            One list of ejections for each series. The first series must have all channels; others
            may lack some, and then teach without choosing the event rule.
        output
            Folder for the weights.
        seed, seeds
            First seed, and how many networks are trained with consecutive seeds.
        folds
            Blocks of time for the cross-validation that chooses the event rule, at least 3.
        fold_seeds
            Networks a block; as many as `seeds` when not given.
        steps
            Batches of training at most.
        boundaries
            ICMECAT-like list that tells where magnetic obstacles start, if the labels do not.
        spacecraft
            Who measured, when the files' names do not tell.
        progress
            Told how the work goes on.

        Returns
        -------
        report
            The rule, the cross-validated scores and the training of each network.

        Raises
        ------
        PipelineError
            If inputs or labels cannot be used.
        """
        from pipelines.icme.protocol import run_training

        return run_training(
            inputs,
            labels,
            output,
            seeds=range(seed, seed + seeds),
            folds=folds,
            fold_seeds=fold_seeds or seeds,
            steps=steps,
            boundaries=Path(boundaries) if boundaries else None,
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
        streaming: float | None = None,
        progress: Progress = silent,
    ) -> Mapping[str, Any]:
        """Score detections against labels, for the ensemble and for each network alone.

        With `streaming`, detections are those of real time after that many hours, and the scores
        have ``delay_h`` and ``delay_fraction`` besides, those of single networks left out.

        Returns
        -------
        scores
            Those of `pipelines.icme.evaluate.score` for the ensemble; ``per_seed`` has the same
            for each network, ``f1_any_mean`` and ``f1_any_sd`` sum them up.

        Raises
        ------
        PipelineError
            If source, labels or weights cannot be used, or no label lies in the source.
        """
        from pipelines.icme.protocol import run_evaluation

        return run_evaluation(
            source,
            labels,
            spacecraft=spacecraft,
            weights=Path(weights) if weights else None,
            streaming=None if streaming is None else float(streaming),
            progress=progress,
        )


def _listed_digest(icmecat: str | Path | None) -> str | None:
    if not icmecat:
        return None
    from pipelines.icme.icmecat import read_icmecat

    return read_icmecat(icmecat).digest


pipeline = IcmePipeline()

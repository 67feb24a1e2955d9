"""Bow shock and magnetopause of Mercury in MESSENGER's field: the pipeline ``mercury_boundaries``.

The object `pipeline` is what the entry point names; torch and the rest are imported when it works.
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

    from pipelines.labelling import Proposals, TakenLabels
    from pipelines.mercury_boundaries.series import MagSeries
    from pipelines.mercury_boundaries.simulate import Simulation

    Source = str | Path | MagSeries


class MercuryBoundariesPipeline(OnRequest):
    """Finds crossings of Mercury's bow shock and magnetopause in magnetometer data."""

    name = "mercury_boundaries"
    title = "Bow shock and magnetopause of Mercury from MESSENGER's magnetometer"
    version = "1.2"
    model = "Mercury-Boundary-UNet"
    request_module = "pipelines.mercury_boundaries.request"

    #: An interval lasts at most 5 hours; it is decided in blocks of 3 hours with 2 on either side,
    #: from windows of 2.3 hours of bins that know of strong fields 6 hours away: 18.3 hours. What
    #: is measured of it lies within 6.5 hours.
    margin = timedelta(hours=24)

    def open(
        self,
        source: Source,
        *,
        span: Span | None = None,
        weights: str | Path | None = None,
        position: bool = True,
        progress: Progress = silent,
    ) -> SpanSource:
        """Open a source for working on it span by span; see `pipelines.contract.SpanPipeline`.

        Raises
        ------
        PipelineError
            If the source cannot be used.
        """
        from pipelines.mercury_boundaries.source import open_source

        return open_source(source, progress=progress)

    def state(self, *, weights: str | Path | None = None, position: bool = True) -> str:
        """Return the digest of version, weights, rules and mode, hexadecimal.

        Raises
        ------
        WeightsError
            If there are no weights.
        """
        from pipelines.mercury_boundaries.active.column import drift_digest
        from pipelines.mercury_boundaries.detect import weights_digest

        digests = [weights_digest(_folder(weights)), drift_digest()]
        text = json.dumps([self.name, self.version, *digests, position])
        return hashlib.sha256(text.encode()).hexdigest()

    def run(
        self,
        source: Source,
        *,
        span: Span | None = None,
        weights: str | Path | None = None,
        position: bool = True,
        progress: Progress = silent,
    ) -> Catalogue:
        """Detect crossings and measure them.

        Parameters
        ----------
        source
            A file or folder of the magnetometer, ``simulation:START/ORBITS[/SEED]``, a series, or
            what `open` returned.
        span
            Only crossings that begin within it are wanted.
        weights
            Folder of weights; those that come with the package when not given.
        position
            Whether the detector may know where the spacecraft is. The catalogue has the positions
            in either case.
        progress
            Told how the work goes on.

        Raises
        ------
        PipelineError
            If the source or the weights cannot be used.
        """
        from pipelines.mercury_boundaries.catalogue import COLUMNS
        from pipelines.mercury_boundaries.detect import load_detector
        from pipelines.mercury_boundaries.run import catalogue_frame
        from pipelines.mercury_boundaries.source import open_source

        series = open_source(source, progress=progress)
        detector = load_detector(_folder(weights))
        asked = span or series.extent
        with_margin = Span(asked.start - self.margin, asked.stop + self.margin)
        frame = catalogue_frame(
            series,
            detector,
            span,
            margin=self.margin,
            position=position,
            model=self.model,
            version=self.version,
            progress=progress,
        )
        provenance = Provenance(
            pipeline=self.name,
            version=self.version,
            weights_sha256=detector.digest,
            source=series.description,
            source_sha256=series.digest(with_margin),
            time_min=max(asked.start, series.extent.start) if len(series) else asked.start,
            time_max=min(asked.stop, series.extent.stop) if len(series) else asked.stop,
            parameters={
                "rule": asdict(detector.rule if position else detector.rule_without_position),
                "position": position,
                "networks": len(detector.networks),
                "span": [span.start.isoformat(), span.stop.isoformat()] if span else None,
            },
        )
        return Catalogue(frame, COLUMNS, provenance)

    def simulate(
        self,
        *,
        start: str | np.datetime64 = "2012-01-01",
        orbits: float = 2.0,
        seed: int = 1,
        progress: Progress = silent,
    ) -> Simulation:
        """Simulate orbits; see `pipelines.mercury_boundaries.simulate.simulate`."""
        from pipelines.mercury_boundaries.simulate import simulate

        return simulate(start=start, orbits=orbits, seed=seed, progress=progress)

    def train(
        self,
        inputs: Sequence[str | Path],
        labels: Sequence[Path],
        output: Path,
        *,
        seed: int = 0,
        seeds: int = 5,
        folds: int = 3,
        keep: int = 3,
        steps: int | None = None,
        answers: str | Path | None = None,
        progress: Progress = silent,
    ) -> Mapping[str, Any]:
        """Train networks on labelled orbits and simulation, choose the rules, and write both.

        Parameters
        ----------
        inputs
            Files or folders of orbits.
        labels
            One for each input: the same path again where the files hold ``type_num``, or a list of
            intervals (Sun, Philpott, PyMess).
        output
            Folder for the weights.
        seed, seeds
            First seed, and how many networks are trained with consecutive seeds.
        folds
            Groups of orbits for the cross-validation that chooses the rules, at least 2.
        keep
            Networks of each step that are written; the others only give scores their spread.
        steps
            Batches of each training, and nothing simulated; as shipped when not given.
        answers
            File for what was found in orbits left out, which `figures` draws.
        progress
            Told how the work goes on.

        Returns
        -------
        report
            The rules and the cross-validated scores.

        Raises
        ------
        PipelineError
            If inputs or labels cannot be used.
        """
        from pipelines.mercury_boundaries.fitting import run_training

        return run_training(
            inputs,
            labels,
            output,
            seeds=range(seed, seed + seeds),
            folds=folds,
            keep=keep,
            steps=steps,
            answers=Path(answers) if answers else None,
            progress=progress,
        )

    def evaluate(
        self,
        source: str | Path,
        labels: Path,
        *,
        weights: str | Path | None = None,
        position: bool = True,
        tolerance: float | None = None,
        progress: Progress = silent,
    ) -> Mapping[str, Any]:
        """Score detections against labels.

        Parameters
        ----------
        source, weights, position, progress
            As for `run`.
        labels
            Orbits with ``type_num`` (a file or a folder, also the source itself), or a list of
            intervals.
        tolerance
            Seconds that two intervals of one crossing may lie apart; 60 when not given.

        Returns
        -------
        scores
            Those of `pipelines.mercury_boundaries.evaluate.all_scores`.

        Raises
        ------
        PipelineError
            If source, labels or weights cannot be used, or no label lies in the source.
        """
        from pipelines.mercury_boundaries.run import run_evaluation

        return run_evaluation(
            source,
            Path(labels),
            weights=_folder(weights),
            position=position,
            tolerance=tolerance,
            progress=progress,
        )

    def propose(
        self,
        source: Source,
        store: Path,
        *,
        count: int = 5,
        weights: str | Path | None = None,
        progress: Progress = silent,
    ) -> Proposals:
        """Propose orbits to label next; see `pipelines.labelling` and `active.propose`.

        Raises
        ------
        PipelineError
            If the source, the weights or the store cannot be used, or no orbit is left.
        """
        from pipelines.mercury_boundaries.active.propose import propose_orbits
        from pipelines.mercury_boundaries.detect import load_detector
        from pipelines.mercury_boundaries.source import open_source

        detector = load_detector(_folder(weights))
        series = open_source(source, progress=progress)
        return propose_orbits(series, detector, store, count=count, progress=progress)

    def take_labels(
        self, source: Source, form: Path, store: Path, *, progress: Progress = silent
    ) -> TakenLabels:
        """Check a form and keep its labels; see `pipelines.labelling` and `active.labelled`.

        Raises
        ------
        PipelineError
            If the source cannot be used or a row of the form is wrong.
        """
        from pipelines.mercury_boundaries.active.labelled import take_form
        from pipelines.mercury_boundaries.source import open_source

        return take_form(open_source(source, progress=progress), form, store, progress)


def _folder(weights: str | Path | None) -> Path:
    from pipelines.mercury_boundaries.detect import SHIPPED_WEIGHTS

    return Path(weights) if weights else SHIPPED_WEIGHTS


pipeline = MercuryBoundariesPipeline()

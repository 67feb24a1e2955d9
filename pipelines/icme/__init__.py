"""Interplanetary coronal mass ejections in the solar wind: the pipeline ``icme``.

The object `pipeline` is what the entry point names. It imports torch and the rest only when it
has to work, so that a service without them can still list it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipelines.contract import Catalogue, Progress, Provenance, silent

if TYPE_CHECKING:
    import numpy as np

    from pipelines.icme.features import Scaling
    from pipelines.icme.simulate import Simulation
    from pipelines.sources.insitu import InSituSeries


class IcmePipeline:
    """Finds interplanetary coronal mass ejections in in-situ measurements of the solar wind."""

    name = "icme"
    title = "Interplanetary coronal mass ejections from in-situ solar wind"
    version = "1.0"
    model = "ICME-ResUNet"

    def run(
        self,
        source: str | Path | InSituSeries,
        *,
        spacecraft: str | None = None,
        weights: str | Path | None = None,
        scaling: Scaling | None = None,
        progress: Progress = silent,
    ) -> Catalogue:
        """Detect ejections and measure them.

        Parameters
        ----------
        source
            A file, ``speasy:SPACECRAFT/START/STOP``, ``simulation:START/STOP[/SEED]`` or a series.
        spacecraft
            Who measured, when the file's name does not tell.
        weights
            Folder of weights; those that come with the package when not given.
        scaling
            Of the channels; measured from the source when not given.
        progress
            Told how the work goes on.

        Raises
        ------
        PipelineError
            If the source or the weights cannot be used.
        """
        from pipelines.icme.catalogue import COLUMNS, build_frame
        from pipelines.icme.detect import SHIPPED_WEIGHTS, detect, load_detector
        from pipelines.icme.features import measure_scaling
        from pipelines.icme.source import open_source

        series = open_source(source, spacecraft=spacecraft, progress=progress)
        detector = load_detector(Path(weights) if weights else SHIPPED_WEIGHTS)
        used = scaling or measure_scaling(series)
        detections = detect(series, detector, scaling=used, progress=progress)
        frame = build_frame(
            series, detections, model=self.model, version=self.version, digest=detector.digest
        )
        times = series.time[[0, -1]].astype("datetime64[s]").tolist()
        provenance = Provenance(
            pipeline=self.name,
            version=self.version,
            weights_sha256=detector.digest,
            source=series.description,
            source_sha256=series.sha256(),
            time_min=times[0],
            time_max=times[1],
            parameters={
                "spacecraft": series.spacecraft.name,
                "rule": asdict(detector.rule),
                "scaling": asdict(used),
                "networks": len(detector.networks),
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
        progress: Progress = silent,
    ) -> Mapping[str, Any]:
        """Score detections against labels, for the ensemble and for each network alone.

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
            progress=progress,
        )


pipeline = IcmePipeline()

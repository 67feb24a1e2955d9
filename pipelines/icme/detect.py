"""From a series to events: probabilities by the networks, then intervals with their parts."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipelines.contract import Progress, digest_files, silent
from pipelines.errors import WeightsError, require
from pipelines.icme.decide import Detections, decide
from pipelines.icme.features import (
    FEATURES,
    REFERENCE,
    Scaling,
    features,
    require_channels,
    usable_samples,
)
from pipelines.signals.calibration import Calibration
from pipelines.signals.events import EventRule
from pipelines.signals.windows import overlap_average
from pipelines.sources.insitu import CADENCE, InSituSeries
from pipelines.weights import load_into, weight_files, write_tensors

#: Where the weights that come with the package are.
SHIPPED_WEIGHTS = Path(__file__).parent / "weights"

#: Step between windows: each sample is seen by this many windows less, of 1024 samples.
STEP = 512

#: What stands beside the weights: everything else that detections depend on.
PARAMETERS_FILE = "parameters.json"


@dataclass(frozen=True)
class Detector:
    """Trained networks and the rule that turns their answers into events.

    Attributes
    ----------
    networks
        ``IcmeNetwork`` each, in evaluation mode; their answers are averaged.
    rule
        Thresholds and lengths.
    calibration
        From the mean probability of an event to the confidence in it.
    digest
        SHA-256 of the weights and parameters, hexadecimal.
    scaling
        Of the channels. It belongs to the weights and not to a series, so that what is found in a
        week does not depend on what else was read.
    """

    networks: tuple[Any, ...]
    rule: EventRule
    calibration: Calibration
    digest: str
    scaling: Scaling = REFERENCE

    def single(self, number: int) -> Detector:
        """Return the detector that uses only one of the networks."""
        return replace(self, networks=(self.networks[number],))


def load_detector(folder: Path = SHIPPED_WEIGHTS) -> Detector:
    """Load all weights of a folder and their parameters.

    Raises
    ------
    WeightsError
        If there are no weights, or they do not fit the network of this version.
    MissingDependencyError
        If torch or safetensors is not installed.
    """
    *paths, parameters = weight_files(folder, "icme", beside=PARAMETERS_FILE)
    networks = [load_network(path) for path in paths]
    rule, calibration, scaling = read_parameters(parameters)
    return Detector(tuple(networks), rule, calibration, weights_digest(folder), scaling)


def load_network(path: Path) -> Any:
    """Load one network, in evaluation mode.

    Raises
    ------
    WeightsError
        If the file is none, or is that of another network.
    MissingDependencyError
        If torch or safetensors is not installed.
    """
    require("torch")
    from pipelines.icme.model import IcmeNetwork

    return load_into(IcmeNetwork(len(FEATURES)), path)


def weights_digest(folder: Path = SHIPPED_WEIGHTS) -> str:
    """Return the SHA-256 of all weights of a folder and their parameters, hexadecimal.

    Raises
    ------
    WeightsError
        If there are none.
    """
    return digest_files(weight_files(folder, "icme", beside=PARAMETERS_FILE))


def read_parameters(path: Path) -> tuple[EventRule, Calibration, Scaling]:
    """Read the event rule, the calibration and the scaling from a parameters file.

    Files without a scaling are of networks trained with `REFERENCE`.

    Raises
    ------
    WeightsError
        If it is not there or not complete.
    """
    try:
        values = json.loads(path.read_text())
        return (
            EventRule(**values["rule"]),
            Calibration(**values["calibration"]),
            _read_scaling(values["scaling"]) if "scaling" in values else REFERENCE,
        )
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise WeightsError(
            f"{path} has no usable rule and calibration: {error}", hint="train again"
        ) from error


def _read_scaling(values: Mapping[str, Any]) -> Scaling:
    return Scaling(tuple(values["median"]), tuple(values["deviation"]), float(values["field"]))


def write_detector(
    folder: Path,
    networks: dict[str, Any],
    rule: EventRule,
    calibration: Calibration,
    notes: Any,
    scaling: Scaling = REFERENCE,
) -> None:
    """Write weights, one file a network, and the other parameters with notes on their origin.

    Raises
    ------
    WeightsError
        If the folder cannot be written.
    """
    for name, network in networks.items():
        write_tensors(network.state_dict(), folder / f"{name}.safetensors")
    parameters = {
        "rule": asdict(rule),
        "calibration": asdict(calibration),
        "scaling": asdict(scaling),
        "notes": notes,
    }
    try:
        (folder / PARAMETERS_FILE).write_text(json.dumps(parameters, indent=2) + "\n")
    except OSError as error:
        raise WeightsError(f"{folder} cannot be written: {error}") from error


def class_probabilities(
    networks: tuple[Any, ...],
    inputs: NDArray[np.float32],
    first: int,
    *,
    progress: Progress = silent,
) -> NDArray[np.float32]:
    """Return the mean probability of each class over networks and windows.

    Parameters
    ----------
    networks
        To be averaged.
    inputs
        Shape (`FEATURES`, n).
    first
        Number of the first sample since 1970.
    progress
        Told after each batch.

    Returns
    -------
    probabilities
        Shape (classes, n), in the order of `pipelines.icme.model.CLASSES`.
    """
    torch = require("torch")
    from pipelines.icme.model import WINDOW

    def answer(windows: NDArray[np.float32]) -> NDArray[np.float32]:
        with torch.inference_mode():
            tensor = torch.from_numpy(windows)
            answers = [torch.softmax(network(tensor), dim=1) for network in networks]
            return np.asarray(torch.stack(answers).mean(dim=0).numpy(), dtype=np.float32)

    return overlap_average(inputs, first, WINDOW, STEP, answer, progress=progress)


def first_sample(series: InSituSeries) -> int:
    """Return the number of a series' first sample since 1970."""
    since = series.start.astype("datetime64[us]").astype(np.int64)
    return int(since // CADENCE.astype("timedelta64[us]").astype(np.int64))


def detect(
    series: InSituSeries,
    detector: Detector,
    *,
    scaling: Scaling | None = None,
    progress: Progress = silent,
) -> Detections:
    """Find the ejections in a series.

    Parameters
    ----------
    series
        Measurements on the regular grid.
    detector
        Networks and rule.
    scaling
        Of the channels; that of the detector when not given.
    progress
        Told after each batch of windows.

    Raises
    ------
    SourceError
        If a channel has no measurements at all.
    """
    require_channels(series)
    return search(series, detector, scaling=scaling or detector.scaling, progress=progress)


def search(
    series: InSituSeries, detector: Detector, *, scaling: Scaling, progress: Progress = silent
) -> Detections:
    """Find the ejections in a series that may lack channels altogether; see `detect`."""
    inputs = features(series, scaling)
    probabilities = class_probabilities(
        detector.networks, inputs, first_sample(series), progress=progress
    )
    found = decide(probabilities, detector.rule, usable_samples(inputs))
    return replace(found, confidence=detector.calibration(found.confidence))

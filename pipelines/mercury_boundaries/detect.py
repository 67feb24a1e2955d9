"""The networks with their rule: loading, keeping, and asking them about a series."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from pipelines.contract import Progress, digest_files, silent
from pipelines.errors import WeightsError, require
from pipelines.mercury_boundaries.decide import PassageRule
from pipelines.mercury_boundaries.edges import EDGE_CHANNELS, EdgeAnswer
from pipelines.mercury_boundaries.features import CHANNELS, Bins, channels
from pipelines.mercury_boundaries.passages import Passages, find_passages
from pipelines.mercury_boundaries.prior import ApproachPrior
from pipelines.signals.calibration import Calibration
from pipelines.signals.windows import overlap_average
from pipelines.weights import load_into, weight_files, write_tensors

#: Where the weights are that come with the package.
SHIPPED_WEIGHTS: Final = Path(__file__).parent / "weights"

PARAMETERS_FILE: Final = "parameters.json"

#: Name of the pipeline, for hints.
CASE: Final = "mercury_boundaries"

#: What names of networks of the second step begin with.
EDGES: Final = "edges"

#: Bins between two windows, and windows a batch.
STEP: Final = 1024
_BATCH = 8


@dataclass(frozen=True)
class Detector:
    """Networks whose answers are averaged, and what makes crossings of them.

    Attributes
    ----------
    networks
        In evaluation mode.
    edges
        Networks of the second step, which may be none.
    rule
        For series with position.
    rule_without_position
        For others.
    prior
        For others, too: what the time from the strongest field says.
    calibration
        From the raw score of an interval to the confidence in it.
    digest
        SHA-256 of the files, hexadecimal.
    notes
        How the weights came about.
    """

    networks: tuple[Any, ...]
    edges: tuple[Any, ...]
    rule: PassageRule
    rule_without_position: PassageRule
    prior: ApproachPrior
    calibration: Calibration
    digest: str
    notes: Mapping[str, Any]

    def single(self, number: int) -> Detector:
        """Return the detector that uses only one of the networks."""
        edges = (self.edges[number],) if self.edges else ()
        return replace(self, networks=(self.networks[number],), edges=edges)

    def probabilities(self, bins: Bins, progress: Progress = silent) -> NDArray[np.float32]:
        """Return the probabilities of the classes of bins, with or without position."""
        said = class_probabilities(self.networks, bins, progress=progress)
        return said if bins.place is not None else self.prior(said, bins)

    def passages(self, bins: Bins, progress: Progress = silent) -> Passages:
        """Return what is found in bins, with or without position."""
        answer = edge_answer(self.edges) if self.edges else None
        return find_passages(self.probabilities(bins, progress), bins, self.rule_for(bins), answer)

    def rule_for(self, bins: Bins) -> PassageRule:
        """Return the rule for a series with or without position."""
        return self.rule if bins.place is not None else self.rule_without_position


def class_probabilities(
    networks: Sequence[Any], bins: Bins, *, progress: Progress = silent
) -> NDArray[np.float32]:
    """Return the mean probabilities of the classes, shape (classes, n).

    Windows stand at fixed times: a bin has the same answer in whatever excerpt it stands, if it is
    a window away from the ends.
    """
    torch = require("torch")
    from pipelines.mercury_boundaries.model import WINDOW

    def answer(windows: NDArray[np.float32]) -> NDArray[np.float32]:
        with torch.inference_mode():
            given = torch.from_numpy(windows)
            said = torch.stack([torch.softmax(each(given), dim=1) for each in networks])
            mean: NDArray[np.float32] = said.mean(dim=0).numpy()
        return mean

    return overlap_average(
        channels(bins), bins.first, WINDOW, STEP, answer, batch=_BATCH, progress=progress
    )


def edge_answer(networks: Sequence[Any]) -> EdgeAnswer:
    """Return what asks networks of the second step: their mean probabilities."""
    torch = require("torch")

    def answer(windows: NDArray[np.float32]) -> NDArray[np.float32]:
        with torch.inference_mode():
            given = torch.from_numpy(windows)
            said = torch.stack([torch.softmax(each(given), dim=1) for each in networks])
            mean: NDArray[np.float32] = said.mean(dim=0).numpy()
        return mean

    return answer


def load_detector(folder: Path = SHIPPED_WEIGHTS) -> Detector:
    """Load all weights of a folder and their parameters.

    Raises
    ------
    WeightsError
        If there are none, or they do not fit the network of this version.
    MissingDependencyError
        If torch or safetensors is not installed.
    """
    *paths, parameters = weight_files(folder, CASE, beside=PARAMETERS_FILE)
    try:
        values = json.loads(parameters.read_text())
        rule = PassageRule(**values["rule"])
        blind = PassageRule(**values["rule_without_position"])
        prior = ApproachPrior(tuple(tuple(row) for row in values["prior"]))
        calibration = Calibration(**values["calibration"])
        notes = values["notes"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise WeightsError(
            f"{parameters} has no usable rules: {error}", hint="train again"
        ) from error
    require("torch")
    from pipelines.mercury_boundaries.edge_model import EdgeNetwork
    from pipelines.mercury_boundaries.model import BoundaryNetwork

    first = [path for path in paths if not path.name.startswith(EDGES)]
    second = [path for path in paths if path.name.startswith(EDGES)]
    return Detector(
        tuple(load_into(BoundaryNetwork(len(CHANNELS)), path) for path in first),
        tuple(load_into(EdgeNetwork(len(EDGE_CHANNELS)), path) for path in second),
        rule,
        blind,
        prior,
        calibration,
        weights_digest(folder),
        notes,
    )


def weights_digest(folder: Path = SHIPPED_WEIGHTS) -> str:
    """Return the SHA-256 of all weights of a folder and their parameters, hexadecimal.

    Raises
    ------
    WeightsError
        If there are none.
    """
    return digest_files(weight_files(folder, CASE, beside=PARAMETERS_FILE))


def write_detector(
    folder: Path,
    networks: Mapping[str, Any],
    rule: PassageRule,
    rule_without_position: PassageRule,
    prior: ApproachPrior,
    calibration: Calibration,
    notes: Mapping[str, Any],
) -> None:
    """Write weights in half precision, one file a network, and everything else beside them.

    Networks whose name begins with `EDGES` are those of the second step.

    Raises
    ------
    WeightsError
        If the folder cannot be written.
    """
    torch = require("torch")
    for name, network in networks.items():
        state = {key: value.to(torch.float16) for key, value in network.state_dict().items()}
        write_tensors(state, folder / f"{name}.safetensors")
    parameters = {
        "rule": asdict(rule),
        "rule_without_position": asdict(rule_without_position),
        "prior": [[round(each, 4) for each in row] for row in prior.logarithms],
        "calibration": asdict(calibration),
        "notes": notes,
    }
    try:
        (folder / PARAMETERS_FILE).write_text(json.dumps(parameters, indent=2) + "\n")
    except OSError as error:
        raise WeightsError(f"{folder} cannot be written: {error}") from error

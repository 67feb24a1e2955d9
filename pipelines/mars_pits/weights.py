"""Networks with their rules as files, and the detector that they make."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipelines.errors import WeightsError
from pipelines.mars_pits.instances import Bytes, Rule, quantised

Values = NDArray[np.float64]

#: Where the weights that come with the package are.
SHIPPED_WEIGHTS = Path(__file__).parent / "weights"
#: Names of the files in a folder of weights.
PARAMETERS = "parameters.json"


def network_file(number: int) -> str:
    """Return the name of the file of a network."""
    return f"seed{number}.safetensors"


@dataclass(frozen=True)
class Member:
    """A network of a folder, as `PARAMETERS` describes it.

    Attributes
    ----------
    file
        Name of its file.
    rule
        How its maps are read.
    validation
        Its mean average precision of boxes on the validation pictures, 0.5 to 0.95.
    """

    file: str
    rule: Rule
    validation: float


@dataclass(frozen=True)
class Parameters:
    """What a folder of weights holds.

    Attributes
    ----------
    classes
        Names in the order of the network's head.
    negatives
        Classes that are no rows of a catalogue.
    members
        The networks, the one that is used first.
    simulated
        Whether all that was learnt from is simulated.
    together
        How the mean of the maps of all networks is read; `None` where there is but one.
    """

    classes: tuple[str, ...]
    negatives: frozenset[str]
    members: tuple[Member, ...]
    simulated: bool
    together: Rule | None = None

    def write(self, folder: Path) -> None:
        """Write them into a folder, which is made.

        Raises
        ------
        WeightsError
            If that cannot be done.
        """
        content = {
            "classes": list(self.classes),
            "negatives": sorted(self.negatives),
            "simulated": self.simulated,
            "together": None if self.together is None else self.together.as_dict(),
            "networks": [
                {"file": each.file, "validation": each.validation, "rule": each.rule.as_dict()}
                for each in self.members
            ],
        }
        try:
            folder.mkdir(parents=True, exist_ok=True)
            (folder / PARAMETERS).write_text(json.dumps(content, indent=2) + "\n", "utf-8")
        except OSError as error:
            raise WeightsError(f"{folder / PARAMETERS} cannot be written: {error}") from error


def read_parameters(folder: Path) -> Parameters:
    """Read what a folder of weights holds.

    Raises
    ------
    WeightsError
        If it is no such folder.
    """
    path = folder / PARAMETERS
    if not path.is_file():
        raise WeightsError(
            f"{folder} has no weights: {PARAMETERS} is missing",
            hint="make some with: epntap train mars_pits --data FOLDER --output WEIGHTS",
        )
    try:
        content = json.loads(path.read_text("utf-8"))
        return Parameters(
            tuple(str(name) for name in content["classes"]),
            frozenset(str(name) for name in content["negatives"]),
            tuple(_member(each) for each in content["networks"]),
            bool(content["simulated"]),
            None if content["together"] is None else _rule(content["together"]),
        )
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise WeightsError(
            f"{path} is no description of weights: {error}", hint="train again with this version"
        ) from error


def _rule(content: dict[str, Any]) -> Rule:
    coefficients = tuple(float(each) for each in content["coefficients"])
    # Weights from before classes had any have none.
    weights = tuple(float(each) for each in content.get("class_weights", ()))
    return Rule(**{**content, "coefficients": coefficients, "class_weights": weights})


def _member(content: dict[str, Any]) -> Member:
    return Member(str(content["file"]), _rule(content["rule"]), float(content["validation"]))


@dataclass(frozen=True)
class Detector:
    """Networks that are ready for work, with everything that their results depend on.

    Attributes
    ----------
    networks
        Folded, in evaluation mode; the mean of their maps counts.
    rule
        How its maps are read.
    classes, negatives
        Names by number, and those that are no pits.
    digest
        Hexadecimal SHA-256 of all of it.
    simulated
        Whether all that it learnt from is simulated.
    """

    networks: tuple[Any, ...]
    rule: Rule
    classes: tuple[str, ...]
    negatives: frozenset[str]
    digest: str
    simulated: bool

    def maps(self, window: Values) -> Bytes:
        """Return the probabilities that the networks give a window, 255 for 1.

        Parameters
        ----------
        window
            Brightness, shape (rows, cols), or (bands, rows, cols) of which the mean is taken.

        Returns
        -------
        maps
            Inside, core and each class, shape (2 + classes, rows, cols).
        """
        from pipelines.mars_pits.model import mean_maps

        grey = window if window.ndim == 2 else window.mean(axis=0)
        return quantised(mean_maps(self.networks, grey))


def load_detector(folder: Path | None = None, number: int | None = 0) -> Detector:
    """Load a network of a folder, or all of them.

    Parameters
    ----------
    folder
        Of the weights; those of the package when not given.
    number
        Which of its networks; the mean of all, which takes as many times longer, if `None`.

    Raises
    ------
    WeightsError
        If the folder has none, or not that one.
    """
    from pipelines.images.network import load_network

    where = SHIPPED_WEIGHTS if folder is None else folder
    parameters = read_parameters(where)
    members, rule = parameters.members, parameters.together
    if number is not None or rule is None:
        chosen = number or 0
        if not 0 <= chosen < len(members):
            raise WeightsError(
                f"{where} has {len(members)} networks, none with the number {chosen}"
            )
        members, rule = members[chosen : chosen + 1], members[chosen].rule
    networks, digest = [], hashlib.sha256()
    for member in members:
        network, _ = load_network(where / member.file)
        networks.append(network.folded())
        digest.update((where / member.file).read_bytes())
    text = [rule.as_dict(), list(parameters.classes), sorted(parameters.negatives)]
    digest.update(json.dumps(text).encode())
    return Detector(
        tuple(networks),
        rule,
        parameters.classes,
        parameters.negatives,
        digest.hexdigest(),
        parameters.simulated,
    )


def write_weights(
    folder: Path,
    networks: Sequence[Any],
    members: Sequence[Member],
    *,
    classes: Sequence[str],
    negatives: frozenset[str],
    simulated: bool,
    together: Rule | None = None,
) -> None:
    """Write networks with their rules; the one that did best on validation pictures comes first.

    Convolutions are kept in half precision.

    Raises
    ------
    WeightsError
        If that cannot be done.
    """
    from pipelines.images.network import save_network

    for network, member in zip(networks, members, strict=True):
        save_network(network, folder / member.file, half=True)
    order = sorted(members, key=lambda each: -each.validation)
    Parameters(tuple(classes), negatives, tuple(order), simulated, together).write(folder)

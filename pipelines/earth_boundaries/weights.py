"""Files of weights: written, loaded, and their digest."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pipelines.contract import digest_files
from pipelines.errors import WeightsError, require

#: Where the weights that come with the package are.
SHIPPED_WEIGHTS = Path(__file__).parent / "weights"


def save_network(network: Any, path: Path) -> None:
    """Write the weights of a network.

    Raises
    ------
    WeightsError
        If the file cannot be written.
    """
    safetensors = require("safetensors.torch")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()  # so that the file has the usual rights; safetensors alone would hide it
        safetensors.save_file(
            {name: each.contiguous() for name, each in network.state_dict().items()}, str(path)
        )
    except OSError as error:
        raise WeightsError(f"{path} cannot be written: {error}") from error


def load_into(network: Any, path: Path) -> Any:
    """Load weights into a network and return it in evaluation mode.

    Raises
    ------
    WeightsError
        If the file is none, or that of another network.
    """
    safetensors = require("safetensors.torch")
    damaged = require("safetensors").SafetensorError
    try:
        network.load_state_dict(safetensors.load_file(str(path)))
    except (RuntimeError, OSError, damaged) as error:
        raise WeightsError(
            f"{path} does not hold weights of this network: {str(error).splitlines()[0]}",
            hint="train again with this version",
        ) from error
    return network.eval()


def weights_digest(folder: Path) -> str:
    """Return the SHA-256 of all weights and rules of a folder, hexadecimal.

    Raises
    ------
    WeightsError
        If there are none.
    """
    paths = [*folder.glob("*.safetensors"), *folder.glob("*.json")]
    if not paths:
        raise WeightsError(
            f"{folder} has no weights",
            hint=f"make some with: epntap train earth_boundaries --output {folder}",
        )
    return digest_files(paths)

"""Files of weights beside a pipeline: written, loaded into a network, found and digested."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pipelines.contract import digest_files
from pipelines.errors import WeightsError, require


def write_tensors(
    tensors: Mapping[str, Any], path: Path, metadata: Mapping[str, str] | None = None
) -> None:
    """Write tensors as safetensors; the folder is made.

    Raises
    ------
    WeightsError
        If the file cannot be written.
    """
    safetensors = require("safetensors.torch")
    # As bytes: the library's own files can be read by nobody but their owner.
    content = safetensors.save(
        {name: each.contiguous() for name, each in tensors.items()}, metadata=metadata
    )
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
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


def weight_files(folder: Path, case: str, names: str = "*", beside: str = "") -> list[Path]:
    """Return the files of weights in a folder, in order of their names.

    Parameters
    ----------
    folder
        Where they are.
    case
        Name of the pipeline, for the hint.
    names
        Pattern of the names without their ending.
    beside
        Name of a file without which they are of no use; it comes last.

    Raises
    ------
    WeightsError
        If there are none, or what belongs beside them is not there.
    """
    paths = sorted(folder.glob(f"{names}.safetensors"))
    others = [folder / beside] if beside else []
    if not paths or not all(each.is_file() for each in others):
        wanted = " and ".join([f"{names}.safetensors", *(each.name for each in others)])
        raise WeightsError(
            f"{folder} has no weights ({wanted})",
            hint=f"make some with: epntap train {case} --output {folder}",
        )
    return [*paths, *others]


def digest_weights(folder: Path, case: str) -> str:
    """Return the SHA-256 of all weights and rules (``*.json``) of a folder, hexadecimal.

    Raises
    ------
    WeightsError
        If there are no weights.
    """
    return digest_files([*weight_files(folder, case), *folder.glob("*.json")])

"""A U-Net for images, small enough to read and to train on one processor.

    1      block ---------------------------------> + block -> heads
    1/2      pool, block ------------------> + block
    1/4        pool, block ---------> + block
    ...          pool, block -> raise

Blocks are two convolutions of 3 x 3 with batch normalisation: with its statistics fixed after
training, a value depends on the pixels within `UNet.reach` alone and not on the rest of the window,
which results that do not depend on tiles need (a normalisation over the window would not do).
After O. Ronneberger et al. (2015), MICCAI, LNCS 9351, 234; widths grow by the same step a level
instead of doubling, and what comes from below is added instead of joined, for the sake of size.
Importing this module needs torch.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.utils.fusion import fuse_conv_bn_eval

from pipelines.errors import WeightsError, require

#: Key of the metadata of a file that holds what a network is made with.
_SHAPE = "network"


class Convolution(nn.Module):
    """A convolution of 3 x 3, normalised, what is negative cut off."""

    def __init__(self, into: int, out: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(into, out, 3, padding=1, bias=False)
        self.norm: nn.Module = nn.BatchNorm2d(out)

    def forward(self, x: Tensor) -> Tensor:
        """Map (n, into, rows, cols) to (n, out, rows, cols)."""
        return functional.relu(self.norm(self.conv(x)), inplace=True)

    def fold(self) -> None:
        """Put the fixed normalisation into the weights of the convolution."""
        if isinstance(self.norm, nn.BatchNorm2d):
            self.conv = fuse_conv_bn_eval(self.conv, self.norm)
            self.norm = nn.Identity()


class Block(nn.Module):
    """Two convolutions."""

    def __init__(self, into: int, out: int) -> None:
        super().__init__()
        self.first = Convolution(into, out)
        self.second = Convolution(out, out)

    def forward(self, x: Tensor) -> Tensor:
        """Map (n, into, rows, cols) to (n, out, rows, cols)."""
        y: Tensor = self.second(self.first(x))
        return y


class Rise(nn.Module):
    """Bring a level to twice its resolution and add it to the one above."""

    def __init__(self, below: int, beside: int) -> None:
        super().__init__()
        self.reduce = nn.Conv2d(below, beside, 1)
        self.block = Block(beside, beside)

    def forward(self, below: Tensor, beside: Tensor) -> Tensor:
        """Map (n, below, rows / 2, cols / 2) and (n, beside, rows, cols) to the latter's shape."""
        raised = functional.interpolate(
            self.reduce(below), scale_factor=2.0, mode="bilinear", align_corners=False
        )
        joined: Tensor = self.block(raised + beside)
        return joined


class UNet(nn.Module):
    """Maps of logits of an image, several heads on one body.

    Parameters
    ----------
    bands
        Channels of the image.
    heads
        Name of each map and how many channels it has.
    width
        Channels at full resolution; each level has as many more.
    levels
        How often the resolution is halved.

    Raises
    ------
    ValueError
        If there are no heads, or a number is not positive.
    """

    def __init__(
        self, bands: int, heads: Mapping[str, int], width: int = 16, levels: int = 4
    ) -> None:
        super().__init__()
        if min(bands, width, levels, *heads.values()) < 1 or not heads:
            raise ValueError(
                f"no network has {bands} bands, heads {dict(heads)}, width {width}, {levels} levels"
            )
        self.bands, self.width, self.levels = bands, width, levels
        self.channels = dict(heads)
        widths = [width * (level + 1) for level in range(levels + 1)]
        self.down = nn.ModuleList(
            Block(into, out) for into, out in zip([bands, *widths[:-1]], widths, strict=True)
        )
        self.up = nn.ModuleList(
            Rise(widths[level + 1], widths[level]) for level in reversed(range(levels))
        )
        self.heads = nn.ModuleDict(
            {name: nn.Conv2d(width, count, 1) for name, count in heads.items()}
        )

    @property
    def reach(self) -> int:
        """Pixels of context: what lies further away does not change a value.

        Convolutions at level k reach 2 * 2**k on the way down and up, halving 2**k, raising
        2**(k + 1).
        """
        coarsest = 2**self.levels
        return 7 * (coarsest - 1) + 2 * coarsest

    def forward(self, x: Tensor) -> dict[str, Tensor]:
        """Return the logits of each head.

        Parameters
        ----------
        x
            Shape (n, bands, rows, cols), rows and cols multiples of 2**levels.

        Returns
        -------
        logits
            Of each head, shape (n, channels, rows, cols).

        Raises
        ------
        ValueError
            If rows or cols are not such multiples.
        """
        if x.shape[-2] % 2**self.levels or x.shape[-1] % 2**self.levels:
            raise ValueError(
                f"{tuple(x.shape[-2:])} pixels cannot be halved {self.levels} times: pad them to"
                f" multiples of {2**self.levels}"
            )
        beside = []
        for level, block in enumerate(self.down):
            x = block(x if level == 0 else functional.max_pool2d(x, 2))
            beside.append(x)
        for rise, above in zip(self.up, reversed(beside[:-1]), strict=True):
            x = rise(x, above)
        return {name: head(x) for name, head in self.heads.items()}

    def folded(self) -> UNet:
        """Return a copy for use: in evaluation mode, normalisation put into the weights."""
        made = copy.deepcopy(self).eval()
        for each in made.modules():
            if isinstance(each, Convolution):
                each.fold()
        return made


def save_network(
    network: UNet, path: Path, metadata: Mapping[str, str] | None = None, *, half: bool = False
) -> None:
    """Write the weights of a network that is not folded, with its shape.

    Parameters
    ----------
    network
        What to write.
    path
        Where to; the folder is made.
    metadata
        What else to keep in the file.
    half
        Write convolutions in half precision; they are read back in single precision.

    Raises
    ------
    WeightsError
        If the file cannot be written.
    """
    safetensors = require("safetensors.torch")
    shape = {
        "bands": network.bands,
        "heads": network.channels,
        "width": network.width,
        "levels": network.levels,
    }
    tensors = {
        name: (each.half() if half and each.ndim == 4 else each).contiguous()
        for name, each in network.state_dict().items()
    }
    content = safetensors.save(tensors, metadata={**(metadata or {}), _SHAPE: json.dumps(shape)})
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    except OSError as error:
        raise WeightsError(f"{path} cannot be written: {error}") from error


def load_network(path: Path) -> tuple[UNet, dict[str, str]]:
    """Read a network that `save_network` wrote.

    Returns
    -------
    network
        In evaluation mode, single precision.
    metadata
        What else is kept in the file.

    Raises
    ------
    WeightsError
        If the file is missing, damaged, or holds another network.
    """
    if not path.is_file():
        raise WeightsError(f"there are no weights {path}", hint="train some: epntap train")
    damaged = require("safetensors").SafetensorError
    try:
        tensors, metadata = _read(path)
        shape = json.loads(metadata.pop(_SHAPE))
        network = UNet(shape["bands"], shape["heads"], shape["width"], shape["levels"])
        network.load_state_dict(tensors)
    except (RuntimeError, OSError, KeyError, TypeError, ValueError, damaged) as error:
        raise WeightsError(
            f"{path} does not hold weights of such a network: {str(error).splitlines()[0]}",
            hint="train again with this version",
        ) from error
    return network.eval(), metadata


def _read(path: Path) -> tuple[dict[str, Any], dict[str, str]]:
    safetensors = require("safetensors")
    with safetensors.safe_open(str(path), framework="pt") as file:
        tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        metadata = dict(file.metadata() or {})
    floats = {
        name: each.float() if each.dtype == torch.float16 else each
        for name, each in tensors.items()
    }
    return floats, metadata

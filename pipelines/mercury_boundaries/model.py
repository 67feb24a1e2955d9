"""The network: a small one-dimensional residual U-Net over bins of four seconds.

    4 s    input ------------------------------------------> head -> 5 logits
    8 s      stem -> block --------------------------> block
    32 s                block ---------------> block
    128 s                 block ----> block
    512 s                   block, dilated

Crossings that a list joins into one interval lie up to half an hour apart, so that the lowest level
has to look over an hour; their edges are known to seconds, so that the input itself reaches the
head. Importing this module needs torch.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from pipelines.mercury_boundaries.labels import CLASSES

#: Bins a window: 2.3 hours.
WINDOW = 2048

_WIDTHS = (20, 28, 40, 48)
_GROUPS = 4

#: Weights of the classes in the loss, in the order of `CLASSES`: crossings are rare.
_BALANCE = (1.0, 2.0, 1.3, 2.0, 1.0)


class Residual(nn.Module):
    """Two convolutions with normalised inputs, added to what came in."""

    def __init__(self, into: int, out: int, stride: int = 1, dilation: int = 1) -> None:
        super().__init__()
        self.norm1 = nn.GroupNorm(_GROUPS, into)
        self.conv1 = nn.Conv1d(
            into, out, 2 * stride + 1 if stride > 1 else 5, stride=stride,
            padding=stride if stride > 1 else 2 * dilation, dilation=1 if stride > 1 else dilation,
        )  # fmt: skip
        self.norm2 = nn.GroupNorm(_GROUPS, out)
        self.conv2 = nn.Conv1d(out, out, 3, padding=dilation, dilation=dilation)
        self.pool = nn.AvgPool1d(stride, stride) if stride > 1 else nn.Identity()
        self.match = nn.Conv1d(into, out, 1) if into != out else nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        """Map (batch, into, time) to (batch, out, time / stride)."""
        y = self.conv1(functional.silu(self.norm1(x)))
        y = self.conv2(functional.silu(self.norm2(y)))
        joined: Tensor = y + self.match(self.pool(x))
        return joined


class Rise(nn.Module):
    """Bring a level to the resolution of the one above it and join both."""

    def __init__(self, below: int, beside: int, factor: int) -> None:
        super().__init__()
        self.factor = factor
        self.reduce = nn.Conv1d(below, beside, 1)
        self.block = Residual(beside, beside)

    def forward(self, below: Tensor, beside: Tensor) -> Tensor:
        """Map (batch, below, time / factor) and (batch, beside, time) to (batch, beside, time)."""
        raised = functional.interpolate(
            self.reduce(below), scale_factor=float(self.factor), mode="linear"
        )
        joined: Tensor = self.block(raised + beside)
        return joined


class BoundaryNetwork(nn.Module):
    """Name each bin one of `CLASSES`.

    Parameters
    ----------
    channels
        Number of input channels.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        first, second, third, fourth = _WIDTHS
        self.stem = nn.Conv1d(channels, first, 7, stride=2, padding=3)
        self.level1 = Residual(first, first)
        self.level2 = Residual(first, second, stride=4)
        self.level3 = Residual(second, third, stride=4)
        self.level4 = Residual(third, fourth, stride=4)
        self.bottom = Residual(fourth, fourth, dilation=2)
        self.rise3 = Rise(fourth, third, 4)
        self.rise2 = Rise(third, second, 4)
        self.rise1 = Rise(second, first, 4)
        self.sharpen = nn.Conv1d(first + channels, first, 5, padding=2)
        self.head = nn.Conv1d(first, len(CLASSES), 1)

    def forward(self, x: Tensor) -> Tensor:
        """Map windows (batch, channels, time) to logits (batch, classes, time).

        The time must be a multiple of 128 bins.
        """
        level1 = self.level1(self.stem(x))
        level2 = self.level2(level1)
        level3 = self.level3(level2)
        bottom = self.bottom(self.level4(level3))
        y = self.rise1(self.rise2(self.rise3(bottom, level3), level2), level1)
        y = functional.interpolate(y, scale_factor=2.0, mode="linear")
        logits: Tensor = self.head(functional.silu(self.sharpen(torch.cat([y, x], dim=1))))
        return logits


def class_loss(logits: Tensor, classes: Tensor, weights: Tensor) -> Tensor:
    """Return balanced cross-entropy with a little smoothing, over bins that count.

    Parameters
    ----------
    logits
        Shape (batch, classes, time).
    classes
        Shape (batch, time), anything where the weight is 0.
    weights
        Shape (batch, time).
    """
    logarithms = functional.log_softmax(logits, dim=1)
    chosen = logarithms.gather(1, classes[:, None, :])[:, 0]
    entropy = -0.97 * chosen - 0.03 * logarithms.mean(dim=1)
    balanced = weights * logits.new_tensor(_BALANCE)[classes]
    total: Tensor = (entropy * balanced).sum() / balanced.sum().clamp(min=1.0)
    return total

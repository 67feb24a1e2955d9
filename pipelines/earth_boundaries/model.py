"""The network that names the region of each minute.

A stack of residual convolutions whose steps double, so that a minute is judged by the hour around
it, half before and half after: what the plasma is like, how restless the field is, where the
spacecraft is. No normalisation over time: the answer for a minute shall not depend on anything
farther away. Importing this module needs torch.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from pipelines.earth_boundaries.features import FEATURES
from pipelines.earth_boundaries.regions import REGIONS

#: Minutes of a window, and by how much windows are moved.
WINDOW, STEP = 256, 128

_WIDTH = 24
_DILATIONS = (1, 2, 4, 8)


class ResidualBlock(nn.Module):
    """Two convolutions beside a shortcut; looks 2 steps of `dilation` to either side."""

    def __init__(self, width: int, dilation: int) -> None:
        super().__init__()
        self.first = nn.Conv1d(width, width, 3, padding=dilation, dilation=dilation)
        self.second = nn.Conv1d(width, width, 3, padding=dilation, dilation=dilation)
        self.dropout = nn.Dropout(0.1)

    def forward(self, x: Tensor) -> Tensor:
        """Map (batch, width, time) to the same shape."""
        y = self.first(functional.silu(x))
        joined: Tensor = x + self.second(self.dropout(functional.silu(y)))
        return joined


class RegionNetwork(nn.Module):
    """Name each minute one of `regions.REGIONS`."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv1d(len(FEATURES), _WIDTH, 1)
        self.blocks = nn.ModuleList(ResidualBlock(_WIDTH, each) for each in _DILATIONS)
        self.head = nn.Conv1d(_WIDTH, len(REGIONS), 1)

    def forward(self, x: Tensor) -> Tensor:
        """Map windows (batch, features, time) to logits (batch, regions, time)."""
        y = self.stem(x)
        for block in self.blocks:
            y = block(y)
        logits: Tensor = self.head(functional.silu(y))
        return logits


def region_loss(logits: Tensor, classes: Tensor, weights: Tensor) -> Tensor:
    """Return the mean cross-entropy of minutes that count.

    Parameters
    ----------
    logits
        Shape (batch, regions, time).
    classes
        Shape (batch, time).
    weights
        Of the minutes, shape (batch, time).
    """
    each = functional.cross_entropy(logits, classes, reduction="none")
    return torch.sum(each * weights) / weights.sum().clamp(min=1.0)

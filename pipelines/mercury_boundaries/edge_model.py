"""The network of the second step: outside, crossing or inside, for each bin of a crossing's window.

A residual U-Net as that of the first step (`model`), half as wide; importing it needs torch.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from pipelines.mercury_boundaries.model import Residual, Rise

_WIDTHS = (12, 20, 28)


class EdgeNetwork(nn.Module):
    """Tell outside, crossing and inside apart.

    Parameters
    ----------
    channels
        Number of input channels.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        first, second, third = _WIDTHS
        self.stem = nn.Conv1d(channels, first, 5, stride=2, padding=2)
        self.level1 = Residual(first, first)
        self.level2 = Residual(first, second, stride=4)
        self.level3 = Residual(second, third, stride=4)
        self.bottom = nn.Sequential(
            Residual(third, third, dilation=2), Residual(third, third, dilation=4)
        )
        self.rise2 = Rise(third, second, 4)
        self.rise1 = Rise(second, first, 4)
        self.sharpen = nn.Conv1d(first + channels, first, 3, padding=1)
        self.head = nn.Conv1d(first, 3, 1)

    def forward(self, x: Tensor) -> Tensor:
        """Map windows (batch, channels, time) to logits (batch, 3, time)."""
        level1 = self.level1(self.stem(x))
        level2 = self.level2(level1)
        bottom = self.bottom(self.level3(level2))
        y = self.rise1(self.rise2(bottom, level2), level1)
        y = functional.interpolate(y, scale_factor=2.0, mode="linear")
        logits: Tensor = self.head(functional.silu(self.sharpen(torch.cat([y, x], dim=1))))
        return logits


def edge_loss(logits: Tensor, places: Tensor, weights: Tensor) -> Tensor:
    """Return cross-entropy with a little smoothing over bins that count.

    Parameters
    ----------
    logits
        Shape (batch, 3, time).
    places, weights
        Shape (batch, time).
    """
    logarithms = functional.log_softmax(logits, dim=1)
    chosen = logarithms.gather(1, places[:, None, :])[:, 0]
    entropy = -0.97 * chosen - 0.03 * logarithms.mean(dim=1)
    total: Tensor = (entropy * weights).sum() / weights.sum().clamp(min=1.0)
    return total

"""The network: a one-dimensional residual U-Net that names each sample of a week of solar wind.

It follows the ResUNet++ that Rüdisser et al. (2022, Space Weather 20, e2022SW003149) took from
image segmentation (Jha et al. 2019): residual blocks, squeeze-and-excitation, an encoder that
halves the resolution, atrous pyramids at the bottom, a decoder with skip connections. Smaller by
a factor of thirty, because 45 ejections teach no more; and with three answers instead of one, so
that the front edge of the magnetic obstacle is found too.

    10 min   input ----------------------------------------------> head -> 5 logits
    20 min     stem -> block ----------------------------> block
    40 min               block -----------------> block
    80 min                 block ------> block
    160 min                  block, pyramid

Importing this module needs torch.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

#: Answers, in the order of the logits. Interaction regions are answers of their own, so that one
#: stretch of wind cannot be taken for an ejection and for a stream's front at the same time.
CLASSES = ("background", "sheath", "obstacle", "slow side", "fast side")

#: What a label allows, by its code in `pipelines.icme.labels`: the first five are the classes;
#: then "no ejection, but perhaps an interaction region", where a list knows nothing of those;
#: "ejection, either part"; and "interaction region, either side of the interface".
ALLOWED = (
    (1, 0, 0, 0, 0),
    (0, 1, 0, 0, 0),
    (0, 0, 1, 0, 0),
    (0, 0, 0, 1, 0),
    (0, 0, 0, 0, 1),
    (1, 0, 0, 1, 1),
    (0, 1, 1, 0, 0),
    (0, 0, 0, 1, 1),
)

#: Weights of the labels in the cross-entropy: what is rare counts for more.
_BALANCE = (1.0, 2.0, 1.5, 1.5, 1.5, 1.0, 1.5, 1.5)

#: Samples a window; a power of two so that every level of the network has whole samples.
WINDOW = 1024

_WIDTHS = (24, 40, 48, 64)
_DILATIONS = (1, 6, 12, 18)
_GROUPS = 8


class SqueezeExcite(nn.Module):
    """Weigh the channels by what they hold over the whole window (Hu et al. 2018)."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.squeeze = nn.Linear(width, width // 4)
        self.excite = nn.Linear(width // 4, width)

    def forward(self, x: Tensor) -> Tensor:
        """Map (batch, width, time) to the same shape."""
        summary = functional.relu(self.squeeze(x.mean(dim=2)))
        weighted: Tensor = x * torch.sigmoid(self.excite(summary)).unsqueeze(2)
        return weighted


class ResidualBlock(nn.Module):
    """Two convolutions beside a shortcut, normalised first, with squeeze-and-excitation."""

    def __init__(self, inputs: int, width: int, *, stride: int = 1, dropout: float = 0.2) -> None:
        super().__init__()
        self.first_norm = nn.GroupNorm(_GROUPS, inputs)
        self.first = nn.Conv1d(inputs, width, 3, stride=stride, padding=1)
        self.second_norm = nn.GroupNorm(_GROUPS, width)
        self.dropout = nn.Dropout(dropout)
        self.second = nn.Conv1d(width, width, 3, padding=1)
        self.attention = SqueezeExcite(width)
        self.shortcut = nn.Conv1d(inputs, width, 1, stride=stride)

    def forward(self, x: Tensor) -> Tensor:
        """Map (batch, inputs, time) to (batch, width, time / stride)."""
        y = self.first(functional.silu(self.first_norm(x)))
        y = self.second(self.dropout(functional.silu(self.second_norm(y))))
        joined: Tensor = self.attention(y) + self.shortcut(x)
        return joined


class AtrousPyramid(nn.Module):
    """Look at several spans of time at once: 8 hours to 4 days at the lowest resolution."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.branches = nn.ModuleList(
            nn.Conv1d(width, width // 2, 3, padding=dilation, dilation=dilation)
            for dilation in _DILATIONS
        )
        self.norm = nn.GroupNorm(_GROUPS, width // 2 * len(_DILATIONS))
        self.fuse = nn.Conv1d(width // 2 * len(_DILATIONS), width, 1)

    def forward(self, x: Tensor) -> Tensor:
        """Map (batch, width, time) to the same shape."""
        spans = torch.cat([branch(x) for branch in self.branches], dim=1)
        joined: Tensor = x + self.fuse(functional.silu(self.norm(spans)))
        return joined


class Ascent(nn.Module):
    """Double the resolution and join what the encoder saw at it."""

    def __init__(self, below: int, skipped: int, width: int) -> None:
        super().__init__()
        self.reduce = nn.Conv1d(below, width, 1)
        self.block = ResidualBlock(width + skipped, width)

    def forward(self, below: Tensor, skipped: Tensor) -> Tensor:
        """Map (batch, below, time / 2) and (batch, skipped, time) to (batch, width, time)."""
        raised = functional.interpolate(
            self.reduce(below), scale_factor=2.0, mode="linear", align_corners=False
        )
        joined: Tensor = self.block(torch.cat([raised, skipped], dim=1))
        return joined


class IcmeNetwork(nn.Module):
    """Name each sample one of `CLASSES`.

    Parameters
    ----------
    channels
        Number of input channels, the masks included.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        first, second, third, fourth = _WIDTHS
        self.stem = nn.Conv1d(channels, first, 7, stride=2, padding=3)
        self.down1 = ResidualBlock(first, first)
        self.down2 = ResidualBlock(first, second, stride=2)
        self.down3 = ResidualBlock(second, third, stride=2)
        self.down4 = ResidualBlock(third, fourth, stride=2)
        self.pyramid = AtrousPyramid(fourth)
        self.up3 = Ascent(fourth, third, third)
        self.up2 = Ascent(third, second, second)
        self.up1 = Ascent(second, first, first)
        self.sharpen = nn.Conv1d(first + channels, first, 5, padding=2)
        self.head = nn.Conv1d(first, len(CLASSES), 1)

    def forward(self, x: Tensor) -> Tensor:
        """Map windows (batch, channels, time) to logits (batch, classes, time).

        The time must be a multiple of 16 samples.
        """
        level1 = self.down1(self.stem(x))
        level2 = self.down2(level1)
        level3 = self.down3(level2)
        bottom = self.pyramid(self.down4(level3))
        y = self.up1(self.up2(self.up3(bottom, level3), level2), level1)
        y = functional.interpolate(y, scale_factor=2.0, mode="linear", align_corners=False)
        logits: Tensor = self.head(functional.silu(self.sharpen(torch.cat([y, x], dim=1))))
        return logits


def segmentation_loss(logits: Tensor, classes: Tensor, weights: Tensor) -> Tensor:
    """Return cross-entropy plus Dice losses of ejections and of interaction regions.

    Cross-entropy alone would be content with the nine tenths of samples that are background; the
    Dice term, which Rüdisser et al. (2022) use alone, counts overlap. Where a label leaves several
    classes open, their probabilities are added up, so that nothing is taught about which it is.

    Parameters
    ----------
    logits
        Shape (batch, classes, time).
    classes
        Codes of the labels, numbers of rows of `ALLOWED`, shape (batch, time).
    weights
        Of the samples, 0 where nothing was measured, shape (batch, time).
    """
    logarithms = functional.log_softmax(logits, dim=1)
    allowed = logits.new_tensor(ALLOWED)[classes].transpose(1, 2)
    # The logarithm of the probability of all that is allowed; smoothed, since lists err.
    entropy = -torch.logsumexp(logarithms.masked_fill(allowed == 0, -1e9), dim=1)
    entropy = 0.95 * entropy - 0.05 * logarithms.mean(dim=1)
    entropy = entropy * logits.new_tensor(_BALANCE)[classes]
    entropy = (entropy * weights).sum() / weights.sum().clamp(min=1.0)
    probabilities = logarithms.exp()
    ejection = probabilities[:, 1:3].sum(dim=1)
    loss = entropy + 0.5 * _dice(ejection, allowed[:, 1:3].amax(dim=1), weights)
    interaction = probabilities[:, 3:5].sum(dim=1)
    told = weights * (allowed.sum(dim=1) < 3)  # where lists know of interaction regions
    return loss + 0.3 * _dice(interaction, allowed[:, 3:5].amax(dim=1), told)


def _dice(probability: Tensor, truth: Tensor, weights: Tensor) -> Tensor:
    """Return one less the Dice coefficient of a probability and the truth, all (batch, time)."""
    shared = (probability * truth * weights).sum()
    total = ((probability + truth) * weights).sum()
    return 1 - (2 * shared + 1) / (total + 1)

"""The network's heads and what it learns from: mounds, their middles, and vents.

    mound    whether a pixel belongs to a mound
    centre   a hill of height 1 on the middle of each mound, as wide as an eighth of it
    vent     whether a pixel lies within the rim of a vent

The body is the U-Net of `pipelines.images.network`. Importing this module needs torch.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from pipelines.images.network import UNet
from pipelines.mars_mounds.channels import HEIGHT_BANDS, PICTURE_BANDS

#: The maps, in the order of targets and of what detection stores.
HEADS = ("mound", "centre", "vent")

#: Small enough that five networks of either kind come with the package.
WIDTH, LEVELS = 8, 4

#: Shares of the losses: middles and vents are few pixels.
_CENTRE, _VENT = 6.0, 2.0


def height_network() -> UNet:
    """Return a network for height models, not trained."""
    return UNet(len(HEIGHT_BANDS), dict.fromkeys(HEADS, 1), WIDTH, LEVELS)


def picture_network() -> UNet:
    """Return a network for shaded pictures, not trained."""
    return UNet(len(PICTURE_BANDS), dict.fromkeys(HEADS, 1), WIDTH, LEVELS)


def mound_loss(logits: dict[str, Tensor], targets: Tensor, weights: Tensor) -> Tensor:
    """Return cross-entropy of all maps and, of mounds, the Dice loss besides.

    Parameters
    ----------
    logits
        Of each head, shape (n, 1, rows, cols).
    targets
        In the order of `HEADS`, shape (n, 3, rows, cols).
    weights
        Shape (n, 1, rows, cols); 0 for pixels that do not count.
    """
    losses = [
        (
            functional.binary_cross_entropy_with_logits(
                logits[head], targets[:, number : number + 1], reduction="none"
            )
            * weights
        ).sum()
        / weights.sum()
        for number, head in enumerate(HEADS)
    ]
    found = torch.sigmoid(logits["mound"]) * weights
    true = targets[:, :1] * weights
    dice = 1.0 - (2.0 * (found * true).sum() + 1.0) / (found.sum() + true.sum() + 1.0)
    total: Tensor = losses[0] + dice + _CENTRE * losses[1] + _VENT * losses[2]
    return total

"""The network's heads and what it learns from: mounds, their middles, and vents.

    mound    whether a pixel belongs to a mound
    centre   a hill of height 1 on the middle of each mound, as wide as an eighth of it
    vent     whether a pixel lies within the rim of a vent

The body is the U-Net of `pipelines.images.network`. Importing this module needs torch.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn import functional

from pipelines.images.network import UNet
from pipelines.mars_mounds.channels import HEIGHT_BANDS, PICTURE_BANDS

#: The maps, in the order of targets and of what detection stores.
HEADS = ("mound", "centre", "vent")

#: Small enough that five networks of either kind come with the package; a picture has one band.
WIDTH, PICTURE_WIDTH, LEVELS = 8, 7, 4

#: Shares of the losses: middles and vents are few pixels.
_CENTRE, _VENT, _DICE_OF_VENTS = 6.0, 2.0, 0.3

#: How much more a pixel of a vent counts than others: they are one in two hundred, and a map that
#: is empty everywhere is nearly right without.
_RARE = 6.0

#: About how much of the ground is mound, middle of one, and vent, as the loss weighs it.
_SHARES = {"mound": 0.08, "centre": 0.015, "vent": 0.01}


def height_network() -> UNet:
    """Return a network for height models, not trained."""
    return _with_shares(UNet(len(HEIGHT_BANDS), dict.fromkeys(HEADS, 1), WIDTH, LEVELS))


def picture_network() -> UNet:
    """Return a network for shaded pictures, not trained."""
    return _with_shares(UNet(len(PICTURE_BANDS), dict.fromkeys(HEADS, 1), PICTURE_WIDTH, LEVELS))


def _with_shares(network: UNet) -> UNet:
    """Return the network with the shares of the maps for a start.

    Batches would otherwise be spent on learning that most of the ground is none of it (T.-Y. Lin et
    al., 2017, ICCV, 2980, section 4.1).
    """
    for head, share in _SHARES.items():
        bias = network.heads[head].bias
        torch.nn.init.constant_(bias, math.log(share / (1.0 - share)))
    return network


def mound_loss(logits: dict[str, Tensor], targets: Tensor, weights: Tensor) -> Tensor:
    """Return cross-entropy of all maps and, of mounds and vents, the Dice loss besides.

    Parameters
    ----------
    logits
        Of each head, shape (n, 1, rows, cols).
    targets
        In the order of `HEADS`, shape (n, 3, rows, cols); vents below 0 where nobody knows of them.
    weights
        Shape (n, 1, rows, cols); 0 for pixels that do not count.
    """
    true = {head: targets[:, number : number + 1] for number, head in enumerate(HEADS)}
    told = weights * (true["vent"] >= 0.0)
    true["vent"] = true["vent"].clamp(min=0.0)
    rare = told * (1.0 + (_RARE - 1.0) * true["vent"])
    return (
        _entropy(logits["mound"], true["mound"], weights)
        + _dice(logits["mound"], true["mound"], weights)
        + _CENTRE * _entropy(logits["centre"], true["centre"], weights)
        + _VENT * _entropy(logits["vent"], true["vent"], rare)
        + _DICE_OF_VENTS * _dice(logits["vent"], true["vent"], told)
    )


def _entropy(logits: Tensor, true: Tensor, weights: Tensor) -> Tensor:
    each = functional.binary_cross_entropy_with_logits(logits, true, reduction="none")
    return (each * weights).sum() / weights.sum().clamp(min=1.0)


def _dice(logits: Tensor, true: Tensor, weights: Tensor) -> Tensor:
    found, known = torch.sigmoid(logits) * weights, true * weights
    return 1.0 - (2.0 * (found * known).sum() + 1.0) / (found.sum() + known.sum() + 1.0)

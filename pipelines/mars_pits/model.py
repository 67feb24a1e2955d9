"""The network: what lies within a rim, what is its core, and which class it is.

The picture is folded to half its size with four values a pixel, goes through the U-Net of
`pipelines.images.network`, and the maps of rims and cores are unfolded again: a quarter of the work
of full resolution, and edges as sharp. The core of an object are the pixels that lie further
from its rim than a part of the furthest; cores of neighbours never touch, so that objects which do
are told apart (as the interior and border classes of instance segmentation by Caicedo et al. 2019,
Cytometry A 95, 952). Importing this module needs torch.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from pipelines.images.network import UNet
from pipelines.mars_pits.samples import Values, normalised

#: The picture is folded by this factor.
FOLD = 2
#: Windows are multiples of this many pixels.
WIDTH, LEVELS = 16, 3
MULTIPLE = FOLD * 2**LEVELS


@dataclass(frozen=True)
class Logits:
    """What the network says of a batch.

    Attributes
    ----------
    inside, core
        Whether a pixel lies within a rim, and in the core of an object, (n, rows, cols).
    kind
        Class, where there is an object, (n, classes, rows / 2, cols / 2).
    """

    inside: Tensor
    core: Tensor
    kind: Tensor


@dataclass(frozen=True)
class Targets:
    """What the network should have said.

    Attributes
    ----------
    cover
        How much of each pixel lies within a rim, 0 to 1, (n, rows, cols).
    core
        1 in cores, (n, rows, cols).
    kind
        Number of the class of each object's pixel at half resolution, (n, rows / 2, cols / 2).
    weight
        How much its class counts there: 0 outside of objects, and of large objects less a pixel.
    known
        1 where the picture has data, (n, rows, cols).
    """

    cover: Tensor
    core: Tensor
    kind: Tensor
    weight: Tensor
    known: Tensor


def new_network(classes: int) -> UNet:
    """Return a network that has not learnt anything yet."""
    heads = {"inside": FOLD**2, "core": FOLD**2, "kind": classes}
    return UNet(FOLD**2, heads, width=WIDTH, levels=LEVELS)


def logits_of(network: UNet, images: Tensor) -> Logits:
    """Run the network.

    Parameters
    ----------
    network
        As `new_network` makes it.
    images
        Normalised brightness, (n, rows, cols), both multiples of `MULTIPLE`.
    """
    folded = functional.pixel_unshuffle(images[:, None], FOLD)
    found = network(folded.contiguous(memory_format=torch.channels_last))
    inside, core = (
        functional.pixel_shuffle(found[name], FOLD)[:, 0] for name in ("inside", "core")
    )
    return Logits(inside, core, found["kind"])


def loss(found: Logits, wanted: Targets, classes: float = 0.5) -> Tensor:
    """Return the loss of a batch: cross-entropies of all maps, and the Dice loss of rims.

    The Dice loss (Milletari et al. 2016, 3DV, 565) keeps small objects from being given up for the
    sake of the ground, of which there is far more.

    Parameters
    ----------
    found, wanted
        What the network says of a batch, and what it should have said.
    classes
        How much the classes count beside the rest.
    """
    rims = functional.binary_cross_entropy_with_logits(
        found.inside, wanted.cover, weight=wanted.known
    )
    cores = functional.binary_cross_entropy_with_logits(
        found.core, wanted.core, weight=wanted.known
    )
    inside = torch.sigmoid(found.inside) * wanted.known
    cover = wanted.cover * wanted.known
    dice = 1.0 - (2.0 * (inside * cover).sum() + 1.0) / (inside.sum() + cover.sum() + 1.0)
    each = functional.cross_entropy(found.kind, wanted.kind, reduction="none")
    kinds = (each * wanted.weight).sum() / wanted.weight.sum().clamp(min=1.0)
    total: Tensor = rims + cores + dice + classes * kinds
    return total


def maps_of(network: UNet, pixels: Values) -> NDArray[np.float32]:
    """Return the probabilities that the network gives a window.

    What is empty around the window's data is cut off first: the network sees a small picture as it
    is, however large the window it is put into.

    Parameters
    ----------
    network
        In evaluation mode.
    pixels
        Brightness, (rows, cols), NaN where there are no data.

    Returns
    -------
    maps
        Inside, core, and each class, 0 to 1; (2 + classes, rows, cols).
    """
    classes = network.channels["kind"]
    maps = np.zeros((2 + classes, *pixels.shape), np.float32)
    known = np.isfinite(pixels)
    if not known.any():
        return maps
    rows, cols = (np.flatnonzero(known.any(axis=axis)) for axis in (1, 0))
    part = (slice(rows[0], rows[-1] + 1), slice(cols[0], cols[-1] + 1))
    image = normalised(pixels[part])
    height, width = image.shape
    padding = [(0, -length % MULTIPLE) for length in image.shape]
    padded = np.pad(image, padding, mode="edge")
    with torch.inference_mode():
        found = logits_of(network, torch.from_numpy(padded)[None])
        kinds = functional.interpolate(
            torch.softmax(found.kind, dim=1), scale_factor=float(FOLD), mode="nearest"
        )[0]
        stack = torch.cat([torch.sigmoid(found.inside), torch.sigmoid(found.core), kinds])
    maps[(slice(None), *part)] = stack[:, :height, :width].numpy()
    maps[:, ~known] = 0.0
    return maps


def mean_maps(networks: Sequence[UNet], pixels: Values) -> NDArray[np.float32]:
    """Return the mean of the probabilities that some networks give a window, see `maps_of`."""
    return np.asarray(
        np.mean([maps_of(each, pixels) for each in networks], axis=0, dtype=np.float32)
    )

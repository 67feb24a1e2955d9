"""Does augmentation help with few labels? ``python -m pipelines.mars_mounds.augment``.

A seed of a dozen labelled windows is learnt from as it is; with copies in which mounds were lifted
from their ground and put down elsewhere; and with windows that a small conditional adversarial
network made of new masks, as authors of the case tried with one that is much larger (pix2pix: P.
Isola et al., 2017, CVPR, 5967). Five seeds; pixel F1 on sites that nothing was learnt from.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from scipy import ndimage
from torch import Tensor, nn
from torch.nn import functional

from pipelines.contract import Progress, silent
from pipelines.images.matching import PixelScores, compare_masks
from pipelines.images.network import UNet
from pipelines.mars_mounds.channels import height_bands
from pipelines.mars_mounds.detect import folded
from pipelines.mars_mounds.model import height_network
from pipelines.mars_mounds.report import AUGMENTATION
from pipelines.mars_mounds.simulate import Site, simulate_site
from pipelines.mars_mounds.train import Ground, Random, centres, fit, ground_of

Values = NDArray[np.float64]

#: Labelled windows, pixels along a side, and how many are made of them.
SEED_WINDOWS, SIDE, MADE = 12, 96, 36

#: Sites that seeds are cut out of, that the loss is watched on, and that are scored.
_SEED_SITES, _WATCHED, _SCORED = 400_000, 410_000, 420_000

#: Batches of the networks for mounds, and of the adversaries.
STEPS, ADVERSARIAL_STEPS = 140, 200

_LEARN = 64  # pixels along a side of what is learnt from


def seed_windows(number: int) -> list[Ground]:
    """Cut windows with mounds in them out of three sites."""
    random = np.random.default_rng([11, number])
    made: list[Ground] = []
    sites = [ground_of(simulate_site(_SEED_SITES + 10 * number + each)) for each in range(3)]
    while len(made) < SEED_WINDOWS:
        site = sites[len(made) % 3]
        top, left = random.integers(0, np.array(site.heights.shape) - SIDE)
        part = (slice(top, top + SIDE), slice(left, left + SIDE))
        if site.targets[0][part].mean() > 0.05:
            made.append(Ground(site.heights[part], site.pixel, site.targets[(slice(None), *part)]))
    return made


def _ground(heights: Values, pixel: float, mask: NDArray[np.bool_]) -> Ground:
    labels, count = ndimage.label(mask)
    mounds = []
    for number in range(1, count + 1):
        rows, cols = np.nonzero(labels == number)
        size = 2.0 * float(np.sqrt(len(rows) / np.pi))
        mounds.append((float(rows.mean()) + 0.5, float(cols.mean()) + 0.5, size))
    targets = np.stack([mask, centres(mounds, mask.shape), np.zeros(mask.shape)])
    return Ground(heights, pixel, targets.astype(np.float32))


def moved_mounds(seeds: Sequence[Ground], count: int, random: Random) -> list[Ground]:
    """Return windows with the mounds of another one, turned, on their ground besides."""
    made = []
    for _ in range(count):
        ground, giver = (seeds[int(random.integers(len(seeds)))] for _ in range(2))
        turns = int(random.integers(4))
        shift = tuple(int(each) for each in random.integers(-SIDE // 3, SIDE // 3, 2))
        relief = np.roll(np.rot90(_relief(giver), turns), shift, axis=(0, 1)) / giver.pixel
        mask = np.roll(np.rot90(giver.targets[0] > 0, turns), shift, axis=(0, 1))
        free = mask & (ground.targets[0] == 0)
        heights = ground.heights + np.where(free, relief, 0.0) * ground.pixel
        made.append(_ground(heights, ground.pixel, free | (ground.targets[0] > 0)))
    return made


def _relief(ground: Ground) -> Values:
    """Return heights over the ground, which is continued smoothly beneath the mounds."""
    known = (ground.targets[0] == 0).astype(float)
    weight = ndimage.gaussian_filter(known, 12.0)
    beneath = ndimage.gaussian_filter(ground.heights * known, 12.0) / np.maximum(weight, 1e-6)
    return np.asarray(ground.heights - beneath)


class Critic(nn.Module):
    """Tells real heights of a mask from made ones, patch by patch."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv2d(4, 16, 4, 2, 1), nn.LeakyReLU(0.2),
            nn.Conv2d(16, 32, 4, 2, 1), nn.LeakyReLU(0.2),
            nn.Conv2d(32, 1, 4, 2, 1),
        )  # fmt: skip

    def forward(self, mask: Tensor, heights: Tensor) -> Tensor:
        """Map (n, 1, rows, cols) each to (n, 1, rows / 8, cols / 8); slopes are shown, too."""
        right = functional.pad(heights[..., 1:] - heights[..., :-1], (0, 1))
        down = functional.pad(heights[..., 1:, :] - heights[..., :-1, :], (0, 0, 0, 1))
        told: Tensor = self.layers(torch.cat([mask, heights, 4.0 * right, 4.0 * down], dim=1))
        return told


def _plain(ground: Ground) -> Values:
    """Return heights without their plane, in pixels."""
    rows, cols = np.indices(ground.heights.shape)
    terms = np.stack([np.ones(rows.size), rows.ravel(), cols.ravel()], axis=1)
    found = np.linalg.lstsq(terms, ground.heights.ravel(), rcond=None)[0]
    return np.asarray((ground.heights.ravel() - terms @ found).reshape(rows.shape) / ground.pixel)


def generated(seeds: Sequence[Ground], count: int, number: int) -> list[Ground]:
    """Train a generator on the seeds and return windows that it makes of new masks."""
    torch.manual_seed(number)
    random = np.random.default_rng([12, number])
    maker = UNet(2, {"heights": 1}, width=8, levels=3)
    critic = Critic()
    made_by = torch.optim.Adam(maker.parameters(), 2e-3, betas=(0.5, 0.9))
    told_by = torch.optim.Adam(critic.parameters(), 1e-3, betas=(0.5, 0.9))
    masks = np.stack([each.targets[:1] for each in seeds]).astype(np.float32)
    real = np.stack([_plain(each)[np.newaxis] for each in seeds]).astype(np.float32)
    for _ in range(ADVERSARIAL_STEPS):
        mask, true = _drawn(masks, real, random)
        noise = torch.from_numpy(random.standard_normal(mask.shape).astype(np.float32))
        fake = maker(torch.cat([mask, noise], dim=1))["heights"]
        loss = ((critic(mask, true) - 1.0) ** 2 + critic(mask, fake.detach()) ** 2).mean()
        told_by.zero_grad()
        loss.backward()
        told_by.step()
        loss = ((critic(mask, fake) - 1.0) ** 2).mean() + 10.0 * (fake - true).abs().mean()
        made_by.zero_grad()
        loss.backward()
        made_by.step()
    return _made(maker.eval(), seeds, count, random)


def _drawn(
    masks: NDArray[np.float32], real: NDArray[np.float32], random: Random
) -> tuple[Tensor, Tensor]:
    chosen = random.integers(len(masks), size=4)
    turns = int(random.integers(4))
    pair = [np.rot90(each[chosen], turns, axes=(2, 3)).copy() for each in (masks, real)]
    return torch.from_numpy(pair[0]), torch.from_numpy(pair[1])


def _made(maker: UNet, seeds: Sequence[Ground], count: int, random: Random) -> list[Ground]:
    made = []
    for _ in range(count):
        mask = np.zeros((SIDE, SIDE), dtype=bool)
        for _ in range(2):  # outlines of two windows, turned and moved
            one = seeds[int(random.integers(len(seeds)))].targets[0] > 0
            shift = tuple(int(each) for each in random.integers(0, SIDE, 2))
            mask |= np.roll(np.rot90(one, int(random.integers(4))), shift, axis=(0, 1))
        seen = np.stack([mask, random.standard_normal(mask.shape)]).astype(np.float32)
        with torch.no_grad():
            heights = maker(torch.from_numpy(seen[np.newaxis]))["heights"][0, 0].numpy()
        made.append(_ground(heights.astype(np.float64), 1.0, mask))
    return made


def pixel_f1(network: UNet, sites: Sequence[Site]) -> float:
    """Return the F1 of pixels at a probability of one half."""
    plain, total = folded(network), PixelScores(0, 0, 0)
    for site in sites:
        bands = height_bands(site.heights, (site.pixel, site.pixel))
        with torch.no_grad():
            found = plain(torch.from_numpy(bands[np.newaxis]))["mound"][0, 0].numpy() > 0.0
        total = total + compare_masks(found, site.labels > 0)
    return total.f1


def experiment(
    seeds: Sequence[int], progress: Progress = silent, *, steps: int = STEPS
) -> dict[str, list[float]]:
    """Return the pixel F1 of each way to learn from few windows, by seed."""
    sites = [simulate_site(_SCORED + each) for each in range(6)]
    watched = [ground_of(simulate_site(_WATCHED + each)) for each in range(4)]
    scores: dict[str, list[float]] = {"none": [], "moved mounds": [], "generated": []}
    for done, number in enumerate(seeds, start=1):
        few = seed_windows(number)
        random = np.random.default_rng([13, number])
        more = {
            "none": [],
            "moved mounds": moved_mounds(few, MADE, random),
            "generated": generated(few, MADE, number),
        }
        for name, added in more.items():
            torch.manual_seed(number)
            network = height_network()
            # As many real windows as made ones, or the made ones would be most of what is learnt.
            grounds = few * max(1, len(added) // len(few)) + added
            fit(network, grounds, watched, seed=number, steps=steps, size=_LEARN)
            scores[name].append(pixel_f1(network, sites))
        progress("seeds of the experiment", done, len(seeds))
    return scores


def main() -> int:
    """Run the experiment and write its results."""
    torch.set_num_threads(1)

    def tell(description: str, done: int, total: int) -> None:
        print(f"{description}: {done} of {total}", file=sys.stderr, flush=True)

    scores = experiment(range(5), tell)
    rounded = {name: [round(each, 4) for each in values] for name, values in scores.items()}
    AUGMENTATION.write_text(json.dumps(rounded, indent=1) + "\n")
    print(rounded)
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""Clusters of brightness, their number chosen by the silhouette, as Le Corre et al. (2023) do it.

Pixels of the same brightness are one point with a weight, so that an image of any size comes down
to some hundred points: the result is that of clustering all pixels, without a sample of them.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Values = NDArray[np.float64]
Flags = NDArray[np.bool_]

#: Numbers of clusters that are tried.
COUNTS = range(2, 7)
#: Levels that a band is divided into: alone, and beside others.
_LEVELS_ALONE = 256
_LEVELS_TOGETHER = 64
#: Points at most that the silhouette is taken of; the heaviest.
_MOST_POINTS = 600
_ITERATIONS = 100


@dataclass(frozen=True)
class Clusters:
    """Pixels divided by brightness.

    Attributes
    ----------
    labels
        Cluster of each pixel, the darkest is 0; -1 where there are no data; shape (rows, cols).
    centres
        Mean brightness of each, shape (clusters, bands).
    silhouette
        Mean silhouette coefficient (Rousseeuw 1987), -1 to 1.
    """

    labels: NDArray[np.int64]
    centres: Values
    silhouette: float

    @property
    def count(self) -> int:
        """How many clusters there are."""
        return len(self.centres)


@dataclass(frozen=True)
class _Points:
    """Levels of brightness that occur, shape (n, bands), and how many pixels have each."""

    places: Values
    weights: Values


def cluster(pixels: Values, known: Flags, counts: range = COUNTS) -> Clusters:
    """Divide pixels by brightness into the number of clusters with the largest silhouette.

    Parameters
    ----------
    pixels
        Shape (bands, rows, cols).
    known
        Where there are data, shape (rows, cols); at least two different values.
    counts
        Numbers of clusters to try.
    """
    points, point_of_pixel = _points(pixels[:, known])
    best: tuple[float, Values, NDArray[np.int64]] | None = None
    for count in counts:
        if count > len(points.places):
            break
        centres, owner = _lloyd(points, count)
        value = _silhouette(points, owner, count)
        if best is None or value > best[0]:
            best = value, centres, owner
    if best is None:
        raise ValueError("pixels of one value cannot be divided")
    silhouette, centres, owner = best
    order = np.argsort(centres.sum(axis=1), kind="stable")
    rank = np.empty_like(order)
    rank[order] = np.arange(len(order))
    labels = np.full(known.shape, -1, dtype=np.int64)
    labels[known] = rank[owner][point_of_pixel]
    return Clusters(labels, centres[order], silhouette)


def _points(values: Values) -> tuple[_Points, NDArray[np.int64]]:
    """Return the points and the point of each pixel; `values` has the shape (bands, pixels)."""
    levels = _LEVELS_ALONE if len(values) == 1 else _LEVELS_TOGETHER
    # A few extreme pixels would leave hardly any levels for all the others.
    low = np.percentile(values, 0.1, axis=1, keepdims=True)
    top = np.percentile(values, 99.9, axis=1, keepdims=True)
    step = np.where(top > low, (top - low) / levels, 1.0)
    cells = np.clip((values - low) / step, 0, levels - 1).astype(np.int64)
    code = np.ravel_multi_index(tuple(cells), (levels,) * len(values))
    counts = np.bincount(code)
    used = np.flatnonzero(counts)
    point_of_code = np.zeros(len(counts), dtype=np.int64)
    point_of_code[used] = np.arange(len(used))
    point_of_pixel = point_of_code[code]
    weights = counts[used].astype(np.float64)
    sums = [np.bincount(point_of_pixel, band, len(used)) for band in values]
    return _Points(np.stack(sums, axis=1) / weights[:, None], weights), point_of_pixel


def _lloyd(points: _Points, count: int) -> tuple[Values, NDArray[np.int64]]:
    """Return centres and the nearest centre of each point; begun at quantiles of brightness."""
    order = np.argsort(points.places.sum(axis=1), kind="stable")
    share = np.cumsum(points.weights[order]) / points.weights.sum()
    begin = np.searchsorted(share, (np.arange(count) + 0.5) / count)
    # Where one level holds a large part of all pixels, several quantiles are that level.
    begin = np.clip(np.maximum.accumulate(begin), 0, len(order) - 1)
    spread = np.arange(count)
    begin = np.minimum(np.maximum.accumulate(begin - spread) + spread, len(order) - count + spread)
    centres = points.places[order[begin]]
    owner = np.full(len(points.places), -1, dtype=np.int64)
    for _ in range(_ITERATIONS):
        nearest = np.argmin(_squares(points.places, centres), axis=1)
        if (nearest == owner).all():
            break
        owner = nearest
        weight = np.bincount(owner, points.weights, count)
        for band in range(centres.shape[1]):
            total = np.bincount(owner, points.weights * points.places[:, band], count)
            centres[:, band] = np.where(
                weight > 0.0, total / np.maximum(weight, 1.0), centres[:, band]
            )
    return centres, owner


def _squares(a: Values, b: Values) -> Values:
    return np.asarray(((a[:, None, :] - b[None, :, :]) ** 2).sum(axis=2))


def _silhouette(points: _Points, owner: NDArray[np.int64], count: int) -> float:
    """Return the mean silhouette, each point counting as often as pixels have it."""
    chosen = np.argsort(-points.weights, kind="stable")[:_MOST_POINTS]
    places, weights, own = points.places[chosen], points.weights[chosen], owner[chosen]
    distance = np.sqrt(_squares(places, places))
    belongs = (own[:, None] == np.arange(count)[None, :]) * weights[:, None]
    mass = belongs.sum(axis=0)
    towards = distance @ belongs
    index = np.arange(len(own))
    # A pixel is not its own neighbour, but the others of its brightness are.
    inner = towards[index, own] / np.maximum(mass[own] - 1.0, 1.0)
    others = np.where(mass > 0.0, towards / np.maximum(mass, 1.0), np.inf)
    others[index, own] = np.inf
    outer = others.min(axis=1)
    larger = np.maximum(inner, outer)
    value = np.where(np.isfinite(outer) & (larger > 0.0), (outer - inner) / larger, 0.0)
    return float(np.average(value, weights=weights))

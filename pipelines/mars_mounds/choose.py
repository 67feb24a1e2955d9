"""Rules of detection chosen on simulated sites that no network learnt from.

thresholds   the pair with the best mean of pixel F1 and object F1
confidence   a logistic regression: is a candidate a mound, with half of its outline right?
vent         the score that names most matched mounds rightly
sizes        the factor that takes the median error away, and the two parts of the standard
             deviation of greatest likelihood, brought to hold two thirds of the errors on sites
             that they were not fitted to: sites differ more than mounds of one site do
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipelines.contract import Progress, silent
from pipelines.errors import require
from pipelines.mars_mounds.detect import MARGIN, Detection, Detector, detect, folded, surveyed
from pipelines.mars_mounds.evaluate import (
    Scored,
    numbered,
    overlaps_of,
    pairs_of,
    score,
    truth_of_site,
)
from pipelines.mars_mounds.pictures import as_picture
from pipelines.mars_mounds.rules import Rules, Scale, evidence
from pipelines.mars_mounds.simulate import CONE, Site, TrueMound, simulate_site
from pipelines.mars_mounds.source import Kind, Terrain, terrain_of

Values = NDArray[np.float64]
Simulated = tuple[Terrain, Site]

#: Sites that rules are chosen on, and how many of them thresholds are; these, and the parts that
#: the sites are divided into to see what errors are on sites that they were not fitted to.
SITES, _THRESHOLD_SITES = 40, 12
_MOUND, _CENTRE, _FOLDS = (0.4, 0.5, 0.6), (0.1, 0.2, 0.3, 0.4), 5

#: Part of normally distributed errors within one standard deviation.
_WITHIN = 0.683


def terrains(kind: Kind, sites: Sequence[Site]) -> list[Simulated]:
    """Return simulated sites as what networks of a kind look at."""
    return [(terrain_of(each) if kind == "heights" else as_picture(each), each) for each in sites]


def scored(
    detector: Detector, pairs: Sequence[Simulated], progress: Progress = silent
) -> list[Scored]:
    """Return what a detector finds on simulated sites, however unsure, with the truth."""
    made = []
    for done, (terrain, site) in enumerate(pairs, start=1):
        found = detect(terrain, detector, least_confidence=0.0)
        made.append(Scored(found, truth_of_site(site), detector.rules.confident))
        progress("simulated sites", done, len(pairs))
    return made


def choose(
    kind: Kind,
    networks: Sequence[Any],
    *,
    first_seed: int,
    sites: int = SITES,
    progress: Progress = silent,
) -> Rules:
    """Choose the rules for the networks of a kind.

    Parameters
    ----------
    kind
        What they look at.
    networks
        Trained, not folded.
    first_seed, sites
        Of the simulated sites.
    progress
        Told after each site.
    """
    pairs = terrains(kind, [simulate_site(first_seed + each) for each in range(sites)])
    plain = Detector(kind, tuple(folded(each) for each in networks), Rules(confident=0.0), "")
    kept = []
    for done, (terrain, _) in enumerate(pairs, start=1):
        kept.append(remembered(plain, terrain))
        progress("maps of sites to choose on", done, sites)
    best = (-1.0, plain.rules)
    few = min(_THRESHOLD_SITES, sites)
    for done, (mound, centre) in enumerate(itertools.product(_MOUND, _CENTRE), start=1):
        rules = replace(plain.rules, mound=mound, centre=centre)
        tried = _tried(kept[:few], pairs[:few], rules)
        rules = with_confidence(rules, tried)
        result = score([_confident(each, rules) for each in tried])
        value = ((result["f1"] or 0.0) + (result["mask_f1"] or 0.0)) / 2.0
        best = max(best, (value, rules), key=lambda each: each[0])
        progress("thresholds tried", done, len(_MOUND) * len(_CENTRE))
    tried = _tried(kept, pairs, best[1])
    return with_sizes(with_vent(with_confidence(best[1], tried), tried), tried)


@dataclass(frozen=True)
class Remembered(Detector):
    """A detector whose maps of one raster, no larger than a block, are known already.

    Attributes
    ----------
    known
        Shape (3, rows, cols).
    """

    known: Values = field(default_factory=lambda: np.zeros((3, 0, 0)))

    def maps(self, window: Values, terrain: Terrain) -> NDArray[np.float32]:
        """Return the maps in their place within the window."""
        made = np.zeros((3, *window.shape[1:]), dtype=np.float32)
        rows, cols = self.known.shape[1:]
        made[:, MARGIN : MARGIN + rows, MARGIN : MARGIN + cols] = self.known
        return made


def remembered(detector: Detector, terrain: Terrain) -> Remembered:
    """Return a detector that knows the maps of a raster, for trying rules."""
    rows, cols = terrain.raster.shape
    with surveyed(terrain, detector) as found:
        maps = found.maps(slice(0, rows), slice(0, cols)) / 255.0
    return Remembered(detector.kind, (), detector.rules, "", maps)


def _tried(kept: Sequence[Remembered], pairs: Sequence[Simulated], rules: Rules) -> list[Scored]:
    made = []
    for each, (terrain, site) in zip(kept, pairs, strict=True):
        found = detect(terrain, replace(each, rules=rules), least_confidence=0.0)
        made.append(Scored(found, truth_of_site(site), 0.0))
    return made


def _matches(tried: Scored) -> list[tuple[int, int]]:
    labels = numbered(tried.found, tried.truth.labels.shape)
    counts = (len(tried.found), tried.truth.count)
    overlaps = overlaps_of(labels, tried.truth.labels, counts)
    return pairs_of(overlaps, np.array([each.instance.centre for each in tried.found]))


def _confident(tried: Scored, rules: Rules) -> Scored:
    """Return the same with the confidence that rules give."""
    found = [replace(each, confidence=rules.confidence_of(each.instance)) for each in tried.found]
    return Scored(found, tried.truth, rules.confident)


def with_confidence(rules: Rules, tried: Sequence[Scored]) -> Rules:
    """Return rules with the confidence, and its least value, that fit some candidates."""
    linear = require("sklearn.linear_model")
    seen, real = [], []
    for each in tried:
        right = {number for number, _ in _matches(each)}
        seen += [evidence(one.instance) for one in each.found]
        real += [number in right for number in range(len(each.found))]
    if len(set(real)) < 2:
        return rules
    fitted = linear.LogisticRegression(C=100.0, max_iter=1000).fit(np.array(seen), np.array(real))
    factors = (float(fitted.intercept_[0]), *(float(each) for each in fitted.coef_[0]))
    rules = replace(rules, confidence=factors)
    tries = {}
    for least in (0.2, 0.3, 0.4, 0.5, 0.6, 0.7):
        one = replace(rules, confident=least)
        tries[least] = score([_confident(each, one) for each in tried])["mask_f1"] or 0.0
    return replace(rules, confident=max(tries, key=lambda each: tries[each]))


def _pairs(tried: Sequence[Scored]) -> list[tuple[Detection, TrueMound]]:
    return [pair for _, pair in _pairs_of_sites(tried)]


def _pairs_of_sites(tried: Sequence[Scored]) -> list[tuple[int, tuple[Detection, TrueMound]]]:
    """Return detections with what they are of, and the number of their site."""
    return [
        (site, (each.found[a], (each.truth.mounds or ())[b]))
        for site, each in enumerate(tried)
        for a, b in _matches(each)
    ]


def with_vent(rules: Rules, tried: Sequence[Scored]) -> Rules:
    """Return rules with the vent score that names most mounds rightly."""
    pairs = _pairs(tried)
    if not pairs:
        return rules
    seen = np.array([a.vent for a, _ in pairs])
    true = np.array([b.kind == CONE for _, b in pairs])
    levels = np.linspace(0.02, 0.9, 89)
    right = [float(np.mean((seen >= level) == true)) for level in levels]
    # The middle of the best ones, which is further from mistakes than the first.
    best = np.flatnonzero(np.isclose(right, max(right)))
    return replace(rules, vent=float(levels[best[len(best) // 2]]))


def with_sizes(rules: Rules, tried: Sequence[Scored]) -> Rules:
    """Return rules with the scales and errors that fit the sizes of whole mounds."""
    pairs = [
        (site, a, b)
        for site, (a, b) in _pairs_of_sites(tried)
        if b.whole and "edge_of_raster" not in a.flags
    ]
    sites = np.array([site for site, _, _ in pairs])
    made = {}
    for name in ("diameter", "height", "volume"):
        measured = np.array([getattr(a.raw, name) for _, a, _ in pairs])
        true = np.array([getattr(b, name) for _, _, b in pairs])
        sources = np.array([getattr(a.raw, f"{name}_sources") for _, a, _ in pairs]).reshape(-1, 2)
        known = np.isfinite(measured) & np.isfinite(sources).all(axis=1)
        if known.sum() >= 20:
            made[name] = fit_scale(measured[known], true[known], sources[known], sites[known])
    return replace(rules, **made)


def fit_scale(measured: Values, true: Values, sources: Values, sites: NDArray[np.int64]) -> Scale:
    """Return how measured sizes become true ones, with their errors.

    Parameters
    ----------
    measured, true
        Shape (n,).
    sources
        The two sources of error of each, shape (n, 2).
    sites
        Number of the site of each, shape (n,).
    """
    ratios = []
    for fold in range(_FOLDS):
        aside = sites % _FOLDS == fold
        if aside.any() and not aside.all():
            other = _likeliest(measured[~aside], true[~aside], sources[~aside])
            ratios.append(_deviations(other, measured[aside], true[aside], sources[aside]))
    scale = _likeliest(measured, true, sources)
    # Of a single site nothing but the fit itself is known.
    every = np.concatenate(ratios) if ratios else _deviations(scale, measured, true, sources)
    held = float(np.quantile(every, _WITHIN))
    return Scale(scale.factor, (held * scale.parts[0], held * scale.parts[1]))


def _deviations(scale: Scale, measured: Values, true: Values, sources: Values) -> Values:
    """Return how many of the stated errors each size is off."""
    spread = np.hypot(scale.parts[0] * sources[:, 0], scale.parts[1] * sources[:, 1])
    return np.asarray(np.abs(scale.factor * measured - true) / spread)


def _likeliest(measured: Values, true: Values, sources: Values) -> Scale:
    """Return the scale whose errors are the likeliest for normally distributed deviations."""
    factor = float(np.median(true / measured))
    best = (np.inf, Scale(factor, (1.0, 0.1)))
    grid = np.concatenate([[0.0], np.geomspace(0.01, 3.0, 24)])
    for parts in itertools.product(grid, grid):
        spread = np.hypot(parts[0] * sources[:, 0], parts[1] * sources[:, 1])
        if not (spread > 0.0).all():
            continue
        ratio = np.minimum(np.abs(factor * measured - true) / spread, 4.0)
        # A few wild ones do not decide.
        cost = float(np.mean(np.log(spread) + ratio**2 / 2.0))
        tried = Scale(factor, (float(parts[0]), float(parts[1])))
        best = min(best, (cost, tried), key=lambda each: each[0])
    return best[1]

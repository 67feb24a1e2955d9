"""What simulated ejections are like: drawn from the quartiles of the real ones.

Quartiles are those of the Wind events in HELIO4CAST ICMECAT v2.2 (Möstl et al. 2020, ApJ 903, 92).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pipelines.icme.ropes import Rope, gold_hoyle, lundquist

#: Ratio of the third to the first quartile of a log-normal is exp(1.349 sigma).
_QUARTILE_SPAN = 1.349


@dataclass(frozen=True, slots=True)
class Ejection:
    """What one coronal mass ejection is like when it passes the spacecraft.

    Attributes
    ----------
    sheath_hours, obstacle_hours
        How long its parts take; 0 hours for no sheath.
    speed, expansion
        Of the obstacle at its centre, and half the difference of front and back, km/s.
    field
        Mean field of the obstacle, nT.
    density_ratio
        Density of the obstacle over that of the ambient wind.
    coldness
        Temperature of the obstacle over the expected one.
    asymmetry
        Excess of the field at the front over that at the back, -1 to 1.
    rope
        Its field lines; `None` for ejecta without a clear rotation.
    """

    sheath_hours: float
    obstacle_hours: float
    speed: float
    expansion: float
    field: float
    density_ratio: float
    coldness: float
    asymmetry: float
    rope: Rope | None


def draw_by_quartiles(random: np.random.Generator, low: float, median: float, high: float) -> float:
    """Draw from the log-normal that has this median and ratio of quartiles."""
    sigma = np.log(high / low) / _QUARTILE_SPAN
    return float(median * np.exp(sigma * random.standard_normal()))


def _draw_rope(random: np.random.Generator) -> Rope:
    return Rope(
        profile=lundquist if random.random() < 0.5 else gold_hoyle,
        handedness=1 if random.random() < 0.5 else -1,
        latitude=float(np.clip(random.normal(0, 35), -85, 85)),
        longitude=float(random.choice([-90, 90]) + random.normal(0, 30)),
        impact=float(random.uniform(-0.9, 0.9)),
    )


def draw_ejection(random: np.random.Generator) -> Ejection:
    """Draw an ejection: quartiles of ICMECAT v2.2 for Wind, with a sheath in six of ten."""
    speed = np.clip(draw_by_quartiles(random, 354, 391, 443), 290, 900)
    expansion = random.normal(10.5, 23.7) + 0.12 * max(speed - 400, 0)
    return Ejection(
        sheath_hours=np.clip(draw_by_quartiles(random, 6, 9, 12.5), 2, 24)
        if random.random() < 0.6
        else 0,
        obstacle_hours=float(np.clip(draw_by_quartiles(random, 12.7, 21.4, 31.6), 6, 72)),
        speed=float(speed),
        expansion=float(np.clip(expansion, -40, 120)),
        field=float(np.clip(draw_by_quartiles(random, 7.3, 9.0, 11.4), 4, 40)),
        density_ratio=draw_by_quartiles(random, 0.6, 0.9, 1.35),
        coldness=float(np.clip(draw_by_quartiles(random, 0.4, 0.65, 1.05), 0.1, 2.5)),
        asymmetry=float(np.clip(random.normal(0.15, 0.2), -0.4, 0.6)),
        rope=_draw_rope(random) if random.random() < 0.75 else None,
    )

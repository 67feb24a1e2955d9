"""Series that wander at random, with a time of memory."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from pipelines.errors import require

Values = NDArray[np.float64]


def wander(
    samples: int, memory: float, random: np.random.Generator, inertia: float = 0.0
) -> Values:
    """Return an Ornstein-Uhlenbeck process of unit variance.

    Parameters
    ----------
    samples
        Length n.
    memory
        Time of memory, in samples.
    random
        Source of chance.
    inertia
        Time over which it is smoothed besides, in samples: what has inertia does not jitter from
        one sample to the next, as the bare process does.
    """
    keep = float(np.exp(-1.0 / memory))
    push = random.standard_normal(samples) * np.sqrt(1.0 - keep**2)
    push[0] = random.standard_normal()
    signal = require("scipy.signal")
    values = np.asarray(signal.lfilter([1.0], [1.0, -keep], push))
    if inertia <= 0:
        return values
    follow = float(np.exp(-1.0 / inertia))
    smooth, _ = signal.lfilter([1.0 - follow], [1.0, -follow], values, zi=[follow * values[0]])
    # Smoothing leaves memory / (memory + inertia) of the variance.
    return np.asarray(smooth) * np.sqrt((memory + inertia) / memory)


def turbulence(
    samples: int, random: np.random.Generator, memories: tuple[float, ...], slope: float = 1 / 3
) -> Values:
    """Return a sum of wandering vectors whose spectrum falls about as a power law.

    Parameters
    ----------
    samples
        Length n.
    random
        Source of chance.
    memories
        Times of memory, in samples; the variance of each grows with its time to the power of twice
        `slope`, 1/3 for Kolmogorov's law.
    slope
        See above.

    Returns
    -------
    vectors
        Unit variance in each component, shape (n, 3).
    """
    weights = np.array(memories) ** slope
    weights /= np.sqrt(np.sum(weights**2))
    return np.asarray(
        sum(
            weight * np.column_stack([wander(samples, memory, random) for _ in range(3)])
            for weight, memory in zip(weights, memories, strict=True)
        )
    )


def wave(samples: int, period: float, random: np.random.Generator) -> Values:
    """Return a transverse wave about a period whose amplitude comes and goes.

    Returns
    -------
    wave
        Real and imaginary part, unit variance each, shape (n, 2).
    """
    phase = 2 * np.pi * np.cumsum(np.exp(0.25 * wander(samples, 10 * period, random)) / period)
    packet = np.abs(wander(samples, 5 * period, random))
    return np.column_stack([packet * np.cos(phase), packet * np.sin(phase)]) * np.sqrt(2)

"""Spikes: single samples that jump out and back, which the solar wind does not do.

A sample is a spike when it lies beyond both samples before it and both after it, on the same
side, by more than `STEPS` times the usual step between neighbours and by more than a least jump.
The usual step is the median of absolute differences, which one bad sample in twenty leaves alone
(the identifier of Hampel, in the words of Davies & Gather 1993, J. Am. Stat. Assoc. 88, 782). A
shock is no spike: what comes after it stays where it jumped to. Decisions depend on the
measurements of `AROUND` on either side and on nothing else.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Values = NDArray[np.float64]

#: Neighbours and usual steps are looked for within this time on either side.
AROUND = np.timedelta64(1, "h")

#: Least jump in units of the usual step. The solar wind has bursts of large steps, so that the
#: three or five of a normal distribution would cut real ones.
STEPS = 10.0

#: A usual step is the median of at least so many.
_FEWEST_STEPS = 6


@dataclass(frozen=True, slots=True)
class Jump:
    """The least jump of a channel that can be a spike.

    Attributes
    ----------
    size
        In the unit of the channel, or as a ratio.
    ratio
        Whether jumps are ratios: densities and temperatures vary in proportion to themselves.
    """

    size: float
    ratio: bool = False


#: Below these, what jumps out and back occurs in the solar wind at ten minutes: plasma sheets and
#: magnetic holes. Wind 2019 and STEREO-B 2013-14, cleaned by their authors, do not exceed them.
FIELD_JUMPS: Mapping[str, Jump] = {
    "bx": Jump(15.0),
    "by": Jump(15.0),
    "bz": Jump(15.0),
    "bt": Jump(15.0),
}
PLASMA_JUMPS: Mapping[str, Jump] = {
    "vt": Jump(100.0),
    "np": Jump(5.0, ratio=True),
    "tp": Jump(8.0, ratio=True),
}


def find_spikes(
    times: NDArray[np.datetime64], channels: Mapping[str, Values], jumps: Mapping[str, Jump]
) -> NDArray[np.bool_]:
    """Return which samples are a spike in any of the channels of one instrument.

    Parameters
    ----------
    times
        Ascending, shape (n,).
    channels
        Shape (n,) each, NaN where nothing was measured.
    jumps
        Least jumps by channel; those of the channels that are not there are not used.

    Returns
    -------
    spikes
        Shape (n,). A vector, or the moments of one distribution, are wrong as a whole.
    """
    found = np.zeros(len(times), dtype=bool)
    seconds = times.astype("datetime64[us]").astype(np.int64) / 1e6
    for name, jump in jumps.items():
        if name in channels:
            found[_spikes_of(seconds, channels[name], jump)] = True
    return found


def _spikes_of(seconds: Values, values: Values, jump: Jump) -> Sequence[int]:
    """Return the numbers of the samples that are spikes of one channel."""
    usable = np.isfinite(values) & ((values > 0) | (not jump.ratio))
    known = np.flatnonzero(usable)
    if len(known) < 5:
        return []
    x = np.log(values[known]) if jump.ratio else values[known]
    t = seconds[known]
    least = np.log(jump.size) if jump.ratio else jump.size
    inner = slice(2, -2)
    neighbours = np.stack([x[:-4], x[1:-3], x[3:-1], x[4:]])
    beyond = np.maximum(x[inner] - neighbours.max(axis=0), neighbours.min(axis=0) - x[inner])
    around = AROUND / np.timedelta64(1, "s")
    near = (t[inner] - t[:-4] <= around) & (t[4:] - t[inner] <= around)
    candidates = np.flatnonzero((beyond > least) & near) + 2
    steps = np.abs(np.diff(x))
    spikes = []
    for each in candidates:
        low, high = np.searchsorted(t, [t[each] - around, t[each] + around])
        surrounding = steps[low : max(high - 1, low)]
        usual = np.median(surrounding) if len(surrounding) >= _FEWEST_STEPS else np.inf
        if beyond[each - 2] > STEPS * usual:
            spikes.append(int(known[each]))
    return spikes

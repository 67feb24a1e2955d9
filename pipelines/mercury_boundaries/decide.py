"""From probabilities of classes to the passage of an orbit through the regions.

A spacecraft that enters the magnetosphere crosses the bow shock and the magnetopause in this order,
and in the other order when it leaves. The most likely path through eight states that follow each
other so (Viterbi 1967) is what is published; turning back is possible and costs something.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from pipelines.mercury_boundaries.labels import (
    BOW_SHOCK,
    MAGNETOPAUSE,
    MAGNETOSPHERE,
    SHEATH,
    SOLAR_WIND,
)

Probabilities = NDArray[np.float32]
States = NDArray[np.int8]

#: States of a passage, with the class that each shows. The sheath, and each boundary, is met twice.
STATE_CLASSES: Final = (
    SOLAR_WIND,
    BOW_SHOCK,
    SHEATH,
    MAGNETOPAUSE,
    MAGNETOSPHERE,
    MAGNETOPAUSE,
    SHEATH,
    BOW_SHOCK,
)

#: The states that are crossings, with the kind of interval (number in `lists.KINDS`).
CROSSING_STATES: Final = {1: 0, 3: 1, 5: 2, 7: 3}

#: Ways back: a boundary was touched and not passed, or the sheath was left without entering.
_BACK: Final = ((1, 0), (3, 2), (5, 4), (7, 6), (2, 7))

#: Bins that are decided together, and bins on either side that take part: 3 and 2 hours. Blocks
#: stand at fixed times, so that a path does not depend on where the data were cut.
BLOCK: Final = 2700
REACH: Final = 1800

#: Blocks at a time; bounds the memory.
_AT_ONCE: Final = 256

#: Bins. What lasts longer is no crossing: the longest interval of PyMess's 16,144 lasts 3.9 hours.
LONGEST: Final = 4500

#: Probabilities below this count as this.
_LEAST: Final = 1e-3


@dataclass(frozen=True, slots=True)
class PassageRule:
    """What a path costs, in logarithms of probability.

    Attributes
    ----------
    turn
        Of entering and of leaving a crossing.
    back
        Of turning back instead of passing.
    bow_shock, magnetopause
        Added to the logarithm of the probability of these classes at every bin: how much of what is
        doubtful belongs to an interval of crossings.
    least_bow_shock, least_magnetopause
        Probability from which on bins count for the interval in the second step; see
        `edges.best_interval`.
    """

    turn: float
    back: float
    bow_shock: float
    magnetopause: float
    least_bow_shock: float = 0.25
    least_magnetopause: float = 0.25


def block_edges(first: int, bins: int) -> NDArray[np.int64]:
    """Return the first bins of the blocks that a series touches, relative to the series."""
    low = first // BLOCK
    high = (first + bins - 1) // BLOCK
    return np.arange(low, high + 1, dtype=np.int64) * BLOCK - first


def decide(
    probabilities: Probabilities, known: NDArray[np.bool_], first: int, rule: PassageRule
) -> States:
    """Return the most likely state of each bin.

    Parameters
    ----------
    probabilities
        Of the classes, shape (classes, n).
    known
        Where something was measured, shape (n,); elsewhere every class is as likely.
    first
        Number of the first bin since 1970.
    rule
        What a path costs.

    Returns
    -------
    states
        Shape (n,).
    """
    return decide_all([Stretch(probabilities, known, first)], [rule])[0]


@dataclass(frozen=True)
class Stretch:
    """Probabilities of one series; attributes as the parameters of `decide`."""

    probabilities: Probabilities
    known: NDArray[np.bool_]
    first: int


def decide_all(stretches: Sequence[Stretch], rules: Sequence[PassageRule]) -> list[States]:
    """Return the states of several series, each under its own rule, in little more time than one.

    Parameters
    ----------
    stretches, rules
        One rule for each series.
    """
    pending: list[_Block] = []
    states = [np.zeros(each.probabilities.shape[1], dtype=np.int8) for each in stretches]
    for number, (each, rule) in enumerate(zip(stretches, rules, strict=True)):
        evidence = _evidence(each, rule)
        for edge in block_edges(each.first, len(evidence)):
            pending.append(_Block(number, int(edge), _excerpt(evidence, int(edge)), rule))
            if len(pending) == _AT_ONCE:
                _settle(pending, states)
                pending = []
    if pending:
        _settle(pending, states)
    return states


@dataclass(frozen=True)
class _Block:
    """A block of a series that waits for its path."""

    number: int
    edge: int
    evidence: NDArray[np.float32]
    rule: PassageRule


def _evidence(stretch: Stretch, rule: PassageRule) -> NDArray[np.float32]:
    """Return the logarithm of what speaks for each class at each bin, shape (n, classes)."""
    evidence = np.log(np.maximum(stretch.probabilities.T, _LEAST)).astype(np.float32)
    evidence[:, BOW_SHOCK] += rule.bow_shock
    evidence[:, MAGNETOPAUSE] += rule.magnetopause
    evidence[~stretch.known] = 0.0
    return evidence


def _excerpt(evidence: NDArray[np.float32], edge: int) -> NDArray[np.float32]:
    """Return a block with its reach on either side, 0 outside of the series."""
    low, high = edge - REACH, edge + BLOCK + REACH
    inside = evidence[max(low, 0) : min(high, len(evidence))]
    return np.pad(inside, ((max(-low, 0), max(high - len(evidence), 0)), (0, 0)))


def _settle(pending: Sequence[_Block], states: list[States]) -> None:
    """Decide on blocks and write their inner parts to the states of their series."""
    given = np.stack([each.evidence[:, list(STATE_CLASSES)] for each in pending], axis=1)
    costs = {each.rule: _transition_costs(each.rule) for each in pending}
    paths = _viterbi(given, np.stack([costs[each.rule] for each in pending]))
    for each, path in zip(pending, paths, strict=True):
        mine = states[each.number]
        low, high = max(each.edge, 0), min(each.edge + BLOCK, len(mine))
        mine[low:high] = path[REACH + low - each.edge : REACH + high - each.edge]


def _transition_costs(rule: PassageRule) -> NDArray[np.float32]:
    """Return the cost of going from one state to another, shape (8, 8), infinite if impossible."""
    costs = np.full((8, 8), np.inf, dtype=np.float32)
    np.fill_diagonal(costs, 0.0)
    for state in range(8):
        costs[state, (state + 1) % 8] = rule.turn
    for before, after in _BACK:
        costs[before, after] = rule.turn + rule.back
    return costs


def _viterbi(evidence: NDArray[np.float32], costs: NDArray[np.float32]) -> States:
    """Return the best path of each of several stretches, shape (stretches, n).

    Parameters
    ----------
    evidence
        Logarithms, shape (n, stretches, states).
    costs
        Of each stretch, shape (stretches, states, states).
    """
    bins, stretches, states = evidence.shape
    # Every state is reached from few others: only those are compared.
    reached = np.isfinite(costs).any(axis=0)
    sources = [np.flatnonzero(reached[:, state]) for state in range(states)]
    width = max(len(each) for each in sources)
    table = np.array([np.resize(each, width) for each in sources])
    every = np.arange(states)
    price = [costs[:, table[:, way], every] for way in range(width)]
    came = np.empty((bins, stretches, states), dtype=np.int8)
    best = evidence[0].copy()
    for number in range(1, bins):
        chosen = best.take(table[:, 0], axis=1) - price[0]
        source = np.broadcast_to(table[:, 0], chosen.shape).astype(np.int8)
        for way in range(1, width):
            other = best.take(table[:, way], axis=1) - price[way]
            better = other > chosen
            np.copyto(source, table[:, way].astype(np.int8), where=better)
            np.maximum(chosen, other, out=chosen)
        came[number] = source
        best = chosen + evidence[number]
    paths = np.empty((stretches, bins), dtype=np.int8)
    state = best.argmax(axis=1)
    row = np.arange(stretches)
    for number in range(bins - 1, -1, -1):
        paths[:, number] = state
        if number:
            state = came[number, row, state]
    return paths


def classes_of_states(states: States) -> NDArray[np.int8]:
    """Return the class that each state shows, shape (n,)."""
    return np.array(STATE_CLASSES, dtype=np.int8)[states]


def passed(states: States) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return runs of crossing states that lead from one region to the next, and their kinds.

    Runs at the ends of the series, and longer ones than `LONGEST`, are left out.
    """
    edges = np.flatnonzero(np.diff(states)) + 1
    starts = edges[:-1] if len(edges) else edges
    ends = edges[1:] if len(edges) else edges
    state = states[starts] if len(starts) else np.empty(0, np.int8)
    crossing = np.isin(state, list(CROSSING_STATES))
    before = states[starts - 1] if len(starts) else state
    after = states[np.minimum(ends, len(states) - 1)] if len(ends) else state
    through = (before == (state - 1) % 8) & (after == (state + 1) % 8)
    kept = crossing & through & (ends - starts <= LONGEST)
    kinds = np.array([CROSSING_STATES[int(each)] for each in state[kept]], dtype=np.int64)
    return np.column_stack([starts[kept], ends[kept]]).astype(np.int64), kinds

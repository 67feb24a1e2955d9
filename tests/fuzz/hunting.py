"""Attacks on the target for a number of seconds, made and shrunk by hypothesis."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import TypeVar

from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

from . import queries, votables
from .target import Target, ViolationError

T = TypeVar("T")

#: Examples of one kind before the next kind has its turn.
_BATCH = 50

#: Bytes that an example is made of.
_CHOICES = 2_000


@dataclass(frozen=True)
class Attack:
    """One way to look for faults.

    Attributes
    ----------
    name
        What it is called in the report.
    make
        Makes an example.
    check
        Raises `ViolationError` if something that must hold does not.
    """

    name: str
    make: Callable[[Random], str | bytes]
    check: Callable[[Target, str | bytes], None]


class Choices(Random):
    """Random choices out of bytes that hypothesis gives, so that it can shrink them.

    One draw of bytes is far faster than a draw for each choice. When they are used up every choice
    is the first one.
    """

    def __init__(self, content: bytes) -> None:
        super().__init__(0)
        self._content = content
        self._place = 0

    def random(self) -> float:
        """Return a number from 0 to below 1, of the next two bytes."""
        piece = self._content[self._place : self._place + 2]
        self._place += 2
        return int.from_bytes(piece) / 65_536

    # Random's own methods take the low bits of a number of 53, of which only 16 are ours.

    def choice(self, seq: Sequence[T]) -> T:
        """Return one of a sequence."""
        return seq[int(self.random() * len(seq))]

    def randrange(self, start: int, stop: int | None = None, step: int = 1) -> int:
        """Return a number of a range."""
        return self.choice(range(start) if stop is None else range(start, stop, step))


def _query(chance: Random) -> str:
    return queries.Grammar(chance, geometry=chance.random() < 0.3).query()


def _damaged_query(chance: Random) -> str:
    return queries.damaged(_query(chance), chance)


def _damaged_document(chance: Random) -> bytes:
    return votables.damaged(votables.document(chance), chance)


ATTACKS = (
    Attack("queries translated", _query, Target.check_translation),
    Attack("damaged queries translated", _damaged_query, Target.check_translation),
    Attack("queries asked", _query, Target.check_query),
    Attack("damaged queries asked", _damaged_query, Target.check_query),
    Attack("VOTables read", votables.document, Target.check_reader),
    Attack("damaged VOTables read", _damaged_document, Target.check_reader),
    Attack("VOTables uploaded", votables.document, Target.check_upload),
    Attack("damaged VOTables uploaded", _damaged_document, Target.check_upload),
)


@dataclass
class Tally:
    """What was tried and found.

    Attributes
    ----------
    tried, accepted
        Examples of each attack, and how many of them were no errors for the user.
    found
        Violations, each of them shrunk.
    """

    tried: Counter[str] = field(default_factory=Counter)
    accepted: Counter[str] = field(default_factory=Counter)
    found: list[ViolationError] = field(default_factory=list)


def hunt(target: Target, seconds: float, *, first_seed: int = 0, batch: int = _BATCH) -> Tally:
    """Attack a target, every kind in turn, until the time is over.

    Parameters
    ----------
    target
        What is attacked.
    seconds
        Time to spend; the last batch is finished, and shrinking what is found may take longer.
    first_seed
        Of the random choices: the same one makes the same examples in the same order.
    batch
        Examples of one kind before the next has its turn.
    """
    tally = Tally()
    end = time.monotonic() + seconds
    number = first_seed
    while time.monotonic() < end:
        for attack in ATTACKS:
            # Every kind has its turn at least once, however slow the machine is.
            if number == first_seed or time.monotonic() < end:
                _attack(target, attack, number, batch, tally)
        number += 1
    return tally


def _attack(target: Target, attack: Attack, number: int, batch: int, tally: Tally) -> None:
    """Try one kind of example some times, and note the first violation in its smallest form."""

    @seed(number)
    @settings(
        max_examples=batch,
        deadline=None,
        database=None,
        phases=[Phase.generate, Phase.shrink],
        suppress_health_check=list(HealthCheck),
        report_multiple_bugs=False,
    )
    @given(st.binary(min_size=_CHOICES, max_size=_CHOICES))
    def attempt(content: bytes) -> None:
        example = attack.make(Choices(content))
        tally.tried[attack.name] += 1
        before = target.accepted
        attack.check(target, example)
        tally.accepted[attack.name] += target.accepted - before

    try:
        attempt()
    except ViolationError as violation:
        tally.found.append(violation)

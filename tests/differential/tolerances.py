"""Differences of names, types and units that are explained once, for all queries."""

from __future__ import annotations

import re
from dataclasses import dataclass

from .corpus import Blame


@dataclass(frozen=True)
class Tolerance:
    """A difference of metadata that is no fault of ours, wherever it turns up.

    Attributes
    ----------
    aspect
        What of a column differs: ``name``, ``datatype``, ``arraysize``, ``xtype``, ``unit``; or
        ``order`` of the columns.
    ours, dachs
        Patterns of what both have.
    who
        Whose fault it is.
    why
        The explanation.
    """

    aspect: str
    ours: str
    dachs: str
    who: Blame
    why: str


TOLERANCES: tuple[Tolerance, ...] = ()


def tolerated(aspect: str, ours: str, dachs: str) -> Tolerance | None:
    """Return the explanation of a difference, if there is one."""
    for tolerance in TOLERANCES:
        if (
            tolerance.aspect == aspect
            and re.fullmatch(tolerance.ours, ours)
            and re.fullmatch(tolerance.dachs, dachs)
        ):
            return tolerance
    return None

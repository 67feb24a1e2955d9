"""Differences of names, types and units that are explained once, for all queries."""

from __future__ import annotations

import re
from collections.abc import Callable
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
    covers
        Tells of what we have and what DaCHS has whether this is the difference.
    who
        Whose fault it is.
    why
        The explanation.
    """

    aspect: str
    covers: Callable[[str, str], bool]
    who: Blame
    why: str


TOLERANCES = (
    Tolerance(
        "datatype",
        lambda ours, dachs: (ours, dachs) == ("long", "int"),
        Blame.BOTH_RIGHT,
        "COUNT, and sums and remainders of whole numbers, are 64 bits wide in PostgreSQL; we say "
        "so, DaCHS declares 32.",
    ),
    Tolerance(
        "datatype",
        lambda ours, dachs: (ours, dachs) == ("int", "short"),
        Blame.DACHS,
        "DaCHS types a whole number by its size; what is computed of it may not fit "
        "(conditionals/case-in-aggregate). INTEGER is what ADQL has.",
    ),
    Tolerance(
        "datatype",
        lambda ours, dachs: ours in ("int", "long") and dachs == "double",
        Blame.BOTH_RIGHT,
        "DaCHS declares whatever a function gives as double; ABS and MOD of whole numbers and "
        "truth values are whole numbers here.",
    ),
    Tolerance(
        "name",
        lambda ours, dachs: ours != dachs and ours.lower() == dachs.lower(),
        Blame.BOTH_RIGHT,
        "DaCHS writes regular identifiers in lower case; we leave an alias as it was written.",
    ),
    Tolerance(
        "name",
        lambda ours, dachs: re.fullmatch("nd[a-z]{10}", dachs) is not None,
        Blame.DACHS,
        "DaCHS makes up a name for what has none, another one each time.",
    ),
    Tolerance(
        "name",
        lambda ours, dachs: re.fullmatch(re.escape(dachs) + r"\d+", ours) is not None,
        Blame.BOTH_RIGHT,
        "A name that comes twice gets a number here and an underscore in DaCHS.",
    ),
    Tolerance(
        "unit",
        lambda ours, dachs: (ours, dachs) == ("deg", "(deg, deg)"),
        Blame.DACHS,
        "Both numbers of a position are in degrees; '(deg, deg)' is no unit of VOUnits.",
    ),
    Tolerance(
        "order",
        lambda ours, dachs: True,
        Blame.BOTH_RIGHT,
        "SELECT * gives the columns of the catalogue in the order of TAP_SCHEMA, which is each "
        "service's own.",
    ),
)


def tolerated(aspect: str, ours: str, dachs: str) -> Tolerance | None:
    """Return the explanation of a difference, if there is one."""
    for tolerance in TOLERANCES:
        if tolerance.aspect == aspect and tolerance.covers(ours, dachs):
            return tolerance
    return None

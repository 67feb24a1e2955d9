"""Two answers to one query, compared."""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from .answers import Answer, FieldType
from .corpus import Case, Outcome
from .tolerances import tolerated

#: Two doubles are the same up to this part of the larger one: sums depend on the order of rows.
RELATIVE = 1e-9

#: Below this, doubles are the same as zero: sines of whole turns.
ABSOLUTE = 1e-12


class Verdict(StrEnum):
    """What came of a query."""

    SAME = "same"
    #: The rows are the same; names, types or units differ in a way that is always tolerated.
    TOLERATED = "tolerated"
    EXPLAINED = "explained"
    UNEXPLAINED = "unexplained"
    #: The corpus explains a difference that is not there any more.
    STALE = "stale"
    #: This service does not declare what the query needs.
    NOT_OFFERED = "not offered"


@dataclass(frozen=True)
class Comparison:
    """What came of one query.

    Attributes
    ----------
    case
        The query.
    verdict
        What came of it.
    differences
        Every difference, in words.
    ours, dachs
        The answers; ``None`` if the query was not asked.
    """

    case: Case
    verdict: Verdict
    differences: tuple[str, ...] = ()
    ours: Answer | None = None
    dachs: Answer | None = None


def compare(case: Case, ours: Answer, dachs: Answer) -> Comparison:
    """Compare two answers, and hold the difference against what the corpus says."""
    if ours.outcome is not case.ours:
        wrong = f"ours: {ours.outcome} instead of {case.ours}: {ours.message[:300]}"
        return Comparison(case, Verdict.UNEXPLAINED, (wrong,), ours, dachs)
    content = _content(case, ours, dachs)
    metadata = _metadata(ours.fields, dachs.fields) if not content else []
    serious = [text for text, excused in metadata if not excused]
    known = case.difference
    if content or serious:
        explained = known is not None and (not content or not known.metadata)
        verdict = Verdict.EXPLAINED if explained else Verdict.UNEXPLAINED
    elif known is not None:
        verdict = Verdict.STALE
    else:
        verdict = Verdict.TOLERATED if metadata else Verdict.SAME
    return Comparison(case, verdict, (*content, *(text for text, _ in metadata)), ours, dachs)


def _content(case: Case, ours: Answer, dachs: Answer) -> list[str]:
    """Return differences of outcome, width, or rows."""
    worked = ours.outcome is Outcome.ROWS, dachs.outcome is Outcome.ROWS
    if worked == (False, False):
        return []
    if worked == (True, False):
        return [f"dachs refuses: {dachs.message[:300]}"]
    if worked == (False, True):
        return [f"dachs gives {len(dachs.rows)} rows, ours refuses: {ours.message[:300]}"]
    if len(ours.fields) != len(dachs.fields):
        return [f"{len(ours.fields)} columns, dachs has {len(dachs.fields)}"]
    if len(ours.rows) != len(dachs.rows):
        return [f"{len(ours.rows)} rows, dachs has {len(dachs.rows)}"]
    mine, theirs = _aligned(ours, dachs)
    if not case.ordered:
        mine, theirs = sorted(mine, key=_key), sorted(theirs, key=_key)
    for number, (left, right) in enumerate(zip(mine, theirs, strict=True)):
        if not _same(left, right):
            return [f"row {number} is {_shown(left)}, dachs has {_shown(right)}"]
    return []


def _aligned(ours: Answer, dachs: Answer) -> tuple[list[tuple[Any, ...]], list[tuple[Any, ...]]]:
    """Return the rows of both with the columns in our order, if ``*`` ordered them differently."""
    names = [field.name.lower() for field in ours.fields]
    others = [field.name.lower() for field in dachs.fields]
    mine, theirs = list(ours.rows), list(dachs.rows)
    if names != others and sorted(names) == sorted(others) and len(set(names)) == len(names):
        order = [others.index(name) for name in names]
        theirs = [tuple(row[place] for place in order) for row in theirs]
    return mine, theirs


def _key(value: Any) -> tuple[Any, ...]:
    """Return what rows are sorted by: texts before numbers, so that noise comes last."""
    if isinstance(value, tuple):
        keys = [_key(item) for item in value]
        return (4, tuple(k for k in keys if k[0] != 3), tuple(k for k in keys if k[0] == 3))
    if value is None:
        return (0,)
    if isinstance(value, bool | int):
        return (3, float(value))
    if isinstance(value, float):
        return (3, math.inf if math.isnan(value) else value)
    return (2, str(value))


def _same(left: Any, right: Any) -> bool:
    if isinstance(left, tuple) and isinstance(right, tuple):
        return len(left) == len(right) and all(map(_same, left, right))
    if isinstance(left, float) or isinstance(right, float):
        if not (isinstance(left, int | float) and isinstance(right, int | float)):
            return left is right
        if math.isnan(left) or math.isnan(right):
            return math.isnan(left) and math.isnan(right)
        return math.isclose(left, right, rel_tol=RELATIVE, abs_tol=ABSOLUTE)
    return bool(left == right)


def _shown(row: tuple[Any, ...]) -> str:
    text = repr(row)
    return text if len(text) <= 160 else text[:157] + "..."


def _metadata(ours: tuple[FieldType, ...], dachs: tuple[FieldType, ...]) -> list[tuple[str, bool]]:
    """Return differences of the columns, each with whether it is always tolerated."""
    by_name = {field.name.lower(): field for field in dachs}
    found: list[tuple[str, bool]] = []
    if [f.name.lower() for f in ours] != [f.name.lower() for f in dachs] and set(by_name) == {
        field.name.lower() for field in ours
    }:
        dachs = tuple(by_name[field.name.lower()] for field in ours)
        found.append(("the columns come in another order", tolerated("order", "", "") is not None))
    for mine, theirs in zip(ours, dachs, strict=True):
        for aspect in ("name", "datatype", "arraysize", "xtype", "unit"):
            left, right = getattr(mine, aspect), getattr(theirs, aspect)
            if left != right:
                text = f"{aspect} of {mine.name} is {left!r}, dachs has {right!r}"
                found.append((text, tolerated(aspect, left, right) is not None))
    return found

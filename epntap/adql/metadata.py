"""What is known of an expression from what is known of its parts.

The rule throughout: a piece of metadata is kept only where it stays true. A wrong unit is worse
than none.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

from epntap.adql.values import NOTHING, UNICODE, Kind, Value
from epntap.tables import Column

#: A unit that can be multiplied, divided or squared without brackets.
_SIMPLE_UNIT = re.compile(r"[A-Za-z%]+")

#: A product of such units.
_PRODUCT_UNIT = re.compile(r"[A-Za-z%]+(?:\*\*[0-9]+)?(?:\.[A-Za-z%]+(?:\*\*[0-9]+)?)*")

#: Secondary UCD word that says which statistic a value is (UCD list 1.6).
_STATISTICS = {"MIN": "stat.min", "MAX": "stat.max", "AVG": "stat.mean"}


def about(
    unit: str | None = None, ucd: str | None = None, description: str | None = None
) -> Column:
    """Return metadata made of its parts."""
    if unit is None and ucd is None and description is None:
        return NOTHING
    return Column(name="", datatype="", unit=unit, ucd=ucd, description=description)


def text_of(known: Column, values: Sequence[Value]) -> Column:
    """Return metadata of text that is made of values: ``unicodeChar`` if one of them is."""
    if any(value.is_unicode for value in values):
        return replace(known, datatype=UNICODE)
    return known


def agreed(values: Sequence[Value]) -> Column:
    """Return what all values agree on, for COALESCE and CASE.

    Literals have a say only in whether the text is ``unicodeChar`` and whether it has an xtype.
    """
    known = text_of(_agreed(values), values)
    xtypes = {value.about.xtype for value in values if value.kind is not Kind.NULL}
    return known if known.xtype is None or len(xtypes) == 1 else replace(known, xtype=None)


def _agreed(values: Sequence[Value]) -> Column:
    known = [value.about for value in values if value.constant is None]
    if not known:
        return NOTHING
    first = known[0]
    if all(other is first for other in known[1:]):
        return first
    return Column(
        name=first.name,
        datatype=first.datatype,
        arraysize=first.arraysize,
        xtype=first.xtype,
        unit=first.unit if all(other.unit == first.unit for other in known) else None,
        ucd=first.ucd if all(other.ucd == first.ucd for other in known) else None,
        utype=first.utype if all(other.utype == first.utype for other in known) else None,
        description=first.description
        if all(other.description == first.description for other in known)
        else None,
        system=first.system if all(other.system == first.system for other in known) else None,
    )


def sum_or_difference(operator: str, left: Value, right: Value) -> Column:
    """Return what is known of ``left + right`` or ``left - right``.

    A number written in the query takes the unit of what it is added to: ``time_min - 2400000.5``
    is in days and still a time, though no longer in the time system of the column.
    """
    if right.constant is not None and left.constant is None:
        return about(left.about.unit, left.about.ucd)
    if left.constant is not None and right.constant is None:
        return about(right.about.unit, right.about.ucd if operator == "+" else None)
    if left.about.unit != right.about.unit:
        return NOTHING
    same = operator == "+" and left.about.ucd == right.about.ucd
    return about(left.about.unit, left.about.ucd if same else None)


def product(left: Value, right: Value) -> Column:
    """Return what is known of ``left * right``.

    A factor that is a number may be meant as a conversion, so that it leaves no unit.
    """
    one, other = left.about.unit, right.about.unit
    if not one or not other or not _PRODUCT_UNIT.fullmatch(f"{one}.{other}"):
        return NOTHING
    return about(f"{one}**2" if one == other and _SIMPLE_UNIT.fullmatch(one) else f"{one}.{other}")


def quotient(left: Value, right: Value) -> Column:
    """Return what is known of ``left / right``."""
    one, other = left.about.unit, right.about.unit
    if not one or not other or one == other:
        return NOTHING
    if not _PRODUCT_UNIT.fullmatch(one) or not _SIMPLE_UNIT.fullmatch(other):
        return NOTHING
    return about(f"{one}/{other}")


def statistic(name: str, value: Value) -> Column:
    """Return what is known of MIN, MAX, AVG or SUM of a value.

    The UCD gets the word of the statistic at its end, where UCD1+ wants secondary words, unless
    it has it: ``stat.min``, ``stat.max``, ``stat.mean``. A sum keeps its UCD.
    """
    known = value.about
    word = _STATISTICS.get(name)
    ucd = known.ucd
    if ucd and word and word not in ucd.split(";"):
        ucd = f"{ucd};{word}"
    system = known.system if word else None
    return replace(known, ucd=ucd, system=system, indexed=False, principal=False, std=False)


def magnitude(value: Value) -> Column:
    """Return what is known of a value that was rounded, lost its sign or changed its case."""
    known = about(value.about.unit, value.about.ucd, value.about.description)
    return text_of(known, [value])

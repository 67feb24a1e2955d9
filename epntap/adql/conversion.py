"""Values of one kind where another is wanted: literals in SQL, casts, common kinds."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from datetime import datetime

from epntap.adql.errors import Fault
from epntap.adql.tree import Null, Number, String
from epntap.adql.values import (
    INTEGERS,
    NOTHING,
    NUMBERS,
    PG_TYPES,
    TEXTS,
    UNICODE,
    UNKNOWN,
    Kind,
    Value,
    named,
)
from epntap.tables import Column

_NUMERAL = re.compile(r"[ ]*[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?[ ]*", re.ASCII)

#: DALI 1.1, section 3.3.3, with a space for the T and a Z allowed as in civil time.
_TIMESTAMP = re.compile(
    r"([0-9]{4})-([0-9]{2})-([0-9]{2})"
    r"(?:[T ]([0-9]{2}):([0-9]{2})(?::([0-9]{2})(\.[0-9]{1,6})?[0-9]*)?)?Z?",
    re.ASCII,
)

#: What is known of a literal string with characters beyond ASCII.
_BEYOND_ASCII = Column(name="", datatype=UNICODE)


def quote_string(text: str) -> str:
    """Return a string as an SQL literal.

    A backslash is doubled in an ``E''`` literal, which means the same whatever the server's
    ``standard_conforming_strings`` is.
    """
    escaped = text.replace("'", "''")
    if "\\" in escaped:
        return "E'" + escaped.replace("\\", "\\\\") + "'"
    return f"'{escaped}'"


def quote_name(name: str) -> str:
    """Return a name as a delimited SQL identifier."""
    return '"' + name.replace('"', '""') + '"'


def number_sql(value: int | float) -> str:
    """Return a number as an SQL literal; real ones are of double precision, not numeric."""
    return str(value) if isinstance(value, int) else f"{value!r}::double precision"


def number(value: int | float, constant: Number | None = None) -> Value:
    """Return the value of a number literal, which may be negative."""
    sql = number_sql(value)
    if isinstance(value, int):
        kind = Kind.INT if -(2**31) <= value < 2**31 else Kind.LONG
    else:
        kind = Kind.DOUBLE
    return Value(
        f"({sql})" if value < 0 else sql,
        kind,
        PG_TYPES[kind],
        constant=constant or Number(value),
    )


def null(constant: Null) -> Value:
    """Return the value of ``NULL``."""
    return Value("NULL", Kind.NULL, UNKNOWN, constant=constant)


def string(constant: String) -> Value:
    """Return the value of a string literal; one that is not ASCII is ``unicodeChar``."""
    about = NOTHING if constant.value.isascii() else _BEYOND_ASCII
    return Value(quote_string(constant.value), Kind.TEXT, UNKNOWN, about, constant=constant)


def quoted_number(text: str, at: int) -> Value:
    """Return the number that a string spells.

    Raises
    ------
    Fault
        If it spells none.
    """
    if not _NUMERAL.fullmatch(text):
        raise Fault(
            f"'{text[:40]}' is compared with a number but is none",
            at,
            "text is compared with text, numbers with numbers",
        )
    digits = text.strip()
    if digits.lstrip("+-").isdigit() and len(digits) <= 19 and abs(int(digits)) < 2**63:
        return number(int(digits))
    value = float(digits)
    if math.isinf(value):
        raise Fault("this number is beyond the range of double precision", at)
    return number(value)


def timestamp_text(text: str, at: int) -> str:
    """Return a literal timestamp as PostgreSQL reads it whatever its settings.

    Raises
    ------
    Fault
        If the text is not a timestamp of the form that DALI gives.
    """
    match = _TIMESTAMP.fullmatch(text.strip())
    hint = "timestamps are written as 2009-04-29T12:00:00.000"
    if match is None:
        raise Fault(f"'{text[:40]}' is not a timestamp", at, hint)
    year, month, day, hour, minute, second = (int(part or 0) for part in match.groups()[:6])
    try:
        # A leap second, 60, is one that datetime does not know and PostgreSQL does.
        datetime(year, month, day, hour, minute, min(second, 59 + (second > 60)))
    except ValueError as error:
        raise Fault(f"'{text[:40]}' is not a timestamp: {error}", at, hint) from None
    return (
        f"{year:04d}-{month:02d}-{day:02d} "
        f"{hour:02d}:{minute:02d}:{second:02d}{match.group(7) or ''}"
    )


def timestamp(text: str, at: int) -> Value:
    """Return the value of a literal timestamp.

    Raises
    ------
    Fault
        If the text is not a timestamp.
    """
    return Value(
        f"'{timestamp_text(text, at)}'::timestamp", Kind.TIMESTAMP, PG_TYPES[Kind.TIMESTAMP]
    )


def settled(value: Value) -> Value:
    """Return the value with a type that does not depend on its surroundings."""
    if value.pg != UNKNOWN:
        return value
    return Value(f"{value.sql}::text", value.kind, "text", value.about)


def keyed(value: Value) -> str:
    """Return SQL to sort or group by, where a bare literal would count as an ordinal."""
    if value.constant is None:
        return value.sql
    return f"{value.sql}::{'text' if value.pg == UNKNOWN else value.pg}"


def cast_sql(value: Value, pg: str) -> str:
    """Return SQL of the value in a type of PostgreSQL; nothing is added where it has it."""
    return value.sql if value.pg == pg else f"({value.sql})::{pg}"


def text_sql(value: Value, at: int) -> str:
    """Return the value as SQL text; timestamps as ISO 8601.

    Raises
    ------
    Fault
        If values of its kind have no text.
    """
    if value.kind is Kind.TIMESTAMP:
        return f"replace(({value.sql})::text, ' ', 'T')"
    if value.kind in TEXTS or value.kind in NUMBERS or value.kind is Kind.NULL:
        return cast_sql(value, "text")
    raise Fault(f"{named(value.kind)} cannot be used as text", at)


def as_kind(value: Value, kind: Kind, at: int, what: str = "") -> Value:
    """Return the value as one of another kind.

    Parameters
    ----------
    what
        Whose value it is, to begin a message with; e.g. ``argument 1 of SQRT``.

    Raises
    ------
    Fault
        If it cannot be one.
    """
    pg = PG_TYPES[kind]
    if value.kind is kind and value.pg == pg:
        return value
    if value.kind is Kind.NULL:
        return Value(f"NULL::{pg}" if value.pg == UNKNOWN else cast_sql(value, pg), kind, pg)
    if kind in TEXTS and value.kind in TEXTS:
        return settled(value)
    if kind in NUMBERS and isinstance(value.constant, String):
        value = quoted_number(value.constant.value, at)
    if kind is Kind.TIMESTAMP and isinstance(value.constant, String):
        return timestamp(value.constant.value, at)
    if kind is Kind.TIMESTAMP and value.kind is kind:
        return value
    real_to_whole = kind in INTEGERS and value.kind not in INTEGERS
    if kind in NUMBERS and value.kind in NUMBERS and not real_to_whole:
        return Value(cast_sql(value, pg), kind, pg, value.about, constant=None)
    wanted = "a whole number" if kind in INTEGERS else named(kind)
    found = "a real number" if value.kind in NUMBERS else named(value.kind)
    raise Fault(f"{what or 'this'} must be {wanted}, it is {found}", at)


def common_kind(values: Sequence[Value], at: int, what: str) -> Kind:
    """Return the kind in which all values can be.

    Raises
    ------
    Fault
        If there is none.
    """
    kinds = {value.kind for value in values if value.kind is not Kind.NULL}
    if not kinds:
        return Kind.NULL
    if len(kinds) == 1:
        kind = kinds.pop()
        if kind is Kind.ARRAY and len({value.pg for value in values if value.kind is kind}) > 1:
            raise Fault(f"{what} are arrays of different types", at)
        return kind
    if kinds <= INTEGERS:
        return Kind.LONG if Kind.LONG in kinds else Kind.INT
    if kinds <= NUMBERS:
        return Kind.DOUBLE
    if kinds <= TEXTS:
        return Kind.TEXT
    if kinds == {Kind.TIMESTAMP, Kind.TEXT} and all(
        value.kind is Kind.TIMESTAMP or isinstance(value.constant, String | Null)
        for value in values
    ):
        return Kind.TIMESTAMP
    names = " and ".join(sorted(named(kind) for kind in kinds))
    raise Fault(f"{what} are of different types: {names}", at, "convert one with CAST")


def in_common(value: Value, kind: Kind, pg: str, at: int) -> str:
    """Return SQL of a value in the kind that `common_kind` found, of PostgreSQL's type `pg`."""
    if kind is Kind.ARRAY or kind in (Kind.POINT, Kind.CIRCLE, Kind.POLYGON):
        return f"NULL::{pg}" if value.pg == UNKNOWN else cast_sql(value, pg)
    if kind is Kind.NULL:
        return settled(value).sql
    return as_kind(value, kind, at).sql

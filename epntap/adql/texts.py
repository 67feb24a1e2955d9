"""Functions that make text whose FIELD a template cannot tell."""

from __future__ import annotations

from epntap.adql import metadata
from epntap.adql.registry import Builder
from epntap.adql.tree import FunctionCall
from epntap.adql.values import MOC, NOTHING, PG_TYPES, Kind, Value
from epntap.tables import Column

_COVERAGE = Column(name="", datatype="", xtype=MOC, ucd="pos.outline")


def string_agg(_node: FunctionCall, arguments: tuple[Value, ...]) -> Value:
    """Return the aggregate ``ivo_string_agg``; ``unicodeChar`` if texts or delimiter are."""
    expression, delimiter = arguments
    about = metadata.text_of(NOTHING, arguments)
    sql = f"string_agg({expression.sql}, {delimiter.sql})"
    return Value(sql, Kind.TEXT, PG_TYPES[Kind.TEXT], about)


def coverage(template: str) -> Builder:
    """Return the builder of a function that gives a coverage map, of xtype ``moc`` (DALI 1.2).

    Parameters
    ----------
    template
        SQL of the call, in which ``{0}``, ``{1}`` stand for the arguments.
    """

    def build(_node: FunctionCall, arguments: tuple[Value, ...]) -> Value:
        sql = template.format(*(argument.sql for argument in arguments))
        return Value(sql, Kind.TEXT, PG_TYPES[Kind.TEXT], _COVERAGE)

    return build

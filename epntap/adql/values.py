"""Resolved expressions: their SQL, their type, and what is known about them."""

from __future__ import annotations

from dataclasses import replace
from enum import Enum
from functools import lru_cache
from typing import NamedTuple

from epntap.adql.tree import Null, Number, String
from epntap.tables import TEXT_DATATYPES, Column, storage_type, wire_type


class Kind(Enum):
    """What an expression is, as far as the language is concerned."""

    NULL = "NULL"
    SHORT = "SMALLINT"
    INT = "INTEGER"
    LONG = "BIGINT"
    FLOAT = "REAL"
    DOUBLE = "DOUBLE PRECISION"
    TEXT = "VARCHAR"
    TIMESTAMP = "TIMESTAMP"
    POINT = "POINT"
    CIRCLE = "CIRCLE"
    POLYGON = "POLYGON"
    REGION = "REGION"
    ARRAY = "array"
    CONDITION = "condition"

    # Enum hashes the name of a member by a Python function; members are singletons.
    __hash__ = object.__hash__


INTEGERS = frozenset({Kind.SHORT, Kind.INT, Kind.LONG})
NUMBERS = INTEGERS | {Kind.FLOAT, Kind.DOUBLE}
TEXTS = frozenset({Kind.TEXT, Kind.REGION})
SHAPES = frozenset({Kind.POINT, Kind.CIRCLE, Kind.POLYGON})
GEOMETRIES = SHAPES | {Kind.REGION}

#: PostgreSQL types in which values of a kind are computed.
PG_TYPES = {
    Kind.NULL: "text",
    Kind.SHORT: "smallint",
    Kind.INT: "integer",
    Kind.LONG: "bigint",
    Kind.FLOAT: "real",
    Kind.DOUBLE: "double precision",
    Kind.TEXT: "text",
    Kind.TIMESTAMP: "timestamp",
    Kind.REGION: "text",
    Kind.POINT: "double precision[]",
    Kind.CIRCLE: "double precision[]",
    Kind.POLYGON: "double precision[]",
}

#: The type of a literal string or NULL, which PostgreSQL decides from what stands beside it.
UNKNOWN = "unknown"

#: Datatype, arraysize and xtype of the FIELD for values of a kind (ADQL 2.1, section 2.3).
_FIELDS = {
    Kind.NULL: ("char", "*", None),
    Kind.SHORT: ("short", None, None),
    Kind.INT: ("int", None, None),
    Kind.LONG: ("long", None, None),
    Kind.FLOAT: ("float", None, None),
    Kind.DOUBLE: ("double", None, None),
    Kind.TEXT: ("char", "*", None),
    Kind.TIMESTAMP: ("char", "*", "timestamp"),
    Kind.REGION: ("char", "*", "adql:REGION"),
    Kind.POINT: ("double", "2", "point"),
    Kind.CIRCLE: ("double", "3", "circle"),
    Kind.POLYGON: ("double", "*", "polygon"),
}

_SCALAR_KINDS = {
    "short": Kind.SHORT,
    "int": Kind.INT,
    "long": Kind.LONG,
    "float": Kind.FLOAT,
    "double": Kind.DOUBLE,
}
_XTYPE_KINDS = {"point": Kind.POINT, "circle": Kind.CIRCLE, "polygon": Kind.POLYGON}

#: xtype of coverage maps (DALI 1.2): the only one that an expression of text keeps.
MOC = "moc"

#: Metadata of an expression about which nothing is known.
NOTHING = Column(name="", datatype="")

#: VOTable's datatype of text that ``char``, which is ASCII, cannot hold (VOTable 1.4, section 2.1).
UNICODE = "unicodeChar"

#: VOTable datatypes of the elements of arrays.
_ELEMENT_TYPES = {f"{PG_TYPES[kind]}[]": name for name, kind in _SCALAR_KINDS.items()}


class Value(NamedTuple):
    """An expression that has been resolved.

    A tuple, because a query makes hundreds of them and tuples are made fastest.

    Attributes
    ----------
    sql
        What PostgreSQL evaluates; it can stand beside any operator without further brackets.
    kind
        Its kind in ADQL.
    pg
        Its type in PostgreSQL, or `UNKNOWN`.
    about
        What is known about it: unit, UCD, utype, description, system, and of text whether it is
        ``unicodeChar`` or a ``moc``; the rest has no meaning unless `bare`.
    bare
        Whether it is a column as it is stored, so that `about` describes it wholly.
    constant
        The literal that it is, or ``None``.
    condition
        The same as a truth value, for the functions that say 1 or 0.
    parts
        SQL of the coordinates, in double precision: of a point or circle that is put together in
        the query, or of the two points that this is the distance of.
    """

    sql: str
    kind: Kind
    pg: str
    about: Column = NOTHING
    bare: bool = False
    constant: Number | String | Null | None = None
    condition: str | None = None
    parts: tuple[str, ...] = ()

    @property
    def is_unicode(self) -> bool:
        """Whether it is text that may have characters beyond ASCII, as far as is declared."""
        return self.kind in TEXTS and self.about.datatype == UNICODE


@lru_cache(maxsize=512)
def _types(datatype: str, arraysize: str | None, xtype: str | None) -> tuple[Kind, str, str]:
    """Return the kind of a column, and its PostgreSQL types in the table and in results."""
    column = Column(name="", datatype=datatype, arraysize=arraysize, xtype=xtype)
    stored, wire = storage_type(column), wire_type(column)
    if datatype in TEXT_DATATYPES:
        if xtype == "timestamp":
            return Kind.TIMESTAMP, stored, wire
        return Kind.REGION if xtype == "adql:REGION" else Kind.TEXT, stored, wire
    if arraysize is None:
        return _SCALAR_KINDS[datatype], stored, wire
    return _XTYPE_KINDS.get(xtype or "", Kind.ARRAY), stored, wire


def column_value(sql: str, column: Column) -> Value:
    """Return the value that a stored column is."""
    kind, stored, _ = _types(column.datatype, column.arraysize, column.xtype)
    return Value(sql, kind, stored, column, True)


def result_type(column: Column) -> str:
    """Return the PostgreSQL type of a result column; `epntap.tables.wire_type`, remembered."""
    return _types(column.datatype, column.arraysize, column.xtype)[2]


def describe(value: Value, name: str) -> Column:
    """Return the metadata of a result column that holds the value."""
    about = value.about
    if value.bare:
        return about if about.name == name else replace(about, name=name)
    datatype: str
    arraysize: str | None
    xtype: str | None
    if value.kind is Kind.ARRAY:
        # Beside a NULL, only the type says what the elements are.
        datatype = _ELEMENT_TYPES[value.pg]
        arraysize, xtype = about.arraysize or "*", about.xtype
    else:
        datatype, arraysize, xtype = _FIELDS[value.kind]
        if value.is_unicode:
            datatype = UNICODE
        if value.kind is Kind.TEXT and about.xtype == MOC:
            xtype = MOC
    return Column(
        name=name,
        datatype=datatype,
        arraysize=arraysize,
        xtype=xtype,
        unit=about.unit,
        ucd=about.ucd,
        utype=about.utype,
        description=about.description,
        system=about.system,
    )


def named(kind: Kind) -> str:
    """Name a kind in a message."""
    return {
        Kind.TEXT: "text",
        Kind.NULL: "NULL",
        Kind.TIMESTAMP: "a timestamp",
        Kind.ARRAY: "an array",
        Kind.CONDITION: "a condition",
    }.get(kind, "a number" if kind in NUMBERS else f"a {kind.value}")

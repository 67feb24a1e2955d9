"""Which EPN-TAP tables a service has, and what it says of their columns in its three places."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from dataclasses import dataclass
from typing import IO, Any

from lxml import etree

from epntap.epncore.standard import TABLE_UTYPE
from epntap.tables import Column
from epntap.validator.client import TapClient, asking, parse_events

#: Utype by which clients found tables before EPN-TAP 2.0; they still accept it.
TRANSITIONAL_UTYPE = "ivo://vopdc.obspm/std/epncore#schema-2.0"

#: Tables and columns that are read at most.
_MOST_ROWS = 100_000

#: VOTable datatypes of the types that TAP 1.0 gave columns (TAP 1.0, section 2.5).
_TAP_TYPES = {
    "SMALLINT": ("short", None),
    "INTEGER": ("int", None),
    "BIGINT": ("long", None),
    "REAL": ("float", None),
    "DOUBLE": ("double", None),
    "CHAR": ("char", "*"),
    "VARCHAR": ("char", "*"),
    "CLOB": ("char", "*"),
    "TIMESTAMP": ("char", "*"),
    "REGION": ("char", "*"),
    "POINT": ("char", "*"),
    "BLOB": ("unsignedByte", "*"),
    "BINARY": ("unsignedByte", "*"),
    "VARBINARY": ("unsignedByte", "*"),
}


@dataclass(frozen=True, slots=True)
class ServedTable:
    """An EPN-TAP table as its service describes it.

    Attributes
    ----------
    name
        As declared, e.g. ``icme.epn_core``.
    utype
        As declared.
    columns
        As ``/tables`` has them, or TAP_SCHEMA where that has none.
    tap_schema, vosi
        The columns as each of the two has them; ``None`` where it has none.
    fields
        The FIELDs of a result with all columns.
    frames
        The values of ``spatial_frame_type``.
    """

    name: str
    utype: str | None
    columns: tuple[Column, ...]
    tap_schema: tuple[Column, ...] | None
    vosi: tuple[Column, ...] | None
    fields: tuple[Column, ...]
    frames: tuple[str, ...]

    @property
    def schema(self) -> str:
        """The part of the name before the last dot."""
        return self.name.rpartition(".")[0].strip('"')

    @property
    def frame(self) -> str | None:
        """The ``spatial_frame_type`` of all rows, if they have one."""
        return self.frames[0] if len(self.frames) == 1 else None

    def column(self, name: str) -> Column | None:
        """Return the column of exactly that name."""
        return next((column for column in self.columns if column.name == name), None)

    def has(self, *names: str) -> bool:
        """Tell whether the table has all these columns."""
        present = {column.name for column in self.columns}
        return present.issuperset(names)


@dataclass(frozen=True, slots=True)
class TableName:
    """A table of EPN-TAP's kind: it has the name, or the utype, or both."""

    name: str
    utype: str | None


def find_tables(client: TapClient, schema: str | None = None) -> list[TableName]:
    """Return the tables that have the name or the utype of an EPN-TAP table.

    Parameters
    ----------
    schema
        Only tables of this schema.

    Raises
    ------
    TapAnswerError
        If TAP_SCHEMA cannot be asked.
    """
    # LOWER is an optional feature, so both spellings are asked for.
    query = (
        "SELECT table_name, utype FROM TAP_SCHEMA.tables "
        "WHERE table_name LIKE '%epn_core%' OR table_name LIKE '%EPN_CORE%' "
        "OR utype LIKE '%epntap#%' OR utype LIKE '%epncore#%' OR utype LIKE '%epn-tap#%'"
    )
    with asking(client, query, _MOST_ROWS) as result:
        found = [
            TableName(name, utype)
            for name, utype in result.rows
            if name is not None and (utype is not None or name.lower().endswith(".epn_core"))
        ]
    return sorted(
        (
            table
            for table in found
            if schema is None or table.name.rpartition(".")[0].strip('"').lower() == schema.lower()
        ),
        key=lambda table: table.name,
    )


def describe(client: TapClient, table: TableName) -> ServedTable:
    """Gather what a service says of a table.

    Raises
    ------
    TapAnswerError
        If the service refuses even the simplest queries.
    """
    with asking(client, f"SELECT TOP 1 * FROM {table.name}", 1) as result:
        fields = result.columns
    tap_schema = _tap_schema_columns(client, table.name)
    with client.tables() as document:
        vosi = None if document is None else _vosi_columns(document, table.name)
    columns = vosi or tap_schema or fields
    frames: tuple[str, ...] = ()
    if any(column.name == "spatial_frame_type" for column in fields):
        query = f"SELECT DISTINCT TOP 20 spatial_frame_type FROM {table.name}"
        with asking(client, query, 20) as result:
            frames = tuple(sorted(row[0] for row in result.rows if row[0] is not None))
    return ServedTable(table.name, table.utype, columns, tap_schema, vosi, fields, frames)


def _tap_schema_columns(client: TapClient, table: str) -> tuple[Column, ...] | None:
    quoted = table.replace("'", "''")
    query = f"SELECT * FROM TAP_SCHEMA.columns WHERE table_name = '{quoted}'"
    with asking(client, query, _MOST_ROWS) as result:
        names = [column.name.lower() for column in result.columns]
        rows = [dict(zip(names, row, strict=True)) for row in result.rows]
    return tuple(_tap_schema_column(row) for row in rows) or None


def _tap_schema_column(row: dict[str, str | None]) -> Column:
    size = row.get("arraysize") or row.get("size")
    return _typed(
        Column(
            name=(row.get("column_name") or "").strip('"'),
            datatype=row.get("datatype") or "",
            arraysize=size,
            xtype=row.get("xtype"),
            unit=row.get("unit"),
            ucd=row.get("ucd"),
            utype=row.get("utype"),
            description=row.get("description"),
        )
    )


def _typed(column: Column) -> Column:
    """Put the type of a column in VOTable's words."""
    word = column.datatype.upper().removeprefix("ADQL:").partition("(")[0].strip()
    if column.datatype.islower() or word not in _TAP_TYPES:
        return column
    datatype, arraysize = _TAP_TYPES[word]
    xtype = column.xtype or {"TIMESTAMP": "timestamp", "REGION": "adql:REGION"}.get(word)
    return dataclasses.replace(column, datatype=datatype, arraysize=arraysize, xtype=xtype)


def _vosi_columns(document: IO[bytes], table: str) -> tuple[Column, ...] | None:
    """Return the columns of one table; the others are forgotten as soon as they are read."""
    columns: list[Column] = []
    for _, element in parse_events(document, ("end",)):
        if etree.QName(element).localname != "table":
            continue
        if (_child(element, "name") or "").strip().lower() == table.lower():
            columns = [_vosi_column(child) for child in _children(element, "column")]
        element.clear()
    return tuple(columns) or None


def _vosi_column(element: Any) -> Column:
    kind = next(_children(element, "dataType"), None)
    size = None
    if kind is not None:
        size = kind.get("arraysize") or kind.get("size")
    return _typed(
        Column(
            name=(_child(element, "name") or "").strip('"'),
            datatype=(kind.text or "").strip() if kind is not None else "",
            arraysize=size,
            xtype=kind.get("extendedType") if kind is not None else None,
            unit=_child(element, "unit"),
            ucd=_child(element, "ucd"),
            utype=_child(element, "utype"),
            description=_child(element, "description"),
        )
    )


def _children(element: Any, name: str) -> Iterator[Any]:
    return (child for child in element if isinstance(child.tag, str) and _is(child, name))


def _is(element: Any, name: str) -> bool:
    return bool(etree.QName(element).localname == name)


def _child(element: Any, name: str) -> str | None:
    found = next(_children(element, name), None)
    return (found.text or "").strip() or None if found is not None else None


def has_utype(table: TableName | ServedTable) -> bool:
    """Tell whether a table has the utype of EPN-TAP 2.x; utypes are compared without case."""
    return (table.utype or "").lower().startswith(TABLE_UTYPE.rpartition(".")[0].lower() + ".")


__all__ = [
    "TRANSITIONAL_UTYPE",
    "ServedTable",
    "TableName",
    "describe",
    "find_tables",
    "has_utype",
]

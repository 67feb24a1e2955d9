"""A small TAP service over sqlite that serves whatever it is given, right or wrong."""

from __future__ import annotations

import dataclasses
import io
import re
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO, Any
from xml.sax.saxutils import escape, quoteattr

from epntap.epncore import read_standard
from epntap.tables import Column
from epntap.validator.votable import TapAnswerError

SQLITE_TYPES = {"double": "REAL", "float": "REAL", "int": "INTEGER", "long": "INTEGER"}
TAP_SCHEMA_COLUMNS = (
    "table_name", "column_name", "datatype", "arraysize", "xtype", "unit", "ucd", "utype",
    "description",
)  # fmt: skip


def standard_columns(frame: str, *optional: str) -> list[Column]:
    """The mandatory columns of a frame, and some optional ones."""
    standard = read_standard()
    return [standard.column(name, frame=frame) for name in (*standard.mandatory, *optional)]


@dataclasses.dataclass
class SqliteService:
    """Implements `TapClient`. Its parts may be changed before it is asked."""

    name: str
    columns: list[Column]
    rows: list[dict[str, Any]]
    utype: str | None = "ivo://ivoa.net/std/epntap#table-2.0"
    vosi: list[Column] | None = None
    fields: list[Column] | None = None
    has_vosi: bool = True
    limit: int = 10**9
    refused: str | None = None
    queries: list[str] = dataclasses.field(default_factory=list)
    opened: sqlite3.Connection | None = None

    service = "a test"

    def connection(self) -> sqlite3.Connection:
        """Return the database; what is changed after the first query is not seen any more."""
        self.opened = self.opened or self._filled()
        return self.opened

    def _filled(self) -> sqlite3.Connection:
        schema = self.name.rpartition(".")[0]
        connection = sqlite3.connect(":memory:", check_same_thread=False)
        connection.execute("PRAGMA case_sensitive_like = ON")
        connection.execute(f"ATTACH DATABASE ':memory:' AS {schema}")
        connection.execute("ATTACH DATABASE ':memory:' AS TAP_SCHEMA")
        kinds = ", ".join(
            f'"{c.name}" {SQLITE_TYPES.get(c.datatype, "TEXT")}' for c in self.columns
        )
        connection.execute(f"CREATE TABLE {self.name} ({kinds})")
        names = [column.name for column in self.columns]
        marks = ", ".join("?" * len(names))
        connection.executemany(
            f"INSERT INTO {self.name} VALUES ({marks})",
            [[row.get(name) for name in names] for row in self.rows],
        )
        connection.execute("CREATE TABLE TAP_SCHEMA.tables (table_name TEXT, utype TEXT)")
        connection.execute("INSERT INTO TAP_SCHEMA.tables VALUES (?, ?)", (self.name, self.utype))
        connection.execute(f"CREATE TABLE TAP_SCHEMA.columns ({', '.join(TAP_SCHEMA_COLUMNS)})")
        connection.executemany(
            "INSERT INTO TAP_SCHEMA.columns VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            [
                (self.name, c.name, c.datatype, c.arraysize, c.xtype, c.unit, c.ucd, c.utype, "")
                for c in self.columns
            ],
        )
        return connection

    @contextmanager
    def sync(self, query: str, maxrec: int) -> Iterator[IO[bytes]]:
        self.queries.append(query)
        if self.refused is not None and self.refused in query:
            raise TapAnswerError("this query is not liked here")
        sql = re.sub(
            r"^SELECT (DISTINCT )?TOP (\d+) (.*)$", r"SELECT \1\3 LIMIT \2", query, flags=re.DOTALL
        )
        try:
            cursor = self.connection().execute(sql)
            names = [entry[0] for entry in cursor.description]
            rows = cursor.fetchall()
        except sqlite3.Error as error:
            raise TapAnswerError(str(error)) from error
        known = {column.name: column for column in self.fields or self.columns}
        columns = [known.get(name, Column(name, "char", "*")) for name in names]
        yield io.BytesIO(votable(columns, rows, min(maxrec, self.limit)))

    @contextmanager
    def tables(self) -> Iterator[IO[bytes] | None]:
        yield io.BytesIO(self.tables_document()) if self.has_vosi else None

    def tables_document(self) -> bytes:
        columns = "".join(
            f"<column><name>{column.name}</name>"
            + "".join(
                f"<{what}>{escape(value)}</{what}>"
                for what, value in (
                    ("unit", column.unit),
                    ("ucd", column.ucd),
                    ("utype", column.utype),
                )
                if value
            )
            + f"<dataType{attribute('arraysize', column.arraysize)}"
            + f"{attribute('extendedType', column.xtype)}>{column.datatype}</dataType></column>"
            for column in (self.vosi or self.columns)
        )
        return (
            '<v:tableset xmlns:v="http://www.ivoa.net/xml/VOSITables/v1.0"><schema><name>s</name>'
            f"<table><name>other.table</name></table><table><name>{self.name}</name>{columns}"
            "</table></schema></v:tableset>"
        ).encode()


def attribute(name: str, value: str | None) -> str:
    return f" {name}={quoteattr(value)}" if value else ""


def votable(columns: list[Column], rows: list[tuple[Any, ...]], maxrec: int) -> bytes:
    fields = "".join(
        f"<FIELD name={quoteattr(c.name)} datatype={quoteattr(c.datatype)}"
        + attribute("arraysize", c.arraysize)
        + attribute("xtype", c.xtype)
        + attribute("unit", c.unit)
        + attribute("ucd", c.ucd)
        + attribute("utype", c.utype)
        + "/>"
        for c in columns
    )
    cells = "".join(
        "<TR>" + "".join(f"<TD>{escape('' if v is None else str(v))}</TD>" for v in row) + "</TR>\n"
        for row in rows[:maxrec]
    )
    overflow = '<INFO name="QUERY_STATUS" value="OVERFLOW"/>' if len(rows) > maxrec else ""
    return (
        '<VOTABLE xmlns="http://www.ivoa.net/xml/VOTable/v1.3" version="1.4">'
        '<RESOURCE type="results"><INFO name="QUERY_STATUS" value="OK"/><TABLE>'
        f"{fields}<DATA><TABLEDATA>\n{cells}</TABLEDATA></DATA></TABLE>{overflow}"
        "</RESOURCE></VOTABLE>"
    ).encode()

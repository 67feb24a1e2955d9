"""EPNcore rows into a new physical table, in constant memory."""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
from psycopg2 import sql

from epntap.catalogue import Catalogue
from epntap.epncore.validation import RowValidator, Violation
from epntap.publish.mapping import RowMapper
from epntap.publish.native import NativeSource
from epntap.publish.relations import identifier
from epntap.tables import TEXT_DATATYPES, Column, Relation, storage_type

#: Told the number of rows that are loaded so far.
Progress = Callable[[int], None]


@dataclass
class Loaded:
    """What a load did.

    Attributes
    ----------
    rows
        Rows in the table.
    violations
        Everything that is wrong with the source.
    refused
        The source's rows that were not loaded: their granule_uid by number, ascending.
    """

    rows: int = 0
    violations: list[Violation] = field(default_factory=list)
    refused: dict[int, str | None] = field(default_factory=dict)


def create_table(cursor: Any, relation: Relation, columns: tuple[Column, ...]) -> None:
    """Create an empty table with the storage types of the columns."""
    definitions = sql.SQL(", ").join(
        sql.SQL("{} {}").format(sql.Identifier(column.name), sql.SQL(storage_type(column)))
        for column in columns
    )
    cursor.execute(sql.SQL("CREATE TABLE {} ({})").format(identifier(relation), definitions))


def load(
    cursor: Any,
    relation: Relation,
    catalogue: Catalogue,
    source: NativeSource,
    make_mapper: Callable[[list[str]], RowMapper],
    progress: Progress,
) -> Loaded:
    """Map, check and copy all rows of the source; those that break a rule are left out.

    Parameters
    ----------
    make_mapper
        Makes the mapper once the names of the source's columns are known.

    Raises
    ------
    PublishError
        If the source cannot be read or lacks a column.
    """
    validator = RowValidator(catalogue.standard, catalogue.columns, catalogue.frame, catalogue.name)
    statement = sql.SQL("COPY {} ({}) FROM STDIN (FORMAT csv)").format(
        identifier(relation),
        sql.SQL(", ").join(sql.Identifier(column.name) for column in catalogue.columns),
    )
    result = Loaded()
    mapper: RowMapper | None = None
    seen = 0
    for chunk in source.chunks():
        if mapper is None:
            mapper = make_mapper([str(name) for name in chunk.columns])
        mapped = mapper.map(chunk, seen + 1)
        seen += len(chunk)
        unreadable = {(fault.row, fault.column) for fault in mapped.violations}
        faults = [
            *mapped.violations,
            # A cell that could not be read is missing now; that it is missing is no news.
            *(
                fault
                for fault in validator.check(mapped.values, mapped.numbers)
                if (fault.row, fault.column) not in unreadable
            ),
        ]
        rows = mapped.values
        if faults:
            faults.sort(key=lambda fault: fault.row)
            result.violations.extend(faults)
            refused = np.isin(mapped.numbers, [fault.row for fault in faults])
            result.refused.update(
                zip(mapped.numbers[refused].tolist(), rows["granule_uid"][refused], strict=True)
            )
            rows = rows[~refused]
        if len(rows):
            cursor.copy_expert(statement, io.BytesIO(_as_csv(rows, catalogue.columns)))
            result.rows += len(rows)
        progress(result.rows)
    return result


def _as_csv(rows: pd.DataFrame, columns: tuple[Column, ...]) -> bytes:
    """Return rows as COPY's csv: missing cells are empty, empty texts are quoted."""
    import pyarrow as pa
    import pyarrow.csv as pa_csv

    arrays = [_arrow_array(rows[column.name], column) for column in columns]
    table = pa.Table.from_arrays(arrays, names=[column.name for column in columns])
    buffer = io.BytesIO()
    pa_csv.write_csv(
        table, buffer, pa_csv.WriteOptions(include_header=False, quoting_style="needed")
    )
    return buffer.getvalue()


def _arrow_array(values: pd.Series, column: Column) -> Any:
    import pyarrow as pa

    if column.datatype in TEXT_DATATYPES:
        if column.xtype == "timestamp":
            return pa.array(values, type=pa.timestamp("ms"), from_pandas=True)
        return pa.array(values.astype(object), type=pa.string(), from_pandas=True)
    if column.arraysize is not None:
        literals = [
            None if cell is None else "{" + ",".join(repr(float(part)) for part in cell) + "}"
            for cell in values
        ]
        return pa.array(literals, type=pa.string())
    if column.datatype in ("float", "double"):
        kind = pa.float32() if column.datatype == "float" else pa.float64()
        return pa.array(values.to_numpy(dtype=float), from_pandas=True).cast(kind, safe=False)
    return pa.array(values, type=pa.int64(), from_pandas=True)


def find_duplicates(
    cursor: Any, relation: Relation, refused: Mapping[int, str | None]
) -> list[Violation]:
    """Return a violation for each row whose granule_uid an earlier row has, loaded or not.

    Parameters
    ----------
    refused
        The granule_uid of the rows that were not loaded, by number: the rest lie in the table in
        the order of the source.
    """
    cursor.execute(
        sql.SQL(
            "SELECT EXISTS (SELECT 1 FROM {table} GROUP BY granule_uid HAVING count(*) > 1)"
            " OR EXISTS (SELECT 1 FROM {table} WHERE granule_uid = ANY (%(refused)s))"
        ).format(table=identifier(relation)),
        {"refused": [uid for uid in refused.values() if uid is not None]},
    )
    rows_of: dict[str, list[int]] = {}
    for number, uid in refused.items():
        if uid is not None:
            rows_of.setdefault(uid, []).append(number)
    if cursor.fetchone()[0]:
        cursor.execute(
            sql.SQL(
                "SELECT granule_uid, array_agg(place) FROM"
                " (SELECT granule_uid, row_number() OVER (ORDER BY ctid) AS place FROM {})"
                " AS loaded GROUP BY granule_uid"
                " HAVING count(*) > 1 OR granule_uid = ANY (%(refused)s)"
            ).format(identifier(relation)),
            {"refused": list(rows_of)},
        )
        numbers = sorted(refused)
        for uid, places in cursor.fetchall():
            rows_of.setdefault(uid, []).extend(_source_row(place, numbers) for place in places)
    found: list[Violation] = []
    for uid, rows in rows_of.items():
        first, *others = sorted(rows)
        found.extend(
            Violation(row, "granule_uid", f"{uid!r} stands in row {first} already")
            for row in others
        )
    return found


def delete_duplicates(cursor: Any, relation: Relation) -> int:
    """Delete every row whose granule_uid an earlier row has; return their number."""
    cursor.execute(
        sql.SQL(
            "DELETE FROM {table} WHERE ctid IN (SELECT ctid FROM"
            " (SELECT ctid, row_number() OVER (PARTITION BY granule_uid ORDER BY ctid) AS place"
            " FROM {table}) AS loaded WHERE place > 1)"
        ).format(table=identifier(relation))
    )
    return int(cursor.rowcount)


def _source_row(place: int, refused: list[int]) -> int:
    """Return the source's number of the `place`-th row that was loaded."""
    row = place
    for number in refused:
        if number > row:
            break
        row += 1
    return row

"""EPNcore rows into a new physical table, in constant memory."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import psycopg2.errors
import pyarrow as pa
from psycopg2 import sql

from epntap.catalogue import Catalogue
from epntap.epncore.validation import RowValidator, Violation
from epntap.errors import PublishError
from epntap.publish.contents import Contents
from epntap.publish.copying import CopyStream
from epntap.publish.encoding import RowEncoder
from epntap.publish.indexes import add_key, watched_columns
from epntap.publish.mapping import MappedRows, RowMapper
from epntap.publish.native import NativeSource, column_names
from epntap.publish.relations import identifier
from epntap.tables import Column, Relation, storage_type

if TYPE_CHECKING:
    from epntap.products.rows import ProductRows

#: Violations that are kept with their words; further ones are counted.
KEPT_VIOLATIONS = 100_000

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
        What is wrong with the source, the first `KEPT_VIOLATIONS` of it.
    violation_count
        How many violations there are, kept or not.
    invalid_rows
        Rows of the source that have one.
    refused
        The source's rows that were not loaded: their granule_uid by number, ascending.
    contents
        What the columns of the table hold.
    objects
        Rows in the table that are no rows of files; these come after them.
    origins
        For each row of a file the number of its object's row in the source.
    """

    rows: int = 0
    violations: list[Violation] = field(default_factory=list)
    violation_count: int = 0
    invalid_rows: int = 0
    refused: dict[int, str | None] = field(default_factory=dict)
    contents: Contents = field(default_factory=Contents)
    objects: int = 0
    origins: list[int] = field(default_factory=list)

    def source_row(self, place: int) -> int:
        """Return the source's number of the `place`-th row in the table, from 1."""
        if place > self.objects:
            return self.origins[place - self.objects - 1]
        return _source_row(place, self.refused)

    def add_duplicates(self, found: list[Violation]) -> None:
        """Add what `find_duplicates` found."""
        self.violation_count += len(found)
        self.invalid_rows += len({violation.row for violation in found} - self.refused.keys())
        self.violations.extend(found)
        self.violations.sort(key=lambda violation: violation.row)
        del self.violations[KEPT_VIOLATIONS:]


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
    products: ProductRows | None = None,
) -> Loaded:
    """Map, check and copy all rows of the source; those that break a rule are left out.

    Parameters
    ----------
    make_mapper
        Makes the mapper once the names of the source's columns are known.
    products
        Takes over the files that rows name; those that go with rows that are left out are, too.

    Raises
    ------
    PublishError
        If the source cannot be read or lacks a column, or a file cannot be published.
    """
    validator = RowValidator(catalogue.standard, catalogue.columns, catalogue.frame, catalogue.name)
    encoder = RowEncoder(catalogue.columns)
    # Frozen rows need no second look by the first readers; nobody sees them before the commit.
    statement = sql.SQL("COPY {} ({}) FROM STDIN (FORMAT binary, FREEZE)").format(
        identifier(relation),
        sql.SQL(", ").join(sql.Identifier(column.name) for column in catalogue.columns),
    )
    result = Loaded(contents=Contents(watched_columns(catalogue)))
    mapper: RowMapper | None = None
    seen = 0
    with CopyStream(cursor, statement) as stream:
        for chunk in source.chunks():
            if mapper is None:
                mapper = make_mapper(column_names(chunk))
            mapped = mapper.map(chunk, seen + 1)
            rows = _without_faults(mapped, validator, result)
            if products is not None:
                rows = products.with_thumbnails(rows, chunk, _kept(mapped, result), seen + 1)
            seen += len(chunk)
            stream.send(encoder.encode(rows))
            result.contents.add(rows)
            result.rows += rows.num_rows
            progress(result.rows)
        result.objects = result.rows
        if products is not None and mapper is not None:
            # After all others: the places of rows in the table tell their numbers in the source.
            for rows, numbers in _rows_of_files(products, source, mapper, result):
                _check_rows_of_files(rows, numbers, validator)
                stream.send(encoder.encode(rows))
                result.contents.add(rows)
                result.origins.extend(numbers.tolist())
                result.rows += rows.num_rows
                progress(result.rows)
    return result


def _kept(mapped: MappedRows, result: Loaded) -> np.ndarray:
    """Return the index, in their chunk, of the rows that are not refused."""
    kept = [number not in result.refused for number in mapped.numbers.tolist()]
    return np.flatnonzero(kept)


def _rows_of_files(
    products: ProductRows, source: NativeSource, mapper: RowMapper, result: Loaded
) -> Iterator[tuple[Any, np.ndarray]]:
    """Read the source again, and yield rows of files with the numbers of their objects' rows."""
    first = 1
    for chunk in source.chunks() if products.kinds else ():
        mapped = mapper.map(chunk, first)
        places = _kept(mapped, result)
        kept = mapped.rows.take(pa.array(places))
        objects = products.with_thumbnails(kept, chunk, places, first)
        for kind in products.kinds:
            yield products.of(kind, objects, chunk, places, first)
        first += len(chunk)


def _check_rows_of_files(rows: Any, numbers: np.ndarray, validator: RowValidator) -> None:
    """See that rows of files break no rule: what differs in them stands in the description.

    Raises
    ------
    PublishError
        If they do.
    """
    found = validator.inspect(rows, numbers).violations(1)
    if found:
        raise PublishError(
            f"row of a file: {found[0]}; nothing was published",
            hint="see 'products' in the description",
        )


def _without_faults(mapped: MappedRows, validator: RowValidator, result: Loaded) -> Any:
    """Return the rows that break no rule; note the others in the result."""
    unreadable: dict[str, np.ndarray] = {}
    for fault in mapped.violations:
        mask = unreadable.setdefault(fault.column, np.zeros(len(mapped.numbers), dtype=bool))
        mask[fault.row - mapped.numbers[0]] = True
    found = validator.inspect(mapped.rows, mapped.numbers, unreadable)
    per_row = found.per_row + sum(unreadable.values())
    if not per_row.any():
        return mapped.rows
    room = KEPT_VIOLATIONS - len(result.violations)
    faults = [*mapped.violations, *found.violations(room)]
    faults.sort(key=lambda fault: fault.row)
    result.violations.extend(faults[:room])
    result.violation_count += int(per_row.sum())
    refused = per_row > 0
    result.invalid_rows += int(refused.sum())
    result.refused.update(
        zip(
            mapped.numbers[refused].tolist(),
            mapped.rows.column("granule_uid").filter(pa.array(refused)).to_pylist(),
            strict=True,
        )
    )
    return mapped.rows.filter(pa.array(~refused))


def find_duplicates(cursor: Any, relation: Relation, loaded: Loaded) -> list[Violation]:
    """Return a violation for each row whose granule_uid an earlier row has, loaded or not.

    Parameters
    ----------
    loaded
        How the table was loaded. If no row was refused, a table without duplicates has its key
        afterwards.
    """
    refused = loaded.refused
    if not refused and _can_have_key(cursor, relation):
        return []
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
        for uid, places in cursor.fetchall():
            rows_of.setdefault(uid, []).extend(map(loaded.source_row, places))
    found: list[Violation] = []
    for uid, rows in rows_of.items():
        first, *others = sorted(rows)
        found.extend(
            Violation(row, "granule_uid", f"{uid!r} stands in row {first} already")
            for row in others
        )
    return found


def _can_have_key(cursor: Any, relation: Relation) -> bool:
    """Make the primary key if there are no duplicates: it is needed anyway, and tells."""
    cursor.execute("SAVEPOINT key")
    try:
        add_key(cursor, relation)
    except psycopg2.errors.UniqueViolation:
        cursor.execute("ROLLBACK TO SAVEPOINT key")
        return False
    cursor.execute("RELEASE SAVEPOINT key")
    return True


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


def _source_row(place: int, refused: Iterable[int]) -> int:
    """Return the source's number of the `place`-th row that was loaded; refused ones ascend."""
    row = place
    for number in refused:
        if number > row:
            break
        row += 1
    return row

"""Uploaded tables into temporary tables, which only the connection sees that queries them.

They are made within the transaction of the query, which is never committed: whatever happens,
its end takes them away.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import IO, Any

import psycopg2
from psycopg2 import sql

from epntap.tables import Relation, Schema, Table, TableSet, storage_type
from epntap.tap.uploads.declaration import InlineSource, Upload
from epntap.tap.uploads.fetching import fetch
from epntap.tap.uploads.policy import Allowance, UploadPolicy
from epntap.tap.uploads.unpacking import DocumentBytes
from epntap.tap.uploads.votable import VOTableReader

#: The schema of uploaded tables, as queries name it (TAP 1.1, section 2.7.6).
SCHEMA = "TAP_UPLOAD"

#: PostgreSQL's name for the schema of the connection's own temporary tables.
_RELATION_SCHEMA = "pg_temp"


@dataclass(frozen=True, slots=True)
class UploadFile:
    """An upload whose document is at hand."""

    name: str
    file: IO[bytes]


def obtain(
    uploads: Sequence[Upload], policy: UploadPolicy, check: Callable[[], None]
) -> list[UploadFile]:
    """Return the documents of the uploads; those at URLs are fetched.

    Raises
    ------
    UploadError
        If one cannot be fetched.
    """
    files: list[UploadFile] = []
    try:
        for upload in uploads:
            source = upload.source
            file = (
                source.file
                if isinstance(source, InlineSource)
                else fetch(upload.name, source.url, policy, check)
            )
            files.append(UploadFile(upload.name, file))
    except BaseException:
        close(files)
        raise
    return files


def close(files: Sequence[UploadFile]) -> None:
    """Forget the documents."""
    for one in files:
        one.file.close()


def load(
    connection: Any,
    files: Sequence[UploadFile],
    policy: UploadPolicy,
    check: Callable[[], None],
) -> tuple[Table, ...]:
    """Load uploads into temporary tables.

    Parameters
    ----------
    connection
        Of the uploader, at the beginning of a transaction. From now on the transaction is
        read-only; it must not be committed.
    files
        The documents; they are read from their beginning.
    policy
        Limits of rows and bytes.
    check
        Raises when nobody waits any more.

    Returns
    -------
    tuple of Table
        The tables, in the schema `SCHEMA`.

    Raises
    ------
    UploadError
        If one cannot be read or exceeds a limit.
    psycopg2.Error
        If the database does not take it.
    """
    allowance = Allowance(policy.size)
    with connection.cursor() as cursor:
        # Must come before everything else in the transaction.
        cursor.execute("SET TRANSACTION READ WRITE")
        tables = tuple(
            _load(cursor, f"upload_{number}", one, policy, allowance, check)
            for number, one in enumerate(files, start=1)
        )
        cursor.execute("SET TRANSACTION READ ONLY")
    return tables


def with_uploads(tables: TableSet, uploads: tuple[Table, ...]) -> TableSet:
    """Return the tables that can be queried, and the uploads beside them."""
    schema = Schema(SCHEMA, uploads, "Tables that came with the query.")
    return replace(tables, schemas=(*tables.schemas, schema))


def _load(
    cursor: Any,
    relation_name: str,
    upload: UploadFile,
    policy: UploadPolicy,
    allowance: Allowance,
    check: Callable[[], None],
) -> Table:
    document = DocumentBytes(upload.name, upload.file, allowance)
    reader = VOTableReader(upload.name, document, row_limit=policy.rows)
    columns = tuple(field.column for field in reader.fields)
    identifier = sql.Identifier(_RELATION_SCHEMA, relation_name)
    definitions = sql.SQL(", ").join(
        sql.SQL("{} {}").format(sql.Identifier(column.name), sql.SQL(storage_type(column)))
        for column in columns
    )
    cursor.execute(
        sql.SQL("CREATE TEMPORARY TABLE {} ({}) ON COMMIT DROP").format(identifier, definitions)
    )
    lines = _Lines(reader.lines(), check)
    try:
        cursor.copy_expert(
            sql.SQL("COPY {} FROM STDIN (FORMAT text, ENCODING 'UTF8')").format(identifier), lines
        )
    except psycopg2.Error:
        # The database only says that reading failed, the reason stayed here.
        if lines.failure is not None:
            raise lines.failure from None
        raise
    # Without statistics a join with a large table is planned by guesses.
    cursor.execute(sql.SQL("ANALYZE {}").format(identifier))
    return Table(
        schema=SCHEMA,
        name=upload.name,
        columns=columns,
        relation=Relation(_RELATION_SCHEMA, relation_name),
    )


class _Lines:
    """The file that COPY reads from."""

    def __init__(self, pieces: Iterator[bytes], check: Callable[[], None]) -> None:
        self._pieces = pieces
        self._check = check
        self._held = memoryview(b"")
        self.failure: BaseException | None = None

    def read(self, size: int) -> bytes:
        """Return the next bytes, `size` at most, none at the end; keep why it failed."""
        try:
            while not self._held:
                self._check()
                piece = next(self._pieces, None)
                if piece is None:
                    return b""
                self._held = memoryview(piece)
        except BaseException as error:
            self.failure = error
            raise
        taken, self._held = self._held[:size], self._held[size:]
        return bytes(taken)

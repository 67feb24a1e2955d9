"""One query: text -> tree -> SQL -> COPY -> document, in constant memory.

This is the straight line of the service, without HTTP: the synchronous resource runs it for a
client, the command line for a person.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg2

from epntap import __version__
from epntap.adql import Translation, translate
from epntap.database import Database, again, load_tableset, read_generation
from epntap.errors import UserError
from epntap.formats import Info, ResultHeader, copy_statement
from epntap.tables import TableSet
from epntap.tap.errors import RequestError, from_database
from epntap.tap.parameters import QueryRequest
from epntap.tap.rowfile import RowFile, SendPiece
from epntap.tap.translations import Translations
from epntap.tap.uploads import UploadFile, UploadPolicy, close, load, obtain, with_uploads

#: Bytes that psycopg2 reads at a time.
_READ_BYTES = 65536


class TableSets:
    """The tables that can be queried, read anew when the database says that they changed.

    Parameters
    ----------
    database
        Whose tables.

    Attributes
    ----------
    translations
        Of queries of these tables.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._lock = threading.Lock()
        self._latest: TableSet | None = None
        self.translations = Translations()

    def of(self, connection: Any) -> TableSet:
        """Return the tables as the connection's transaction sees them."""
        generation = read_generation(connection)
        with self._lock:
            if self._latest is None or self._latest.generation != generation:
                self._latest = load_tableset(connection)
            return self._latest

    def current(self) -> TableSet:
        """Return the tables as they are now."""

        def read() -> TableSet:
            with self._database.reader() as connection:
                return self.of(connection)

        return again(read)


class Cancelled(Exception):  # noqa: N818 - it is no error
    """Nobody waits for the result any more."""


class TransferBrokenError(Exception):
    """A run failed in the middle of a document whose format cannot say so."""


class QueryRun:
    """One run of a query.

    Parameters
    ----------
    database, tablesets
        What is asked.
    request
        What is asked for.
    send
        Takes the pieces of the document.
    uploads
        What may be uploaded; needed for a request with uploads.
    """

    def __init__(
        self,
        database: Database,
        tablesets: TableSets,
        request: QueryRequest,
        send: SendPiece,
        uploads: UploadPolicy | None = None,
    ) -> None:
        self._database = database
        self._tablesets = tablesets
        self._request = request
        self._send = send
        self._uploads = uploads
        self._lock = threading.Lock()
        self._connection: Any = None
        self._stopped: Exception | None = None

    def stop(self, reason: UserError | None = None) -> None:
        """End the run from another thread.

        Parameters
        ----------
        reason
            What the client is told; without it nobody is there to be told.
        """
        with self._lock:
            self._stopped = self._stopped or reason or Cancelled()
            if self._connection is not None:
                self._connection.cancel()

    def run(self) -> None:
        """Carry the query out.

        Raises
        ------
        UserError
            If it fails before anything was sent; later failures close the document instead.
        Cancelled
            If nobody waits for it any more.
        TransferBrokenError
            If it fails after something was sent and the format cannot say so.
        """
        files: list[UploadFile] = []
        try:
            if self._request.uploads:
                files = obtain(self._request.uploads, self._policy(), self._check)
            again(lambda: self._attempt(files))
        except psycopg2.Error as error:
            raise self._cause(error) from error
        finally:
            close(files)

    def _attempt(self, files: list[UploadFile]) -> None:
        if not files:
            with (
                self._database.reader() as connection,
                _one_by_one(connection),
                self._cancellable(connection),
            ):
                tables = self._tablesets.of(connection)
                limit = self._request.maxrec + 1
                found = self._tablesets.translations.of(self._request.query, tables, limit)
                self._answer(connection, found)
            return
        with self._database.uploader() as connection, self._cancellable(connection):
            uploaded = load(connection, files, self._policy(), self._check)
            tables = with_uploads(self._tablesets.of(connection), uploaded)
            limit = self._request.maxrec + 1
            self._answer(connection, translate(self._request.query, tables, limit=limit))

    def _policy(self) -> UploadPolicy:
        if self._uploads is None:
            raise RequestError("tables cannot be uploaded with this query")
        return self._uploads

    def _answer(self, connection: Any, translation: Translation) -> None:
        header = ResultHeader(
            query=self._request.query,
            run_id=self._request.run_id,
            infos=(Info("SERVER_SOFTWARE", f"epntap/{__version__}"),),
        )
        make = self._request.format.writer
        writer = make(translation.columns, header, maxrec=self._request.maxrec)
        document = RowFile(writer, self._send, self._check)
        self._check()
        self._copy(connection, translation, document)

    def _copy(self, connection: Any, translation: Translation, document: RowFile) -> None:
        form = self._request.format.copy
        statement = copy_statement(translation.sql, translation.columns, form)
        try:
            with connection.cursor() as cursor:
                cursor.copy_expert(statement, document, size=_READ_BYTES)
            document.finish()
        except (psycopg2.Error, UserError) as error:
            cause = self._cause(error)
            if isinstance(cause, Cancelled) or not document.begun:
                raise cause if self._stopped else error from None
            if not self._request.format.tells_status:
                raise TransferBrokenError(str(cause)) from error
            document.fail(str(cause))

    def _cause(self, error: Exception) -> Exception:
        """Return why a run that met an error really ended."""
        if self._stopped is not None:
            return self._stopped
        return from_database(error) if isinstance(error, psycopg2.Error) else error

    def _check(self) -> None:
        if self._stopped is not None:
            raise self._stopped

    @contextmanager
    def _cancellable(self, connection: Any) -> Iterator[None]:
        """While a connection works for this run, `stop` cancels what it does."""
        with self._lock:
            self._connection = connection
        try:
            self._check()
            yield
        finally:
            with self._lock:
                self._connection = None


@contextmanager
def _one_by_one(connection: Any) -> Iterator[None]:
    """Let each statement be its own transaction, which spares asking for their begin and end.

    Nothing is lost by it: a version that is dropped between two statements is found missing.
    """
    connection.autocommit = True
    try:
        yield
    finally:
        if not connection.closed:
            connection.autocommit = False

"""How the validator asks a service: over TAP alone, or the local database the same way."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO, Any, Protocol

from lxml import etree

from epntap.database import Database
from epntap.errors import UserError
from epntap.validator.votable import Result, TapAnswerError, read_result

#: Answers are kept in memory up to this size, then in a temporary file.
_SPOOL_BYTES = 4 * 1024 * 1024

#: Seconds to connect, and between two pieces of an answer.
_TIMEOUT_S = (20.0, 180.0)

_TABLEDATA = "application/x-votable+xml;serialization=TABLEDATA"


class TapClient(Protocol):
    """A service that can be asked.

    Attributes
    ----------
    service
        Its TAP URL, or what else it is called.
    """

    @property
    def service(self) -> str: ...  # noqa: D102

    @contextmanager
    def sync(self, query: str, maxrec: int) -> Iterator[IO[bytes]]:
        """Open the VOTable that answers a query.

        Raises
        ------
        TapAnswerError
            If the service refuses the query.
        """
        ...

    @contextmanager
    def tables(self) -> Iterator[IO[bytes] | None]:
        """Open the VOSI tables document; ``None`` if the service has none."""
        ...


@contextmanager
def asking(client: TapClient, query: str, maxrec: int) -> Iterator[Result]:
    """Ask a query and read its result.

    Raises
    ------
    TapAnswerError
        If the service refuses the query or its answer cannot be read; it carries the query.
    """
    try:
        with client.sync(query, maxrec) as document:
            yield read_result(document)
    except TapAnswerError as error:
        raise TapAnswerError(error.message, hint=f"the query was: {query}") from error


class HttpTapClient:
    """A TAP service, anybody's.

    Parameters
    ----------
    url
        Its base URL, the one that ``/sync`` is appended to.
    """

    def __init__(self, url: str) -> None:
        import requests  # slow to import

        if not re.match(r"https?://", url):
            raise UserError(f"{url!r} is not a TAP URL", hint="e.g. http://127.0.0.1:8000/tap")
        self._url = re.sub(r"(/sync|/tables|/capabilities)?/*$", "", url)
        self._session = requests.Session()
        self._session.headers["User-Agent"] = "epntap-validator (IVOA-validate)"

    @property
    def service(self) -> str:
        """The TAP URL."""
        return self._url

    @contextmanager
    def sync(self, query: str, maxrec: int) -> Iterator[IO[bytes]]:
        """Post a query to ``/sync``."""
        data = {
            "REQUEST": "doQuery",
            "LANG": "ADQL",
            "QUERY": query,
            "RESPONSEFORMAT": _TABLEDATA,
            "FORMAT": _TABLEDATA,
            "MAXREC": str(maxrec),
        }
        with self._fetched("POST", "/sync", data) as (status, file):
            if status >= 400:
                raise TapAnswerError(_error_text(file, status))
            yield file

    @contextmanager
    def tables(self) -> Iterator[IO[bytes] | None]:
        """Get ``/tables``."""
        with self._fetched("GET", "/tables", None) as (status, file):
            if status in (404, 410):
                yield None
            elif status >= 400:
                raise TapAnswerError(f"{self._url}/tables answers with HTTP status {status}")
            else:
                yield file

    @contextmanager
    def _fetched(
        self, method: str, path: str, data: dict[str, str] | None
    ) -> Iterator[tuple[int, IO[bytes]]]:
        import requests

        with tempfile.SpooledTemporaryFile(_SPOOL_BYTES) as file:
            try:
                with self._session.request(
                    method, self._url + path, data=data, stream=True, timeout=_TIMEOUT_S
                ) as answer:
                    for piece in answer.iter_content(1 << 16):
                        file.write(piece)
            except requests.RequestException as error:
                raise UserError(
                    f"{self._url} does not answer: {error}", hint="is it the URL of a TAP service?"
                ) from error
            file.seek(0)
            yield answer.status_code, file


def _error_text(file: IO[bytes], status: int) -> str:
    """Return what a service says when it refuses; some do not say it in VOTable."""
    try:
        read_result(file)
    except TapAnswerError as error:
        if "VOTable" not in error.message:
            return error.message
    return f"HTTP status {status}, and the answer is not a VOTable that tells the error"


class LocalTapClient:
    """The local database, asked through the same way as the service asks it.

    Parameters
    ----------
    database
        An open database.
    """

    def __init__(self, database: Database) -> None:
        from epntap.tap.query import TableSets

        self._database = database
        self._tablesets = TableSets(database)

    @property
    def service(self) -> str:
        """What it is called in reports."""
        return "the local database"

    @contextmanager
    def sync(self, query: str, maxrec: int) -> Iterator[IO[bytes]]:
        """Run a query."""
        from epntap.formats import negotiate
        from epntap.tap.parameters import QueryRequest
        from epntap.tap.query import QueryRun

        with tempfile.SpooledTemporaryFile(_SPOOL_BYTES) as file:

            def write(piece: bytes, *, last: bool) -> None:
                file.write(piece)

            request = QueryRequest(query, maxrec, negotiate(_TABLEDATA))
            try:
                QueryRun(self._database, self._tablesets, request, write).run()
            except UserError as error:
                raise TapAnswerError(str(error)) from error
            file.seek(0)
            yield file

    @contextmanager
    def tables(self) -> Iterator[IO[bytes] | None]:
        """Make the VOSI tables document."""
        from epntap.tap.vosi_tables import tables_document

        with tempfile.SpooledTemporaryFile(_SPOOL_BYTES) as file:
            file.write(tables_document(self._tablesets.current(), with_columns=True))
            file.seek(0)
            yield file


def parse_events(document: IO[bytes], events: tuple[str, ...]) -> Iterator[tuple[str, Any]]:
    """Yield the elements of an XML document of a service, without DTD, entities and network.

    Raises
    ------
    TapAnswerError
        If it is not well formed.
    """
    try:
        for event, element in etree.iterparse(
            document, events=events, resolve_entities=False, load_dtd=False, no_network=True
        ):
            if isinstance(element.tag, str):
                yield event, element
    except etree.XMLSyntaxError as error:
        raise TapAnswerError(f"the tables document is not well-formed XML: {error}") from error

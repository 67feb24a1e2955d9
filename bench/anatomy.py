"""``python -m bench.anatomy``: where the CPU time of a small query and of a download goes.

CPU time of one thread, the best of many tries, so that a busy machine changes it least.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from bench.shares import share
from bench.sources import EVENT_ROWS
from bench.stage import Plan, Stage
from epntap.adql import Translation, translate
from epntap.allocator import keep_freed_pieces
from epntap.database import Database, read_generation
from epntap.formats import BATCH_ROWS, ResultFormat, ResultHeader, copy_statement, negotiate
from epntap.tap.parameters import QueryRequest
from epntap.tap.query import QueryRun, TableSets

_TOP10 = "SELECT TOP 10 * FROM bench.epn_core"
_ALL = "SELECT * FROM bench.epn_core"
_MAXREC = 20_000
_ROWS = 16 * BATCH_ROWS
_DOWNLOADS = 5
_FORMS = {"votable/b2": "binary", "votable/td": "text", "csv": "csv"}
_FORMATS = ("votable/b2", "votable/td", "csv", "tsv", "json", "fits", "parquet")


class _Kept:
    """Takes the messages of a COPY."""

    def __init__(self) -> None:
        self.messages: list[bytes] = []

    def write(self, message: bytes) -> int:
        self.messages.append(message)
        return len(message)


class _Lost:
    """Takes the messages of a COPY and forgets them."""

    def write(self, message: bytes) -> int:
        return len(message)


def cpu(work: Callable[[], object], tries: int) -> float:
    """Return the least CPU time that a piece of work took in this thread, in s."""
    best = float("inf")
    for _ in range(tries):
        start = time.thread_time()
        work()
        best = min(best, time.thread_time() - start)
    return best


def small_query(database: Database, tablesets: TableSets) -> list[tuple[str, float]]:
    """Return the steps of a TOP 10 and the ms that each takes here."""
    tables = tablesets.current()
    translation = translate(_TOP10, tables, limit=_MAXREC + 1)
    format = negotiate(None)
    request = QueryRequest(_TOP10, _MAXREC, format)
    messages = _copied(database, translation, format)

    def lend() -> None:
        with database.reader():
            pass

    def generation() -> None:
        with database.reader() as connection:
            connection.autocommit = True
            read_generation(connection)
            connection.autocommit = False

    def copy() -> None:
        with database.reader() as connection, connection.cursor() as cursor:
            connection.autocommit = True
            cursor.copy_expert(_statement(translation, format), _Lost())
            connection.autocommit = False

    def head() -> None:
        format.writer(translation.columns, ResultHeader(query=_TOP10), maxrec=_MAXREC).begin()

    def run() -> None:
        QueryRun(database, tablesets, request, _nothing).run()

    lent = cpu(lend, 300)
    return [
        ("translation of a query that is not kept", cpu(lambda: translate(_TOP10, tables), 300)),
        ("connection from the pool and back", lent),
        ("generation, one round trip", cpu(generation, 300) - lent),
        ("COPY, one round trip", cpu(copy, 300) - lent),
        ("head of the document", cpu(head, 300)),
        ("rows", cpu(lambda: _written(translation, format, messages), 300) - cpu(head, 300)),
        ("the whole run, without HTTP", cpu(run, 300)),
    ]


def download(database: Database, tablesets: TableSets, name: str) -> tuple[float, float, float]:
    """Return us a row: taking messages from psycopg2, writing them, and the whole run."""
    translation = translate(_ALL, tablesets.current(), limit=_ROWS)
    format = negotiate(name)
    messages = _copied(database, translation, format)

    def copy() -> None:
        with database.reader() as connection, connection.cursor() as cursor:
            cursor.copy_expert(_statement(translation, format), _Lost())

    def run() -> None:
        QueryRun(database, tablesets, QueryRequest(_ALL, _ROWS - 1, format), _nothing).run()

    def write() -> None:
        _written(translation, format, messages)

    copied, written, whole = (1e6 * cpu(work, 5) / _ROWS for work in (copy, write, run))
    return copied, written, whole


def _copied(database: Database, translation: Translation, format: ResultFormat) -> list[bytes]:
    kept = _Kept()
    with database.reader() as connection, connection.cursor() as cursor:
        cursor.copy_expert(_statement(translation, format), kept)
    return kept.messages


def _statement(translation: Translation, format: ResultFormat) -> str:
    return copy_statement(translation.sql, translation.columns, format.copy)


def _written(translation: Translation, format: ResultFormat, messages: Sequence[bytes]) -> None:
    writer = format.writer(translation.columns, ResultHeader(query=_ALL))
    writer.begin()
    for start in range(0, len(messages), writer.batch_rows):
        writer.rows(messages[start : start + writer.batch_rows])
    for _ in writer.end():
        pass


def _nothing(piece: bytes, *, last: bool) -> None:
    """Take a piece of a document, and nothing more."""


def main() -> None:
    """Print the tables."""
    keep_freed_pieces()
    stage = Stage(Plan(with_dachs=False))
    try:
        with stage.with_events().opened() as database:
            tablesets = TableSets(database)
            print(f"{_TOP10}: CPU of this process, ms")
            for what, seconds in small_query(database, tablesets):
                print(f"  {what:45} {1000 * seconds:.3f}")
            print(f"{_ALL}, {_ROWS} of {EVENT_ROWS} rows: CPU of this process, us a row")
            print(f"  {'':12} {'COPY':>6} {'writer':>7} {'run':>6}")
            for name in _FORMATS:
                copied, written, whole = download(database, tablesets, name)
                print(f"  {name:12} {copied:6.2f} {written:7.2f} {whole:6.2f}")
        with stage.home.serving() as ours:
            print(f"{_ALL} over HTTP, {EVENT_ROWS} rows: s, median of {_DOWNLOADS}")
            print(f"  {'':12} {'whole':>7} {'psql':>6} {'service':>8} {'backend':>8} {'curl':>6}")
            for name, form in _FORMS.items():
                found = share(stage.home, ours, _ALL, name, form, _DOWNLOADS)
                print(
                    f"  {name:12} {found.wall:7.2f} {found.copy_wall:6.2f} {found.service:8.2f}"
                    f" {found.backend:8.2f} {found.client:6.2f}"
                )
    finally:
        stage.close()


if __name__ == "__main__":
    main()

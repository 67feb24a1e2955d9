"""How long a CSV file takes from disk to a catalogue that can be queried.

    python bench/publish.py ROWS.csv CATALOGUE.yaml
    python bench/publish.py --rows 1000000          # made on the way, a few columns
    python bench/publish.py --rows 1000000 --indexes

Publishes into a new database, which is removed afterwards, and prints the seconds of each phase by
the clock, the CPU seconds of the client, and the most memory that the client had. With ``--steps``
also what the client's time goes into and how long each statement of the server takes; with
``--again`` the same rows once more, as a new version; with ``--indexes`` what each index costs and
saves.
"""

from __future__ import annotations

import argparse
import json
import resource
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import psycopg2.extensions
from psycopg2.sql import Composable

from bench.publish_indexes import measure_indexes
from epntap.catalogue import Catalogue, Description, read_catalogue
from epntap.database import Database
from epntap.epncore import read_standard
from epntap.epncore.validation import RowValidator
from epntap.publish import open_native, publication, publish
from epntap.publish.encoding import RowEncoder
from epntap.publish.mapping import RowMapper
from epntap.publish.native import CHUNK_ROWS, NativeSource, Rows
from epntap.settings import Settings

#: What `publish` calls, and the name of it in the table.
PHASES = {
    "load": (publication, "read, map, check, copy"),
    "find_duplicates": (publication, "key"),
    "finish_table": (publication, "indexes and statistics"),
    "make_current": (publication, "make current"),
}

#: What the client does with each chunk, and the name of it in the table.
STEPS = {
    "map": (RowMapper, "map"),
    "inspect": (RowValidator, "check"),
    "encode": (RowEncoder, "encode"),
}

#: Statements that are faster are not listed.
_SHOWN_SECONDS = 0.02


@dataclass(frozen=True, slots=True)
class Statement:
    """A statement of the server.

    Attributes
    ----------
    text
        How it begins.
    seconds
        By the clock; a COPY lasts as long as the client makes rows.
    """

    text: str
    seconds: float


class ClockedDatabase(Database):
    """A database that tells how long each statement of the publisher takes."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.statements: list[Statement] = []

    def publisher(self) -> AbstractContextManager[psycopg2.extensions.connection]:
        """Lend a connection whose cursors have clocks."""
        return self._clocked(super().publisher)

    @contextmanager
    def _clocked(
        self, lend: Callable[[], AbstractContextManager[Any]]
    ) -> Iterator[psycopg2.extensions.connection]:
        with lend() as connection:
            plain = getattr(connection, "driver_connection", connection)
            plain.cursor_factory = clocked_cursor(self.statements)
            try:
                yield connection
            finally:
                plain.cursor_factory = None


def clocked_cursor(statements: list[Statement]) -> type[psycopg2.extensions.cursor]:
    """Return a class of cursors that add to a list what they did."""

    class Clocked(psycopg2.extensions.cursor):
        def execute(self, query: Any, *arguments: Any) -> None:
            begin = time.perf_counter()
            super().execute(query, *arguments)
            self._note(query, begin)

        def copy_expert(self, sql: Any, *arguments: Any, **options: Any) -> None:
            begin = time.perf_counter()
            super().copy_expert(sql, *arguments, **options)
            self._note(sql, begin)

        def _note(self, query: Any, begin: float) -> None:
            spent = time.perf_counter() - begin
            if isinstance(query, Composable):
                query = query.as_string(self)
            text = query.decode() if isinstance(query, bytes) else query
            statements.append(Statement(" ".join(text.split())[:90], spent))

    return Clocked


@dataclass(frozen=True)
class GeneratedSource:
    """Rows that are made when they are asked for, so that no file and no memory holds them."""

    rows: int
    name: str = "generated"
    units: dict[str, str] = field(default_factory=dict)

    def chunks(self) -> Iterator[pd.DataFrame]:
        """Yield the rows."""
        dice = np.random.default_rng(1)
        for start in range(0, self.rows, CHUNK_ROWS):
            size = min(CHUNK_ROWS, self.rows - start)
            begin = 2_451_545.0 + dice.uniform(0, 9000, size)
            yield pd.DataFrame(
                {
                    "id": np.char.mod("granule %09d", np.arange(start, start + size)),
                    "begin": begin,
                    "end": begin + dice.exponential(1.0, size),
                    "lon": dice.uniform(0, 360, size),
                    "lat": dice.uniform(-90, 90, size),
                    "moon": np.char.mod("Moon %d#Jupiter", dice.integers(0, 200, size)),
                }
            )


def generated_catalogue() -> Catalogue:
    """Describe the generated rows."""
    description = {
        "name": "generated",
        "title": "Generated rows",
        "description": "Rows of a benchmark.",
        "creators": ["epntap"],
        "publisher": "epntap",
        "contact": "epntap",
        "rights": "CC0",
        "subjects": ["planetary-science"],
        "spatial_frame_type": "body",
        "mapping": {
            "granule_uid": "id",
            "target_name": "moon",
            "target_class": {"constant": "satellite"},
            "time_min": "begin",
            "time_max": "end",
            "c1min": "lon",
            "c2min": "lat",
        },
    }
    return Catalogue(Description.model_validate(description), read_standard())


def timed(
    function: Callable[..., Any],
    seconds: dict[str, float],
    name: str,
    clock: Callable[[], float] = time.perf_counter,
) -> Callable[..., Any]:
    """Return the function with a clock around it."""

    def call(*arguments: Any, **options: Any) -> Any:
        begin = clock()
        try:
            return function(*arguments, **options)
        finally:
            seconds[name] = seconds.get(name, 0.0) + clock() - begin

    return call


@dataclass(frozen=True)
class ClockedSource:
    """A source that tells how long its rows take to be read.

    Parameters
    ----------
    source
        The rows.
    seconds
        Where the CPU time goes, as ``read``.
    """

    source: NativeSource
    seconds: dict[str, float]

    @property
    def name(self) -> str:
        """That of the source."""
        return self.source.name

    @property
    def units(self) -> Mapping[str, str]:
        """Those of the source."""
        return self.source.units

    def chunks(self) -> Iterator[Rows]:
        """Yield what the source does."""
        chunks = self.source.chunks()
        following = timed(lambda: next(chunks, None), self.seconds, "read", time.thread_time)
        while (chunk := following()) is not None:
            yield chunk


@dataclass(frozen=True)
class Measured:
    """What one publication took.

    Attributes
    ----------
    rows, columns
        Of the table.
    seconds
        In all, by the clock.
    phases
        Seconds by the clock.
    steps
        CPU seconds of the client.
    statements
        Of the server.
    client_cpu_seconds
        Of all threads.
    """

    rows: int
    columns: int
    seconds: float
    phases: dict[str, float]
    steps: dict[str, float]
    statements: list[Statement]
    client_cpu_seconds: float


def measure(database: ClockedDatabase, catalogue: Catalogue, source: NativeSource) -> Measured:
    """Publish and return the figures."""
    phases: dict[str, float] = {}
    steps: dict[str, float] = {}
    changed = PHASES | STEPS
    plain = {name: getattr(owner, name) for name, (owner, _) in changed.items()}
    try:
        for name, (owner, label) in PHASES.items():
            setattr(owner, name, timed(getattr(owner, name), phases, label))
        for name, (owner, label) in STEPS.items():
            setattr(owner, name, timed(getattr(owner, name), steps, label, time.thread_time))
        database.statements.clear()
        begin, cpu = time.perf_counter(), time.process_time()
        published = publish(database, catalogue, ClockedSource(source, steps))
        total, cpu = time.perf_counter() - begin, time.process_time() - cpu
    finally:
        for name, function in plain.items():
            setattr(changed[name][0], name, function)
    return Measured(
        rows=published.rows,
        columns=len(catalogue.columns),
        seconds=total,
        phases=phases,
        steps=steps,
        statements=list(database.statements),
        client_cpu_seconds=cpu,
    )


@contextmanager
def new_database() -> Iterator[ClockedDatabase]:
    """Lend an empty database that is removed afterwards."""
    home = Path(tempfile.mkdtemp(prefix="epntap-bench-"))
    home.chmod(0o755)
    try:
        with ClockedDatabase.open(Settings(home=home)) as database:
            yield database
    finally:
        shutil.rmtree(home)


def peak_mb() -> float:
    """Return the most memory that this process had."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (1024 if sys.platform != "darwin" else 1024**2)


def show(measured: Measured, *, with_steps: bool) -> None:
    """Print the figures of a publication."""
    print(f"{measured.rows:,} rows x {measured.columns} columns")
    for label, spent in measured.phases.items():
        print(f"{label:30s} {spent:8.2f} s")
    print(f"{'in all':30s} {measured.seconds:8.2f} s")
    print(f"{'CPU of the client':30s} {measured.client_cpu_seconds:8.2f} s")
    if not with_steps:
        return
    for label, spent in measured.steps.items():
        print(f"  {label:28s} {spent:8.2f} s")
    for statement in measured.statements:
        if statement.seconds >= _SHOWN_SECONDS:
            print(f"{statement.seconds:8.2f} s  {statement.text}")


def main() -> None:
    """Run what the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("file", type=Path, nargs="?", help="a native table")
    parser.add_argument("catalogue", nargs="?", help="its description")
    parser.add_argument("--rows", type=int, help="publish so many generated rows instead")
    parser.add_argument("--steps", action="store_true", help="also each step and statement")
    parser.add_argument("--again", action="store_true", help="once more, as a new version")
    parser.add_argument("--indexes", action="store_true", help="what each index costs and saves")
    parser.add_argument("--json", action="store_true", help="print JSON")
    asked = parser.parse_args()
    if asked.rows is not None:
        catalogue, source = generated_catalogue(), GeneratedSource(asked.rows)
    elif asked.file is not None and asked.catalogue is not None:
        catalogue, source = read_catalogue(asked.catalogue), open_native(asked.file)
    else:
        parser.error("give a file and a catalogue, or --rows")
    if asked.indexes and asked.rows is None:
        parser.error("--indexes asks the generated rows: give --rows")
    with new_database() as database:
        found = [measure(database, catalogue, source) for _ in range(1 + asked.again)]
        peak = peak_mb()
        if asked.json:
            print(json.dumps({"publications": [asdict(e) for e in found], "client_peak_mb": peak}))
        else:
            for measured in found:
                show(measured, with_steps=asked.steps)
            print(f"{'peak memory of the client':30s} {peak:8.0f} MB")
        if asked.indexes:
            print(measure_indexes(database, catalogue))


if __name__ == "__main__":
    main()

"""Queries that are read from a streaming replica while the primary changes."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd
import psycopg2
import pytest

from epntap.adql import AdqlError
from epntap.catalogue import Catalogue, read_catalogue
from epntap.database import Database, load_tableset
from epntap.database.account import Account, choose_account
from epntap.database.binaries import Binaries
from epntap.formats import negotiate
from epntap.publish import DataFrameSource, drop, publish, rollback
from epntap.settings import Settings
from epntap.tap.parameters import QueryRequest
from epntap.tap.query import QueryRun, TableSets

from .conftest import system_binaries

YAML = """\
name: mirrored
title: Rows that are read elsewhere
description: A few rows.
creators: [Jane Doe]
publisher: Example
contact: Jane Doe
rights: CC0
subjects: [planetary-science]
spatial_frame_type: body
mapping: {granule_uid: id, target_name: {constant: Mars}, target_class: {constant: planet}}
columns: [{name: edition, datatype: int, description: Number of the publication}]
"""


@dataclass
class Server:
    """A server of PostgreSQL in a directory."""

    binaries: Binaries
    account: Account
    data: Path
    port: int

    def run(self, program: str, *words: str | Path) -> None:
        result = self.account.run(self.binaries.program(program), *words)
        assert result.returncode == 0, result.stderr

    def configure(self, **values: object) -> None:
        lines = "".join(f"{key} = '{value}'\n" for key, value in values.items())
        self.account.write(self.data / "postgresql.auto.conf", lines, append=True)

    def start(self) -> None:
        # The server keeps what it is given open: not a pipe that somebody waits for.
        with (self.data.parent / f"{self.data.name}.log").open("w") as log:
            result = self.account.run(
                self.binaries.program("pg_ctl"), "start", "-w", "-s", "-D", self.data, log=log
            )
        assert result.returncode == 0

    def stop(self) -> None:
        self.run("pg_ctl", "stop", "-w", "-s", "-m", "fast", "-D", self.data)

    def dsn(self, user: str) -> str:
        return f"postgresql://{user}@127.0.0.1:{self.port}"


@pytest.fixture(scope="module")
def pair(new_home: Callable[[], Path]) -> Iterator[tuple[Server, Server]]:
    """A primary, and a replica made with pg_basebackup that follows it."""
    binaries = system_binaries()
    if binaries is None or not binaries.program("pg_basebackup").exists():
        pytest.skip("this system has no PostgreSQL server with pg_basebackup")
    home = new_home()
    account = choose_account(home / "primary")
    folder = home / "servers"
    account.own(folder)
    primary, replica = (
        Server(binaries, account, folder / name, _free_port()) for name in ("primary", "replica")
    )
    # Nobody but this test reaches them, on the loopback of this machine and for a minute.
    primary.run("initdb", "-A", "trust", "-U", "postgres", "-E", "UTF8", "-D", primary.data)
    primary.configure(
        port=primary.port,
        listen_addresses="127.0.0.1",
        unix_socket_directories="",
        wal_level="replica",
        max_wal_senders=4,
        fsync="off",
    )
    with contextlib.ExitStack() as running:
        primary.start()
        running.callback(primary.stop)
        replica.run(
            "pg_basebackup", "-R", "-X", "stream", "-c", "fast", "-d", primary.dsn("postgres"),
            "-D", replica.data,
        )  # fmt: skip
        replica.configure(
            port=replica.port,
            # Whoever stands in the way of what is to be replayed is cancelled at once: the worst
            # that a replica can do to queries.
            max_standby_streaming_delay=0,
            hot_standby_feedback="off",
        )
        replica.start()
        running.callback(replica.stop)
        yield primary, replica


@dataclass
class Service:
    """A database whose queries go to the replica."""

    database: Database
    primary: Server
    replica: Server
    tablesets: TableSets = field(init=False)

    def __post_init__(self) -> None:
        self.tablesets = TableSets(self.database)

    def ask(self, query: str) -> str:
        pieces: list[bytes] = []

        def send(piece: bytes, *, last: bool) -> None:
            pieces.append(piece)

        request = QueryRequest(query=query, maxrec=1000, format=negotiate("csv"))
        QueryRun(self.database, self.tablesets, request, send).run()
        return b"".join(pieces).decode()

    def catch_up(self) -> None:
        """Wait until the replica has replayed all that the primary has written until now."""
        with (
            contextlib.closing(psycopg2.connect(self.primary.dsn("postgres"))) as connection,
            connection.cursor() as cursor,
        ):
            cursor.execute("SELECT pg_current_wal_insert_lsn()")
            (written,) = cursor.fetchone()
        with contextlib.closing(psycopg2.connect(self.replica.dsn("postgres"))) as connection:
            connection.autocommit = True
            deadline = time.monotonic() + 30
            with connection.cursor() as cursor:
                while time.monotonic() < deadline:
                    cursor.execute("SELECT pg_last_wal_replay_lsn() >= %s::pg_lsn", (written,))
                    if cursor.fetchone() == (True,):
                        return
                    time.sleep(0.02)
        pytest.fail("the replica does not follow")


@pytest.fixture(scope="module")
def service(pair: tuple[Server, Server], tmp_path_factory) -> Iterator[Service]:
    primary, replica = pair
    with contextlib.closing(psycopg2.connect(primary.dsn("postgres") + "/postgres")) as connection:
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute("CREATE DATABASE mirror")
    settings = Settings(
        home=tmp_path_factory.mktemp("home"),
        dsn=f"{primary.dsn('postgres')}/mirror",
        query_dsn=f"host=127.0.0.1 port={replica.port}",
    )
    # The logins reach the replica a moment after they are made.
    with Database.open(settings) as database:
        opened = Service(database, primary, replica)
        opened.catch_up()
        yield opened


@pytest.fixture(scope="module")
def catalogue(tmp_path_factory) -> Catalogue:
    path = tmp_path_factory.mktemp("yaml") / "mirrored.yaml"
    path.write_text(YAML, encoding="utf-8")
    return read_catalogue(path)


def edition(number: int, rows: int = 20) -> DataFrameSource:
    frame = pd.DataFrame({"id": [f"row {i}" for i in range(rows)], "edition": number})
    return DataFrameSource(frame, f"edition {number}")


EDITION = "SELECT edition, COUNT(*) AS n FROM mirrored.epn_core GROUP BY edition"


def test_queries_are_read_from_the_replica(service: Service) -> None:
    with service.database.reader() as connection:
        assert connection.info.port == service.replica.port
        assert connection.info.user == "mirror_reader"


def test_a_publication_is_seen_on_the_replica_when_it_is_replayed(
    service: Service, catalogue: Catalogue
) -> None:
    for number in (1, 2):
        publish(service.database, catalogue, edition(number))
        service.catch_up()
        assert service.ask(EDITION).split() == ["edition,n", f"{number},20"]
    rollback(service.database, "mirrored")
    service.catch_up()
    assert service.ask(EDITION).split() == ["edition,n", "1,20"]
    drop(service.database, "mirrored")
    service.catch_up()
    with pytest.raises(AdqlError, match="mirrored"):
        service.ask(EDITION)


def test_queries_never_fail_while_versions_are_published_rolled_back_and_dropped(
    service: Service, catalogue: Catalogue
) -> None:
    publish(service.database, catalogue, edition(0))
    service.catch_up()
    done = threading.Event()

    def read() -> list[str]:
        answers = []
        while not done.is_set():
            answers.append(service.ask(EDITION))
        return answers

    with ThreadPoolExecutor(4) as readers:
        reading = [readers.submit(read) for _ in range(4)]
        try:
            for number in range(1, 25):
                # Each publication drops the version before the previous one.
                publish(service.database, catalogue, edition(number))
                if number % 4 == 0:
                    rollback(service.database, "mirrored")
        finally:
            done.set()
        answers = [answer for future in reading for answer in future.result(60)]
    assert len(answers) >= 200
    seen = set()
    for answer in answers:
        _head, row = answer.split()
        number, count = row.split(",")
        assert count == "20"
        seen.add(number)
    assert len(seen) > 5
    drop(service.database, "mirrored")


def test_a_query_that_the_replica_cancels_before_its_first_row_is_asked_again(
    service: Service, catalogue: Catalogue
) -> None:
    publish(service.database, catalogue, edition(0))
    service.catch_up()
    cancelled = threading.Event()
    slow = (
        "SELECT COUNT(*) AS n FROM mirrored.epn_core AS a"
        + "".join(f" CROSS JOIN mirrored.epn_core AS b{i}" for i in range(5))
        + " WHERE a.edition = 0"
    )

    def publish_until_cancelled() -> None:
        number = 0
        while not cancelled.is_set():
            number += 1
            publish(service.database, catalogue, edition(number))
            time.sleep(0.05)

    with ThreadPoolExecutor(1) as publisher:
        publishing = publisher.submit(publish_until_cancelled)
        try:
            # Asked of edition 0, cancelled when that is dropped, asked again of a later one.
            assert service.ask(slow).split() == ["n", "0"]
        finally:
            cancelled.set()
        publishing.result(60)
    drop(service.database, "mirrored")


def test_uploads_go_to_the_primary(service: Service) -> None:
    with service.database.uploader() as connection:
        assert connection.info.port == service.primary.port
        assert load_tableset(connection).table("tap_schema.tables") is not None


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])

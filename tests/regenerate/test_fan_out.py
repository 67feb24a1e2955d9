"""Three workers, each in a network of its own, one of them killed and one cut off."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest

from epntap.catalogue import read_catalogue
from epntap.database import Database
from epntap.regenerate.beginning import begin
from epntap.regenerate.foreground import regenerate
from epntap.settings import Settings

from .conftest import PLUGIN, ask, make_yaml, order, quiet, rows_of, stored
from .networks import Network, networks, server, why_not

#: Five hundred days, one in a chunk.
SOURCE = "series:2024-01-01/2025-05-15/7"
SPAN = "{from: 2024-01-01, to: 2025-05-15}"
CHUNKS = 500

#: A worker that is silent for so long has lost its work.
LOST_SECONDS = 3


@contextmanager
def worker(network: Network, dsn: str, home: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Run ``epntap worker`` in a namespace."""
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith("EPNTAP_")},
        "EPNTAP_DSN": dsn,
        "EPNTAP_HOME": str(home),
        "EPNTAP_WORKER_SECONDS": str(LOST_SECONDS),
        "EPNTAP_LOG": "info",
        "PYTHONPATH": str(PLUGIN),
    }
    words = [sys.executable, "-m", "epntap.cli", "worker", "--concurrency", "1"]
    with (home / f"{network.name}.log").open("wb") as log:
        # `ip netns exec` becomes the command, so the process is the worker itself.
        process = subprocess.Popen(
            network.command(*words), env=environment, stdout=log, stderr=log, cwd=home
        )
        try:
            yield process
        finally:
            process.kill()
            process.wait()


def until(holds: Callable[[], bool], what: str, seconds: float = 120.0) -> None:
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, f"in vain: {what}"
        time.sleep(0.02)


@pytest.mark.slow
def test_five_hundred_chunks_survive_a_killed_worker_and_one_that_was_cut_off(
    new_home: Callable[[], Path], settings: Settings, tmp_path: Path
) -> None:
    reason = why_not()
    if reason is not None:
        pytest.skip(reason)
    home = new_home()
    journal = tmp_path / "journal"
    options = f"{{pause: 0.03, journal: {journal}}}"
    plan = {"source": SOURCE, "span": SPAN, "chunk": "1d"}
    shared = read_catalogue(make_yaml(tmp_path / "shared.yaml", "shared", **plan, options=options))
    # Everything at once, by one process.
    alone = read_catalogue(make_yaml(tmp_path / "alone.yaml", "alone", **plan, pipeline="whole"))
    with (
        networks(3) as nets,
        server(home, [net.host for net in nets], settings.postgres_bin) as running,
        Database.open(Settings(home=home, dsn=running.dsn(nets[0].host))) as database,
    ):
        with database.publisher() as connection:
            run = begin(connection, stored(shared), moment=datetime.now(UTC))
            connection.commit()

        def of_worker(process: subprocess.Popen[bytes], state: str) -> list[int]:
            found = ask(
                database,
                "SELECT number FROM epntap.chunk WHERE run_id = %s AND state = %s"
                " AND split_part(worker, ':', 2) = %s",
                run.run_id,
                state,
                str(process.pid),
            )
            return [number for (number,) in found]

        def attempts(number: int) -> int:
            ((attempt,),) = ask(
                database,
                "SELECT attempt FROM epntap.chunk WHERE run_id = %s AND number = %s",
                run.run_id,
                number,
            )
            return int(attempt)

        with (
            worker(nets[0], running.dsn(nets[0].host), home) as healthy,
            worker(nets[1], running.dsn(nets[1].host), home) as killed,
            worker(nets[2], running.dsn(nets[2].host), home) as cut_off,
        ):
            for each in (healthy, killed, cut_off):
                until(lambda each=each: len(of_worker(each, "done")) >= 5, "chunks are done")
            until(lambda: bool(of_worker(killed, "running")), "the one to kill has a chunk")
            killed.kill()
            killed.wait()
            until(lambda: bool(of_worker(cut_off, "running")), "the one to cut off has a chunk")
            nets[2].cut()
            lost = of_worker(killed, "running") + of_worker(cut_off, "running")
            for number in lost:
                until(lambda number=number: attempts(number) > 1, f"chunk {number} is taken again")
            nets[2].mend()
            until(
                lambda: (
                    ask(database, "SELECT ended FROM epntap.run WHERE run_id = %s", run.run_id)
                    != [(None,)]
                ),
                "the run ends",
            )
            until(
                lambda: bool(
                    ask(
                        database,
                        "SELECT 1 FROM epntap.worker WHERE pid = %s"
                        " AND seen > now() - interval '2 seconds'",
                        cut_off.pid,
                    )
                ),
                "the one that was cut off is back",
            )
            assert cut_off.poll() is None
        assert ask(
            database, "SELECT state, reason FROM epntap.run WHERE run_id = %s", run.run_id
        ) == [("published", None)]
        assert len(lost) >= 1
        regenerate(database, order(alone), quiet)
        rows = rows_of(database, alone)
        assert len(rows) > 300
        assert rows_of(database, shared) == rows
        counts = (
            "SELECT count(*), count(DISTINCT key), count(DISTINCT number), sum(row_count)::int,"
            " count(DISTINCT worker) FROM epntap.chunk WHERE run_id = %s AND state = 'done'"
        )
        assert ask(database, counts, run.run_id) == [(CHUNKS, CHUNKS, CHUNKS, len(rows), 3)]
        parts = "SELECT count(*), sum(row_count)::int FROM epntap.part WHERE catalogue = 'shared'"
        assert ask(database, parts) == [(CHUNKS, len(rows))]
        ((again,),) = ask(
            database, "SELECT sum(attempt - 1)::int FROM epntap.chunk WHERE run_id = %s", run.run_id
        )
        # What was done before is not done again: only what the two had in their hands.
        assert len(lost) <= again <= 6
        computed = journal.read_text(encoding="utf-8").splitlines()
        assert len({line.partition(" ")[2] for line in computed}) == CHUNKS
        assert CHUNKS <= len(computed) <= CHUNKS + again

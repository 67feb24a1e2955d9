"""Whatever becomes of its workers, and whenever, each chunk is done exactly once."""

from __future__ import annotations

import random
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest

from epntap.database import Database
from epntap.plugins import Span
from epntap.regenerate.beginning import begin, fail, store_layout
from epntap.regenerate.chunks import Chunk, cut
from epntap.regenerate.chunkstore import all_done, end_chunk, fail_chunk, progress_of, take_chunk
from epntap.regenerate.errors import ChunkLostError
from epntap.regenerate.method import Layout
from epntap.regenerate.parts import Part
from epntap.regenerate.partstore import add_part

from .conftest import ask, stored

SPAN = Span(datetime(2024, 1, 1), datetime(2024, 1, 13))


@dataclass(frozen=True)
class Held:
    """A chunk as a worker has it, which may be a worker that was given up long ago."""

    chunk: Chunk
    attempt: int
    worker: str


class Line:
    """Workers that take chunks, die, fail, and come back too late, one step after the other."""

    def __init__(self, database: Database, run_id: str, chunks: tuple[Chunk, ...], seed: int):
        self.database, self.run_id, self.chunks = database, run_id, chunks
        self.dice = random.Random(seed)
        self.held: list[Held] = []
        self.ended: list[Held] = []
        self.finishers = 0
        self.late = 0

    def take(self) -> None:
        chunk = self.dice.choice(self.chunks)
        worker = f"host:{self.dice.randrange(5)}"
        with self.database.publisher() as connection, connection.cursor() as cursor:
            taken = take_chunk(cursor, self.run_id, chunk.number, worker)
            connection.commit()
        if taken is not None:
            self.held.append(Held(chunk, taken.attempt, worker))

    def end(self) -> None:
        """A worker is done; it may have been taken for lost meanwhile, and does not know it."""
        if not self.held:
            return
        held = self.held.pop(self.dice.randrange(len(self.held)))
        part = Part(f"{self.run_id} {held.chunk.number}", held.chunk.span, 1, {}, b"rows")
        with self.database.publisher() as connection, connection.cursor() as cursor:
            try:
                end_chunk(cursor, self.run_id, held.chunk.number, held.attempt, part.key, 1)
            except ChunkLostError:
                self.late += 1
                return
            add_part(cursor, self.run_id, part)
            if self.dice.random() < 0.1:
                # It dies before the transaction ends.
                connection.rollback()
                return
            self.finishers += all_done(cursor, self.run_id)
            connection.commit()
        self.ended.append(held)

    def fail(self) -> None:
        if not self.held:
            return
        held = self.held.pop(self.dice.randrange(len(self.held)))
        with self.database.publisher() as connection, connection.cursor() as cursor:
            fail_chunk(
                cursor, self.run_id, held.chunk.number, held.attempt, "it failed", retries=10**6
            )
            connection.commit()

    def die(self) -> None:
        """A worker is gone, with its chunk in its hands; nobody is told."""
        if self.held:
            self.held.pop(self.dice.randrange(len(self.held)))


@pytest.mark.parametrize("seed", range(8))
def test_chunks_are_done_once_whenever_workers_die_fail_or_come_back(database, described, seed):
    catalogue = described(source="series:2024-01-01/2024-01-13/7", chunk="1d")
    chunks = cut(SPAN, timedelta(days=1))
    with database.publisher() as connection:
        run = begin(connection, stored(catalogue), moment=datetime.now(UTC), foreground=True)
        store_layout(connection, run, Layout(SPAN, chunks, (), None), ())
        connection.commit()
    line = Line(database, run.run_id, chunks, seed)
    for _ in range(5000):
        line.dice.choices((line.take, line.end, line.fail, line.die), (8, 3, 1, 1))[0]()
        if len(line.ended) == len(chunks):
            break
    for _ in range(20):
        line.end()
    assert sorted(held.chunk.number for held in line.ended) == [chunk.number for chunk in chunks]
    assert line.finishers == 1
    # Some worker did come back too late, so this has been put to the test.
    assert line.late > 0
    with database.publisher() as connection, connection.cursor() as cursor:
        assert progress_of(cursor, run.run_id) == (len(chunks), len(chunks))
    done = dict(
        ask(
            database,
            "SELECT number, worker FROM epntap.chunk WHERE run_id = %s AND state = 'done'",
            run.run_id,
        )
    )
    assert done == {held.chunk.number: held.worker for held in line.ended}
    parts = "SELECT count(*), count(DISTINCT key) FROM epntap.part WHERE run_id = %s"
    assert ask(database, parts, run.run_id) == [(len(chunks), len(chunks))]
    with database.publisher() as connection:
        assert fail(connection, run.run_id, "the test has ended")
        connection.commit()

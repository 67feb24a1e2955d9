"""The queue as a worker uses it: taking work, ending it, and finding whose worker was lost.

Every statement that ends work names the worker that holds it, so that one that was cut off, and
whose work was given to another meanwhile, changes nothing when it comes back.
"""

from __future__ import annotations

import contextlib
import json
import select
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

from psycopg2 import errors, sql
from psycopg2.extensions import connection as Connection  # noqa: N812
from psycopg2.extras import Json

from epntap.queue.items import Item, WorkerCard, WorkerUnknownError, read_item
from epntap.queue.work import QUEUEING_LOCK, Work, put

#: Begin of the channel on which the queue tells of new work; the name of the line follows.
_CHANNEL = "procrastinate_queue_v1#"

#: The least integer of PostgreSQL.
ANY_PRIORITY = -(2**31)

#: Advisory lock of whoever looks after lost workers (the bytes "workers" as a number).
_CARE_LOCK = int.from_bytes(b"workers", "big")

#: By the rules of procrastinate_fetch_job_v2, which compares every work that has a lock with every
#: other one before it takes the first: for 20,000 half a minute was not enough. Here works are
#: looked at in their order, and a lock is looked up in an index (`epntap.database.procrastinate`);
#: the inner LIMIT keeps the planner from making a join of that again.
_TAKE = """
    UPDATE procrastinate.procrastinate_jobs SET status = 'doing', worker_id = %(worker)s
     WHERE id = (
        SELECT job.id FROM procrastinate.procrastinate_jobs AS job
         WHERE job.status = 'todo' AND job.queue_name = ANY (%(queues)s::varchar[])
           AND job.priority >= %(least)s
           AND (job.scheduled_at IS NULL OR job.scheduled_at <= pg_catalog.now())
           AND (job.lock IS NULL OR (
                SELECT true FROM procrastinate.procrastinate_jobs AS other
                 WHERE other.lock = job.lock AND other.status IN ('todo', 'doing')
                   AND (other.status = 'doing' OR other.priority > job.priority
                        OR (other.priority = job.priority AND other.id < job.id))
                 LIMIT 1) IS NULL)
         ORDER BY job.priority DESC, job.id LIMIT 1 FOR UPDATE SKIP LOCKED)
    RETURNING id, task_name, args, attempts, priority
"""
_FINISH = """
    SELECT procrastinate.procrastinate_finish_job_v1(id, 'succeeded', true)
      FROM (SELECT id FROM procrastinate.procrastinate_jobs
             WHERE id = %(number)s AND worker_id = %(worker)s AND status = 'doing'
               FOR UPDATE) AS held
"""
#: The queue itself tells only of new work, so whoever waits is told here.
_AGAIN = """
    UPDATE procrastinate.procrastinate_jobs
       SET args = args || pg_catalog.jsonb_build_object(
               'reason', %(reason)s::text,
               'returned', coalesce((args ->> 'returned')::integer, 0) + %(returned)s)
     WHERE id = %(number)s AND worker_id = %(worker)s AND status = 'doing';
    SELECT procrastinate.procrastinate_retry_job_v2(
               id, pg_catalog.now() + pg_catalog.make_interval(secs => %(seconds)s),
               NULL, NULL, NULL),
           pg_catalog.pg_notify(%(channel)s || queue_name,
               pg_catalog.json_build_object('type', 'job_inserted', 'job_id', id)::text)
      FROM (SELECT id, queue_name FROM procrastinate.procrastinate_jobs
             WHERE id = %(number)s AND worker_id = %(worker)s AND status = 'doing'
               FOR UPDATE) AS held
"""
#: The same for work whose worker is gone.
_RECOVER = """
    UPDATE procrastinate.procrastinate_jobs SET args = args || %(note)s::jsonb
     WHERE id = %(number)s;
    SELECT procrastinate.procrastinate_retry_job_v2(%(number)s, NULL, NULL, NULL, NULL),
           pg_catalog.pg_notify(%(channel)s,
               pg_catalog.json_build_object('type', 'job_inserted', 'job_id', %(number)s)::text)
"""
_BEAT = """
    SELECT procrastinate.procrastinate_update_heartbeat_v1(%(worker)s);
    UPDATE epntap.worker SET seen = pg_catalog.clock_timestamp(), running = %(running)s
     WHERE name = %(name)s;
    SELECT EXISTS (SELECT FROM procrastinate.procrastinate_workers WHERE id = %(worker)s),
           ARRAY(SELECT id FROM procrastinate.procrastinate_jobs
                  WHERE worker_id = %(worker)s AND status = 'doing')
"""


class Queue:
    """The lines that one worker serves, over a connection of its own.

    Parameters
    ----------
    connection
        Of the publisher; it becomes the queue's. One thread uses it.
    card
        The worker.
    statement_seconds
        What any statement may take: a worker that waits for one longer is no good to its work.
    """

    def __init__(
        self, connection: Connection, card: WorkerCard, *, statement_seconds: float
    ) -> None:
        connection.autocommit = True
        self._connection = connection
        self._card = card
        with connection.cursor() as cursor:
            cursor.execute(
                # A crash of the server may take back the last moments of the queue: that is as if
                # a worker had been lost. So nothing here waits for the disk.
                "SET synchronous_commit = off; SET statement_timeout = %s;"
                # Of a table that fills and empties all the time the statistics are always wrong:
                # without this the first work is found by sorting all that is in line.
                " SET enable_sort = off",
                (int(statement_seconds * 1000),),
            )
            for name in card.queues:
                cursor.execute(sql.SQL("LISTEN {}").format(sql.Identifier(_CHANNEL + name)))

    def close(self) -> None:
        """Close the connection; what this worker holds stays its own for a while."""
        self._connection.close()

    def wait(self, wake: int, seconds: float) -> None:
        """Wait for new work, for something to read at the descriptor `wake`, or for the time."""
        if not self._connection.notifies:
            select.select([self._connection.fileno(), wake], [], [], max(0.0, seconds))
        self._connection.poll()
        self._connection.notifies.clear()

    def register(self) -> int:
        """Make the worker known, and return its number."""
        card = self._card
        with self._transaction(), self._connection.cursor() as cursor:
            cursor.execute(
                "INSERT INTO epntap.worker (name, host, pid, queues, concurrency)"
                " VALUES (%s, %s, %s, %s, %s)"
                " ON CONFLICT (name) DO UPDATE SET seen = pg_catalog.clock_timestamp()",
                (card.name, card.host, card.pid, list(card.queues), card.concurrency),
            )
            cursor.execute("SELECT procrastinate.procrastinate_register_worker_v1()")
            return int(_only(cursor.fetchone()))

    def unregister(self, worker: int) -> None:
        """Take the worker off the list; what it still holds is put in line again by others."""
        with self._transaction(), self._connection.cursor() as cursor:
            cursor.execute("SELECT procrastinate.procrastinate_unregister_worker_v1(%s)", (worker,))
            cursor.execute("DELETE FROM epntap.worker WHERE name = %s", (self._card.name,))

    def beat(self, worker: int, running: int) -> frozenset[int]:
        """Say that the worker lives, and return the numbers of the work that it holds.

        Raises
        ------
        WorkerUnknownError
            If it was taken for lost meanwhile; it holds nothing then.
        """
        with self._connection.cursor() as cursor:
            cursor.execute(_BEAT, {"worker": worker, "name": self._card.name, "running": running})
            row = cursor.fetchone()
        if row is None or not row[0]:
            raise WorkerUnknownError
        return frozenset(row[1])

    def take(self, worker: int, least: int = ANY_PRIORITY) -> Item | None:
        """Take the first work of the lines, or ``None`` when there is none to be done now.

        Parameters
        ----------
        worker
            Who takes it.
        least
            Priority that it has at least.

        Raises
        ------
        WorkerUnknownError
            If the worker was taken for lost meanwhile.
        """
        while True:
            with self._connection.cursor() as cursor:
                try:
                    parameters = {
                        "worker": worker,
                        "queues": list(self._card.queues),
                        "least": least,
                    }
                    cursor.execute(_TAKE, parameters)
                except errors.ForeignKeyViolation as error:
                    raise WorkerUnknownError from error
                except errors.UniqueViolation:
                    # Another worker was quicker with work of the same lock.
                    continue
                row = cursor.fetchone()
            return None if row is None else read_item(*row)

    def finish(self, number: int, worker: int) -> bool:
        """Remove work that ended; False if this worker does not hold it any more."""
        with self._connection.cursor() as cursor:
            cursor.execute(_FINISH, {"number": number, "worker": worker})
            return cursor.fetchone() is not None

    def again(
        self, number: int, worker: int, *, seconds: float, reason: str, counted: bool
    ) -> bool:
        """Put work in line again, not to be taken before so many seconds.

        Parameters
        ----------
        number, worker
            The work, and who holds it.
        seconds
            From now, by the clock of the server.
        reason
            Why; the next who takes it sees it in `Item.reason`.
        counted
            Whether this was one of the attempts that the task has.

        Returns
        -------
        bool
            False if this worker does not hold it any more.
        """
        parameters = {
            "number": number,
            "worker": worker,
            "seconds": seconds,
            "reason": reason,
            "returned": 0 if counted else 1,
            "channel": _CHANNEL,
        }
        with self._connection.cursor() as cursor:
            try:
                # Both statements at once are one transaction.
                cursor.execute(_AGAIN, parameters)
            except errors.UniqueViolation as error:
                if error.diag.constraint_name != QUEUEING_LOCK:
                    raise
            else:
                return cursor.fetchone() is not None
        # Work with the same queueing lock came into line meanwhile, and stands for this one.
        return self.finish(number, worker)

    def recover(self, lost_seconds: float) -> list[int] | None:
        """Put in line again what lost workers held.

        Parameters
        ----------
        lost_seconds
            Who was not heard of for so long is lost.

        Returns
        -------
        list of int or None
            The numbers; ``None`` if another worker is just at it.
        """
        with self._transaction(), self._connection.cursor() as cursor:
            if not self._may_care():
                return None
            cursor.execute(
                "SELECT procrastinate.procrastinate_prune_stalled_workers_v1(%s)", (lost_seconds,)
            )
            cursor.execute(
                "DELETE FROM epntap.worker WHERE seen < pg_catalog.clock_timestamp()"
                " - pg_catalog.make_interval(secs => %s)",
                (lost_seconds,),
            )
            cursor.execute(
                "SELECT id, queue_name FROM procrastinate.procrastinate_jobs"
                " WHERE status = 'doing' AND worker_id IS NULL FOR UPDATE SKIP LOCKED"
            )
            found = cursor.fetchall()
            for number, queue in found:
                self._recover_one(number, queue)
            return [number for number, _ in found]

    def reconcile(
        self, expected: Sequence[tuple[str, Callable[[Connection], Iterable[Work]]]]
    ) -> list[Work] | None:
        """Put in line what is missing there.

        Parameters
        ----------
        expected
            Name of each task, and what returns the work that its tables speak of.

        Returns
        -------
        list of Work or None
            What was missing; ``None`` if another worker is just at it.
        """
        missing = []
        # One snapshot for tables and queue: work that is put or ends meanwhile is in both or none.
        with self._transaction("BEGIN ISOLATION LEVEL REPEATABLE READ"):
            if not self._may_care():
                return None
            for task, read in expected:
                wanted = list(read(self._connection))
                if not wanted:
                    continue
                held = self._arguments_held(task)
                for work in wanted:
                    if _key(work.arguments) not in held:
                        put(self._connection, work)
                        missing.append(work)
        return missing

    def _may_care(self) -> bool:
        with self._connection.cursor() as cursor:
            cursor.execute("SELECT pg_catalog.pg_try_advisory_xact_lock(%s)", (_CARE_LOCK,))
            return bool(_only(cursor.fetchone()))

    def _recover_one(self, number: int, queue: str) -> None:
        parameters = {
            "number": number,
            "note": Json({"reason": "the worker was lost"}),
            "channel": _CHANNEL + queue,
        }
        with self._connection.cursor() as cursor:
            cursor.execute("SAVEPOINT epntap_recover")
            try:
                cursor.execute(_RECOVER, parameters)
            except errors.UniqueViolation as error:
                if error.diag.constraint_name != QUEUEING_LOCK:
                    raise
                # The work that came into line meanwhile stands for this one.
                cursor.execute("ROLLBACK TO SAVEPOINT epntap_recover")
                cursor.execute(
                    "SELECT procrastinate.procrastinate_finish_job_v1(%(number)s, 'failed', true)",
                    parameters,
                )

    def _arguments_held(self, task: str) -> frozenset[str]:
        """Return the arguments of all work of a task that is in line or being done."""
        with self._connection.cursor() as cursor:
            cursor.execute(
                "SELECT args -> 'arguments' FROM procrastinate.procrastinate_jobs"
                " WHERE task_name = %s AND status IN ('todo', 'doing')",
                (task,),
            )
            return frozenset(_key(arguments) for (arguments,) in cursor)

    @contextlib.contextmanager
    def _transaction(self, begin: str = "BEGIN") -> Iterator[None]:
        with self._connection.cursor() as cursor:
            cursor.execute(begin)
            try:
                yield
            except BaseException:
                if not self._connection.closed:
                    cursor.execute("ROLLBACK")
                raise
            cursor.execute("COMMIT")


def _key(arguments: Mapping[str, Any]) -> str:
    return json.dumps(dict(arguments), sort_keys=True)


def _only(row: tuple[Any, ...] | None) -> Any:
    if row is None:
        raise RuntimeError("a statement that always returns a row returned none")
    return row[0]

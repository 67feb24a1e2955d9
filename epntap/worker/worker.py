"""Taking work and doing it, through the loss of connections, servers and other workers.

One thread, that of `Worker.run`, speaks with the queue; the work itself runs in threads that hand
their outcome to it. What a worker holds it holds by its heartbeat: when that is not renewed for
``worker_seconds`` others put its work in line again, and what it says about it later is ignored.
"""

from __future__ import annotations

import contextlib
import logging
import os
import secrets
import socket
import threading
import time
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import psycopg2

from epntap.database import Database
from epntap.errors import DatabaseUnavailableError
from epntap.queue import URGENT, PhaseListener
from epntap.queue.items import Item, WorkerCard, WorkerUnknownError
from epntap.queue.taking import ANY_PRIORITY, Queue
from epntap.settings import Settings
from epntap.worker.running import Again, Outcome, describe, perform
from epntap.worker.task import Reconciling, Task, WorkContext

log = logging.getLogger(__name__)

#: Pauses before attempts to reconnect, in seconds; the last one for as long as it takes.
_PAUSES = (0.1, 0.25, 0.5, 1.0, 2.0)

#: Work whose time comes later is found by looking, this often.
_LOOK_SECONDS = 1.0

#: Work of a task that this worker does not know is left to others for so long.
_UNKNOWN_SECONDS = 30.0

#: So many heartbeats fall into the time after which a worker is taken for lost.
_BEATS = 3

#: What a worker that is told to stop gives the work that it does.
GRACE_SECONDS = 5.0


@dataclass(slots=True, eq=False)
class _Running:
    """Work in a thread of this worker; two may be of one number, when the first was lost."""

    item: Item
    task: Task
    stopping: threading.Event
    began: float = field(default_factory=time.monotonic)
    lost: bool = False


class Worker:
    """Does what stands in line, until it is stopped.

    Parameters
    ----------
    database
        Open; it outlives the worker.
    settings
        ``worker_seconds`` is read here; the tasks are handed all of it.
    tasks
        What it can do, see `epntap.worker.all_tasks`.
    queues
        The lines that it serves.
    concurrency
        How many works it does at the same time, each in a thread.
    reserved
        How many of these places are kept for work that is urgent (`epntap.queue.work.URGENT`), so
        that a query never waits for a long run to end.
    name
        How others see it; by default made of host, process and something random.
    phases
        The process's listener, if it has one already.
    """

    def __init__(
        self,
        database: Database,
        settings: Settings,
        tasks: Sequence[Task],
        *,
        queues: Sequence[str] = ("default",),
        concurrency: int = 2,
        reserved: int = 0,
        name: str | None = None,
        phases: PhaseListener | None = None,
    ) -> None:
        host, pid = socket.gethostname(), os.getpid()
        self.name = name or f"{host}:{pid}:{secrets.token_hex(3)}"
        self._card = WorkerCard(self.name, host, pid, tuple(queues), concurrency)
        self._common_places = concurrency - reserved
        self._database = database
        self._settings = settings
        self._tasks = {task.name: task for task in tasks}
        self._phases = phases or PhaseListener(database)
        self._owns_phases = phases is None
        self._number: int | None = None
        self._running: list[_Running] = []
        self._ended: deque[tuple[_Running, Outcome]] = deque()
        self._stop = threading.Event()
        self._leave_before = 0.0
        self._wake_read, self._wake_write = socket.socketpair()
        self._wake_read.setblocking(False)
        self._wake_write.setblocking(False)

    def run(self) -> None:
        """Work until `stop`; to be called once.

        A database that is away is waited for. Nothing that a task does ends the worker.
        """
        card = self._card
        log.info("worker %s serves %s", self.name, ", ".join(card.queues))
        failures = 0
        try:
            while True:
                try:
                    with self._connected() as queue:
                        failures = 0
                        self._serve(queue)
                        break
                except WorkerUnknownError:
                    log.warning("worker %s was taken for lost; it begins anew", self.name)
                    self._lose(frozenset())
                    self._number = None
                except (DatabaseUnavailableError, psycopg2.Error) as error:
                    failures += 1
                    log.log(
                        logging.WARNING if failures == 1 else logging.DEBUG,
                        "worker %s waits for the database: %s",
                        self.name,
                        describe(error),
                    )
                    if self._stop.is_set() and time.monotonic() > self._leave_before:
                        log.warning("worker %s leaves without a word to the others", self.name)
                        break
                    self._stop.wait(_PAUSES[min(failures, len(_PAUSES)) - 1])
        finally:
            if self._owns_phases:
                self._phases.close()
        log.info("worker %s has stopped", self.name)

    def stop(self, grace_seconds: float = GRACE_SECONDS) -> None:
        """Have `run` return, from any thread.

        Nothing new is taken. What runs is told so; what has not ended within `grace_seconds` is
        put in line again for others, and this worker's end of it counts no more.
        """
        if not self._stop.is_set():
            self._leave_before = time.monotonic() + grace_seconds
            self._stop.set()
        for running in tuple(self._running):
            running.stopping.set()
        self._wake()

    def _wake(self) -> None:
        # A full buffer wakes as well as one byte more would.
        with contextlib.suppress(BlockingIOError):
            self._wake_write.send(b"x")

    @contextlib.contextmanager
    def _connected(self) -> Iterator[Queue]:
        connection = self._database.open_publisher("epntap worker")
        try:
            yield Queue(
                connection,
                self._card,
                statement_seconds=max(1.0, self._settings.worker_seconds / _BEATS),
            )
        finally:
            connection.close()

    def _serve(self, queue: Queue) -> None:
        """Take and end work until `stop`, or until the connection breaks."""
        lost_seconds = self._settings.worker_seconds
        now = time.monotonic()
        beat = reconcile = now
        # Not at once: after the database was away every worker seems to be lost for a moment.
        recover = now + lost_seconds
        worker = self._number = queue.register() if self._number is None else self._number
        while not self._stop.is_set():
            if now >= beat:
                self._beat(queue, worker)
                beat = now + lost_seconds / _BEATS
            self._record(queue, worker)
            if now >= recover:
                self._recover(queue)
                recover = now + lost_seconds / _BEATS
            if now >= reconcile:
                self._reconcile(queue)
                reconcile = now + 2 * lost_seconds
            is_full = self._take(queue, worker)
            next_look = beat if is_full else min(beat, time.monotonic() + _LOOK_SECONDS)
            queue.wait(self._wake_read.fileno(), next_look - time.monotonic())
            self._drain()
            now = time.monotonic()
        self._leave(queue, worker)

    def _drain(self) -> None:
        with contextlib.suppress(BlockingIOError):
            self._wake_read.recv(4096)

    def _beat(self, queue: Queue, worker: int) -> None:
        held = queue.beat(worker, len(self._running))
        self._lose(held)
        # Taken by a statement whose answer never arrived.
        for number in held - {each.item.number for each in self._running if not each.lost}:
            queue.again(number, worker, seconds=0, reason="the connection broke", counted=False)

    def _lose(self, held: frozenset[int]) -> None:
        """Break off what this worker does not hold any more."""
        for running in self._running:
            if running.item.number not in held and not running.lost:
                running.lost = True
                running.stopping.set()

    def _take(self, queue: Queue, worker: int) -> bool:
        """Start what there is to do; return whether this worker does as much as it may."""
        while len(self._running) < self._card.concurrency:
            # Urgent work takes any place, so that the others may be full of it.
            calm = sum(not running.item.is_urgent for running in self._running)
            least = URGENT if calm >= self._common_places else ANY_PRIORITY
            item = queue.take(worker, least)
            if item is None:
                return False
            task = self._tasks.get(item.task)
            if task is None:
                log.warning("%s %d is unknown to this worker", item.task, item.number)
                reason = "a worker did not know the task"
                queue.again(
                    item.number, worker, seconds=_UNKNOWN_SECONDS, reason=reason, counted=False
                )
                continue
            running = _Running(item, task, threading.Event())
            self._running.append(running)
            name = f"{item.task} {item.number}"
            threading.Thread(target=self._perform, args=(running,), name=name, daemon=True).start()
        return True

    def _perform(self, running: _Running) -> None:
        """Do one work, in a thread of its own."""
        context = WorkContext(
            database=self._database,
            settings=self._settings,
            phases=self._phases,
            worker=self.name,
            attempt=running.item.attempt,
            stopping=running.stopping,
            job_id=running.item.number,
        )
        try:
            outcome = perform(running.task, running.item, context)
        except BaseException as error:
            # Such as SystemExit: it ends the thread, and must not keep its place for ever.
            log.exception("%s %d ended its thread", running.item.task, running.item.number)
            outcome = Again(0.0, describe(error), counted=True)
        self._ended.append((running, outcome))
        self._wake()

    def _record(self, queue: Queue, worker: int) -> None:
        """Tell the queue how works ended."""
        while self._ended:
            # Removed only when it is told: the connection may break meanwhile.
            running, outcome = self._ended[0]
            item = running.item
            took = time.monotonic() - running.began
            if running.lost:
                log.warning("%s %d was given to another worker", item.task, item.number)
            elif isinstance(outcome, Again):
                queue.again(
                    item.number,
                    worker,
                    seconds=outcome.seconds,
                    reason=outcome.reason,
                    counted=outcome.counted,
                )
                log.info("%s %d again: %s", item.task, item.number, outcome.reason)
            else:
                queue.finish(item.number, worker)
                end = "done" if outcome.given_up is None else f"given up: {outcome.given_up}"
                log.info("%s %d after %.3f s: %s", item.task, item.number, took, end)
            self._ended.popleft()
            self._running.remove(running)

    def _recover(self, queue: Queue) -> None:
        found = queue.recover(self._settings.worker_seconds)
        if found:
            log.warning("put in line again what lost workers held: %s", found)

    def _reconcile(self, queue: Queue) -> None:
        expected = [
            (name, task.orphans)
            for name, task in self._tasks.items()
            if isinstance(task, Reconciling)
        ]
        try:
            missing = queue.reconcile(expected)
        except (DatabaseUnavailableError, psycopg2.OperationalError, psycopg2.InterfaceError):
            raise
        except Exception:
            # A defect of one task must not keep the worker from its work.
            log.exception("what should be in line cannot be found out")
            return
        for work in missing or ():
            log.info("put in line what was missing: %s %s", work.task, dict(work.arguments))

    def _leave(self, queue: Queue, worker: int) -> None:
        """Wait a moment for what runs, give back the rest, and say good-bye."""
        for running in tuple(self._running):
            running.stopping.set()
        while self._running and time.monotonic() < self._leave_before:
            self._record(queue, worker)
            if self._running:
                queue.wait(self._wake_read.fileno(), self._leave_before - time.monotonic())
                self._drain()
        self._record(queue, worker)
        for running in self._running:
            if not running.lost:
                running.lost = True
                reason = "the worker was stopped"
                queue.again(running.item.number, worker, seconds=0, reason=reason, counted=False)
                log.info("%s %d is given back", running.item.task, running.item.number)
        queue.unregister(worker)

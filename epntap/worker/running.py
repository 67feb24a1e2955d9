"""One piece of work: run, and what becomes of it."""

from __future__ import annotations

import logging
from dataclasses import dataclass

import psycopg2
from psycopg2 import errors

from epntap.errors import DatabaseUnavailableError, UserError
from epntap.queue.items import Item
from epntap.worker.task import Task, TaskRetry, WorkContext

log = logging.getLogger(__name__)

#: Pause before the second attempt after the database went away, in seconds; then it doubles.
_FIRST_PAUSE = 1.0
_LONGEST_PAUSE = 60.0

#: Errors of psycopg2 that are no fault of the statement: it may do next time.
_PASSING = (
    psycopg2.InterfaceError,
    errors.AdminShutdown,
    errors.CrashShutdown,
    errors.CannotConnectNow,
    errors.DeadlockDetected,
    errors.SerializationFailure,
    errors.TooManyConnections,
)


@dataclass(frozen=True, slots=True)
class Done:
    """The work needs no more attempts: it was done, or given up."""

    given_up: str | None = None


@dataclass(frozen=True, slots=True)
class Again:
    """The work is to be put in line again.

    Attributes
    ----------
    seconds
        Not before so long from now.
    reason
        Why.
    counted
        Whether the attempt counts.
    """

    seconds: float
    reason: str
    counted: bool


Outcome = Done | Again


def perform(task: Task, item: Item, context: WorkContext) -> Outcome:
    """Run a task on an item, and give it up when its attempts are used up."""
    if item.tries > task.attempts:
        times = "once" if task.attempts == 1 else f"{task.attempts} times"
        reason = item.reason or "no reason is known"
        return _give_up(task, item, context, f"tried {times} without an end: {reason}")
    try:
        task.run(context, **item.arguments)
    except Exception as error:
        if context.stopping.is_set():
            # Whatever it was, it was broken off: the next worker begins anew.
            return Again(0.0, "the worker was stopped", counted=False)
        if isinstance(error, TaskRetry):
            seconds, reason = error.seconds, error.reason
        elif is_passing(error):
            seconds, reason = _pause(item.tries), describe(error)
            log.warning("%s is interrupted: %s", item.task, reason)
        else:
            log.exception("%s %s failed", item.task, dict(item.arguments))
            return _give_up(task, item, context, describe(error))
        if item.tries < task.attempts:
            return Again(seconds, reason, counted=True)
        return _give_up(task, item, context, reason)
    return Done()


def is_passing(error: BaseException) -> bool:
    """Whether an error says that the database was away or busy, and nothing about the work."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, (DatabaseUnavailableError, *_PASSING)):
            return True
        if isinstance(cause, psycopg2.OperationalError) and cause.pgcode is None:
            # The connection broke: no server was there any more to name a code.
            return True
        cause = cause.__cause__
    return False


def describe(error: BaseException) -> str:
    """Return an error in one line for people: with its kind, where it is a defect of ours."""
    text = " ".join(str(error).split())
    if isinstance(error, (UserError, TaskRetry, psycopg2.Error)):
        return text
    return f"{type(error).__name__}: {text}" if text else type(error).__name__


def _give_up(task: Task, item: Item, context: WorkContext, reason: str) -> Outcome:
    """Have the task record its failure; waits for a database that is away."""
    pause = _FIRST_PAUSE
    while True:
        try:
            task.given_up(context, reason, **item.arguments)
        except Exception as error:
            if not is_passing(error):
                # Only a defect comes here. The work leaves the queue all the same: it would come
                # back for ever. Whoever reconciles finds that its table still expects it.
                log.exception("%s %s cannot be given up", item.task, dict(item.arguments))
                return Done(given_up=reason)
            log.warning("%s waits for the database to be given up: %s", item.task, describe(error))
            if context.stopping.wait(pause):
                return Again(0.0, reason, counted=False)
            pause = min(2 * pause, _LONGEST_PAUSE)
        else:
            return Done(given_up=reason)


def _pause(tries: int) -> float:
    return float(min(_FIRST_PAUSE * 2 ** (tries - 1), _LONGEST_PAUSE))

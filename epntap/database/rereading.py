"""Reading again what could not be read because the database was just being changed."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import TypeVar

import psycopg2
import psycopg2.errors

log = logging.getLogger(__name__)

_T = TypeVar("_T")

#: So often is a reading tried before its error is believed.
_ATTEMPTS = 5

#: What ends a reading although nothing is wrong with it. A version may be dropped between being
#: looked up and being read; and a replica, which must replay that, cancels whoever stands in the
#: way ("canceling statement due to conflict with recovery", PostgreSQL manual, "Hot Standby").
_PASSING = (
    psycopg2.errors.UndefinedTable,
    psycopg2.errors.SerializationFailure,
    psycopg2.errors.DeadlockDetected,
    psycopg2.errors.LockNotAvailable,
)


def again(read: Callable[[], _T]) -> _T:
    """Read, and read again if that fails for a reason that passes.

    Parameters
    ----------
    read
        Reads, in a transaction of its own each time, and looks up anew what there is. Must not
        have given anything out when it raises one of these errors of PostgreSQL.

    Raises
    ------
    psycopg2.Error
        If it fails for another reason, or too often.
    """
    lost = False
    for _ in range(_ATTEMPTS - 1):
        try:
            return read()
        except _PASSING as error:
            log.info("read again: %s", error)
        except psycopg2.OperationalError as error:
            # A replica may also end the connection of whoever stands in its way, and leaves no
            # time to say why. Once only: a statement may be what brings a server down.
            if lost or error.pgcode is not None:
                raise
            lost = True
            log.info("read again on another connection: %s", error)
    return read()

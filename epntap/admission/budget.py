"""What a client may use up in an hour: of bytes, or of the time of queries."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass

from epntap.errors import OverloadedError

_HOUR = 3600.0

#: Accounts of more clients than this are looked through for those that can be closed.
_MANY_ACCOUNTS = 1000


@dataclass(slots=True)
class _Account:
    used: float
    at: float


class Budget:
    """A quantity that each client may use so much of in an hour.

    What was used is forgotten evenly, at the rate that uses the budget up within an hour. It is
    looked at before a query begins and counted as the query goes on; so the last query before the
    limit may exceed it.

    Parameters
    ----------
    hourly
        How much; 0 is no limit.
    what
        The quantity, for messages: ``bytes``.
    clock
        Seconds that only grow.
    """

    def __init__(
        self, hourly: float, what: str, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._hourly = hourly
        self._what = what
        self._clock = clock
        self._accounts: dict[str, _Account] = {}

    def check(self, client: str) -> None:
        """See that a client has something left.

        Raises
        ------
        OverloadedError
            If not; it says when there will be a hundredth of the budget.
        """
        if not self._hourly:
            return
        used = self._used(client, self._clock())
        if used < self._hourly:
            return
        enough = used - 0.99 * self._hourly
        raise OverloadedError(
            f"your address has used the {self._hourly:.0f} {self._what} of an hour",
            hint="try again later",
            retry_after=math.ceil(enough / self._hourly * _HOUR),
        )

    def spend(self, client: str, amount: float) -> None:
        """Count what a client has used."""
        if not self._hourly:
            return
        now = self._clock()
        self._accounts[client] = _Account(self._used(client, now) + amount, now)
        if len(self._accounts) > _MANY_ACCOUNTS:
            self._close_accounts(now)

    def _used(self, client: str, now: float) -> float:
        account = self._accounts.get(client)
        if account is None:
            return 0.0
        return max(0.0, account.used - (now - account.at) * self._hourly / _HOUR)

    def _close_accounts(self, now: float) -> None:
        for client in list(self._accounts):
            if not self._used(client, now):
                del self._accounts[client]

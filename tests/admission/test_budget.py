"""What a client may use up in an hour."""

from __future__ import annotations

import pytest

from epntap.admission import Budget
from epntap.errors import OverloadedError


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


def test_a_client_that_has_used_its_hour_up_is_refused_and_told_when_to_come_back():
    clock = Clock()
    budget = Budget(1000, "bytes", clock)
    budget.spend("a", 999)
    budget.check("a")
    budget.spend("a", 501)
    with pytest.raises(OverloadedError, match="the 1000 bytes of an hour") as error:
        budget.check("a")
    budget.check("b")
    clock.now += error.value.retry_after
    budget.check("a")
    budget.spend("a", 1000)
    clock.now += 1800
    with pytest.raises(OverloadedError):
        budget.check("a")
    clock.now += 3600
    budget.check("a")


def test_zero_is_no_limit():
    budget = Budget(0, "bytes")
    budget.spend("a", 1e15)
    budget.check("a")


def test_accounts_of_clients_that_are_long_gone_are_closed():
    clock = Clock()
    budget = Budget(10, "bytes", clock)
    for number in range(1000):
        budget.spend(f"old {number}", 1)
    clock.now += 3601
    for number in range(3):
        budget.spend(f"new {number}", 1)
    assert len(budget._accounts) == 3

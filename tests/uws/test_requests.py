"""What clients say to a job list, read."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.requests import Request

from epntap.tap.errors import RequestError
from epntap.uws.clients import own_address
from epntap.uws.jobs import JobFilter, Phase, replaced
from epntap.uws.requests import (
    LONGEST_WAIT_SECONDS,
    Waiting,
    read_filter,
    read_seconds,
    read_time,
    read_waiting,
    submission,
)
from epntap.uws.times import time_text

TIMES = st.datetimes(
    min_value=datetime(1900, 1, 1), max_value=datetime(2900, 1, 1), timezones=st.just(UTC)
)
TEXTS = st.text(max_size=30)
PAIRS = st.lists(st.tuples(st.sampled_from(["QUERY", "query", "Lang", "X", "upload"]), TEXTS))


def attempt(read: Callable[[], Any]) -> Any:
    """Return what is read, or why it is refused."""
    try:
        return read()
    except RequestError as error:
        return error


@given(TIMES)
def test_a_time_that_was_written_is_read_again(time):
    whole = time.replace(microsecond=time.microsecond // 1000 * 1000)
    assert read_time("AFTER", time_text(whole)) == whole
    assert time_text(whole).endswith("Z")


@given(TIMES, st.timedeltas(min_value=-timedelta(hours=14), max_value=timedelta(hours=14)))
def test_a_time_in_a_zone_is_the_same_instant(time, offset):
    minutes = int(offset.total_seconds() // 60)
    sign, (hours, rest) = "-" if minutes < 0 else "+", divmod(abs(minutes), 60)
    local = time.replace(tzinfo=None) + timedelta(minutes=minutes)
    assert read_time("AFTER", f"{local.isoformat()}{sign}{hours:02}:{rest:02}") == time
    assert read_time("AFTER", time.replace(tzinfo=None).isoformat()) == time


@given(TEXTS)
def test_any_text_is_a_time_or_refused(text):
    found = attempt(lambda: read_time("AFTER", text))
    assert found.status == 400 if isinstance(found, RequestError) else found.tzinfo is UTC


@given(TEXTS)
def test_any_text_is_a_number_of_seconds_or_refused(text):
    found = attempt(lambda: read_seconds(text))
    assert "EXECUTIONDURATION" in str(found) if isinstance(found, RequestError) else found >= 0
    for digits in ("007", " 7 "):
        assert read_seconds(digits) == 7


@given(PAIRS, PAIRS)
def test_parameters_are_replaced_by_name_and_keep_their_order(old, new):
    found = replaced(tuple(old), new)
    names = {name.upper() for name, _ in new}
    assert [pair for pair in found if pair[0].upper() in names] == new
    assert [pair for pair in found if pair[0].upper() not in names] == [
        pair for pair in old if pair[0].upper() not in names
    ]


@given(PAIRS)
def test_parameters_that_are_not_those_of_uws_belong_to_the_job(pairs):
    pairs = [(name, value.replace("\0", "")) for name, value in pairs]
    asked = submission(
        [("phase", "run"), *pairs, ("ExecutionDuration", "5"), ("RUNID", "mine")], {}
    )
    assert list(asked.parameters) == [*pairs, ("RUNID", "mine")]
    assert (asked.run, asked.execution_seconds, asked.run_id) == (True, 5, "mine")


def test_conditions_of_a_list_are_combined():
    found = read_filter(
        [
            ("phase", "executing"),
            ("PHASE", "ARCHIVED"),
            ("AFTER", "2024-01-01"),
            ("after", "2025-01-01T00:00:00Z"),
            ("LAST", "7"),
            ("last", "9"),
            ("other", "x"),
        ]
    )
    assert found == JobFilter(
        frozenset({"EXECUTING", "ARCHIVED"}), datetime(2025, 1, 1, tzinfo=UTC), 7
    )


@pytest.mark.parametrize(
    ("pairs", "expected"),
    [
        ([], None),
        ([("PHASE", "QUEUED")], None),
        ([("wait", "5")], Waiting(5.0, None)),
        ([("WAIT", "-1")], Waiting(LONGEST_WAIT_SECONDS, None)),
        ([("WAIT", "1000000000000")], Waiting(LONGEST_WAIT_SECONDS, None)),
        ([("WAIT", "5"), ("PHASE", "queued")], Waiting(5.0, Phase.QUEUED)),
        ([("WAIT", "5"), ("PHASE", "HELD")], Waiting(0.0, None)),
    ],
)
def test_how_long_a_client_waits(pairs, expected):
    assert read_waiting(pairs) == expected


def request(address: str, **headers: str) -> Request:
    raw = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    return Request({"type": "http", "headers": raw, "client": (address, 1)})


def test_only_an_address_of_ones_own_tells_whose_jobs_they_are():
    assert own_address(request("192.0.2.7")) == "192.0.2.7"
    # A trusted proxy: the server has put the client's address in place of the proxy's.
    assert own_address(request("192.0.2.7", x_forwarded_for="192.0.2.7, 10.0.0.1")) == "192.0.2.7"
    assert own_address(request("10.0.0.1", x_forwarded_for="192.0.2.7")) is None
    assert own_address(request("10.0.0.1", via="1.1 proxy")) is None
    assert own_address(Request({"type": "http", "headers": [], "client": None})) is None

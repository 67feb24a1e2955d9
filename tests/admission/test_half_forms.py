"""Requests of which only a half comes: they hold no place that others want."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack

import httpx

from epntap.settings import Settings

from .conftest import SHORT, connect

_HALF = (
    b"POST /tap/sync HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-www-form-urlencoded\r\n"
    b"Content-Length: 900\r\n\r\nQUERY="
)


def test_forms_that_never_come_whole_keep_nobody_out(serving: Callable[..., Settings]) -> None:
    # A place comes free a moment after the answer is there.
    here = serving(connections=2, waiting_seconds=5.0)
    with ExitStack() as opened:
        for number in range(6):
            half = opened.enter_context(connect(here, f"127.0.0.{10 + number}"))
            half.sendall(_HALF)
        with httpx.Client(base_url=here.url) as client:
            answers = [client.post("/tap/sync", data={"QUERY": SHORT}) for _ in range(5)]
    assert [answer.status_code for answer in answers] == [200] * 5

"""The event loop of Python and that of the extra ``[fast]``: clients see no difference."""

from __future__ import annotations

from collections.abc import Callable

import httpx
import pytest

from epntap.database import Database
from epntap.settings import Settings

from .conftest import SHORT, TORRENT, connect, request, wait_until


@pytest.fixture(params=["asyncio", "uvloop"])
def loop(request: pytest.FixtureRequest) -> str:
    pytest.importorskip(request.param)
    return str(request.param)


def test_a_client_that_reads_nothing_is_cut_off_in_either_loop(
    serving: Callable[..., Settings], database: Database, loop: str
) -> None:
    here = serving(loop, stall_seconds=1.0)
    with connect(here) as made:
        made.sendall(request(TORRENT, MAXREC="20000000"))
        assert made.recv(64).startswith(b"HTTP/1.1 200")
        assert wait_until(lambda: database.queries_running == 0, 20)
    with httpx.Client(base_url=here.url) as client:
        assert client.post("/tap/sync", data={"QUERY": SHORT}).status_code == 200


def test_a_client_that_goes_away_ends_its_query_in_either_loop(
    serving: Callable[..., Settings], database: Database, loop: str
) -> None:
    here = serving(loop)
    with connect(here) as made:
        made.sendall(request(TORRENT, MAXREC="20000000"))
        assert made.recv(64).startswith(b"HTTP/1.1 200")
    assert wait_until(lambda: database.queries_running == 0, 20)


def test_a_large_result_is_the_same_in_either_loop(
    serving: Callable[..., Settings], loop: str
) -> None:
    here = serving(loop)
    form = {"QUERY": TORRENT, "MAXREC": "30000", "FORMAT": "csv"}
    with httpx.Client(base_url=here.url, timeout=60) as client:
        whole = client.post("/tap/sync", data=form).text
        again = client.post("/tap/sync", data=form).text
    assert whole == again
    assert len(whole.splitlines()) == 30_001

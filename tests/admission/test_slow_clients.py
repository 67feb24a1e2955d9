"""Clients that do not read, or write, or are not there any more: sockets, not mocks."""

from __future__ import annotations

import logging
import socket
import struct
import time
from collections.abc import Callable

import httpx
import pytest

from epntap.admission import Patience
from epntap.admission.patience import Stretch
from epntap.database import Database
from epntap.settings import Settings

from .conftest import SHORT, TORRENT, answer_of, connect, request, wait_until


def is_cut_off(made: socket.socket, seconds: float = 20) -> bool:
    """Wait for the other side's end of a connection, reading nothing that matters."""
    made.settimeout(seconds)
    try:
        while made.recv(65536):
            pass
    except (ConnectionResetError, BrokenPipeError):
        return True
    except TimeoutError:
        return False
    return True


def begin_download(here: Settings, database: Database) -> socket.socket:
    made = connect(here)
    made.sendall(request(TORRENT, MAXREC="20000000"))
    assert made.recv(64).startswith(b"HTTP/1.1 200")
    assert database.queries_running == 1
    return made


def test_a_client_that_reads_nothing_loses_its_query(
    serving: Callable[..., Settings], database: Database
) -> None:
    here = serving(stall_seconds=1.0)
    with begin_download(here, database):
        assert wait_until(lambda: database.queries_running == 0, 20)
    with httpx.Client(base_url=here.url) as client:
        assert client.post("/tap/sync", data={"QUERY": SHORT}).status_code == 200


def test_a_client_that_reads_a_kilobyte_a_second_loses_its_query(
    serving: Callable[..., Settings], database: Database
) -> None:
    here = serving(stall_seconds=2.0, stall_rate=50_000)
    with begin_download(here, database) as made:

        def read_little() -> bool:
            time.sleep(0.1)
            return not made.recv(100) or database.queries_running == 0

        made.settimeout(30)
        try:
            assert wait_until(read_little, 40)
        except ConnectionResetError:
            pass
        assert wait_until(lambda: database.queries_running == 0, 5)


def test_a_client_that_is_slow_but_fast_enough_keeps_its_query(
    serving: Callable[..., Settings], database: Database
) -> None:
    here = serving(stall_seconds=1.0, stall_rate=1000)
    with begin_download(here, database) as made:
        end = time.monotonic() + 5
        while time.monotonic() < end:
            assert made.recv(100_000)
            time.sleep(0.02)
        assert database.queries_running == 1
    assert wait_until(lambda: database.queries_running == 0, 5)


def test_an_answer_that_is_never_taken_does_not_hold_its_connection(
    serving: Callable[..., Settings], database: Database
) -> None:
    """The last part of an answer waits in the server after the query has ended."""
    here = serving(stall_seconds=1.0)
    made = connect(here)
    with made:
        # Pipelined, so that there is more than the system's buffers take.
        for _ in range(200):
            made.sendall(b"GET /tap/tables HTTP/1.1\r\nHost: x\r\n\r\n")
        time.sleep(4)
        received = 0
        made.settimeout(10)
        try:
            while piece := made.recv(1 << 20):
                received += len(piece)
        except ConnectionResetError:
            pass
        except TimeoutError:
            pytest.fail("the server still waits")


@pytest.mark.parametrize(
    "beginning",
    [b"", b"POST /tap/sync HTTP/1.1\r\nHost: x\r\nX-Slow: ", b"GET /tap/av"],
    ids=["nothing", "a header", "a path"],
)
def test_a_request_that_never_becomes_whole_ends_its_connection(
    serving: Callable[..., Settings], beginning: bytes
) -> None:
    here = serving(stall_seconds=1.0)
    with connect(here) as made:
        made.sendall(beginning)
        assert is_cut_off(made)


def test_headers_that_trickle_in_end_their_connection(serving: Callable[..., Settings]) -> None:
    here = serving(stall_seconds=1.0)
    with connect(here) as made:
        made.sendall(b"GET /tap/availability HTTP/1.1\r\nHost: x\r\n")

        def trickle() -> bool:
            time.sleep(0.1)
            try:
                made.sendall(b"X-A: b\r\n")
            except (ConnectionResetError, BrokenPipeError):
                return True
            return False

        assert wait_until(trickle, 20)


def test_a_head_without_end_is_refused(serving: Callable[..., Settings]) -> None:
    here = serving()
    with connect(here) as made:
        made.sendall(b"GET /tap/availability HTTP/1.1\r\nHost: x\r\n")
        line = b"X-Long: " + b"a" * 100_000 + b"\r\n"
        try:
            for _ in range(100):
                made.sendall(line)
        except (ConnectionResetError, BrokenPipeError):
            return
        assert answer_of(made).startswith(b"HTTP/1.1 400")


@pytest.mark.parametrize(
    ("kind", "beginning"),
    [
        ("application/x-www-form-urlencoded", b"QUERY="),
        ("multipart/form-data", b"--b\r\nContent-Disposition: form-data"),
    ],
    ids=["form", "upload"],
)
def test_a_body_that_does_not_come_is_given_up_and_its_place_comes_free(
    serving: Callable[..., Settings], kind: str, beginning: bytes
) -> None:
    here = serving(stall_seconds=1.0, connections=2, client_queries=1, waiting_seconds=0.0)
    head = (
        f"POST /tap/sync HTTP/1.1\r\nHost: x\r\nContent-Type: {kind}; boundary=b\r\n"
        "Content-Length: 1000\r\n\r\n"
    )
    with connect(here) as made:
        made.sendall(head.encode() + beginning)
        answer = answer_of(made)
    assert answer.startswith(b"HTTP/1.1 408")
    assert b"too slowly" in answer
    assert b'value="ERROR"' in answer
    with httpx.Client(base_url=here.url) as client:
        assert client.post("/tap/sync", data={"QUERY": SHORT}).status_code == 200


def test_a_body_that_trickles_in_is_given_up(serving: Callable[..., Settings]) -> None:
    here = serving(stall_seconds=1.0, stall_rate=1000)
    head = (
        b"POST /tap/sync HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n"
        b"Content-Type: application/x-www-form-urlencoded\r\n\r\n"
    )
    with connect(here) as made:
        made.sendall(head)
        made.setblocking(False)

        def trickle() -> bool:
            made.send(b"Q")
            time.sleep(0.05)
            try:
                return made.recv(12) == b"HTTP/1.1 408"
            except BlockingIOError:
                return False

        assert wait_until(trickle, 20)


def test_a_body_that_comes_slowly_but_fast_enough_is_read(
    serving: Callable[..., Settings],
) -> None:
    here = serving(stall_seconds=0.5, stall_rate=10)
    whole = request(SHORT)
    with connect(here) as made:
        cut = whole.index(b"\r\n\r\n") + 4
        made.sendall(whole[:cut])
        for i in range(cut, len(whole), 5):
            made.sendall(whole[i : i + 5])
            time.sleep(0.1)
        assert answer_of(made).startswith(b"HTTP/1.1 200")


def test_a_keep_alive_connection_serves_one_request_after_the_other(
    serving: Callable[..., Settings],
) -> None:
    """The limit for a head begins anew with each request."""
    here = serving(stall_seconds=1.0)
    with connect(here) as made:
        for _ in range(5):
            made.sendall(request(SHORT))
            assert answer_of(made).startswith(b"HTTP/1.1 200")
            time.sleep(0.5)


def test_a_client_that_vanishes_without_a_word_is_noticed(
    serving: Callable[..., Settings], database: Database
) -> None:
    """A reset is what a machine that was switched off and on answers to probes."""
    here = serving(stall_seconds=1.0)
    made = begin_download(here, database)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    made.close()
    assert wait_until(lambda: database.queries_running == 0, 10)


def test_a_client_that_goes_away_while_it_sends_leaves_no_traceback(
    serving: Callable[..., Settings], caplog: pytest.LogCaptureFixture
) -> None:
    here = serving(stall_seconds=5.0)
    server_log = logging.getLogger("uvicorn.error")
    server_log.addHandler(caplog.handler)
    whole = request(SHORT)
    with connect(here) as made:
        made.sendall(whole[:-1])
        time.sleep(0.3)
    with connect(here) as made:
        made.sendall(whole)
        assert answer_of(made).startswith(b"HTTP/1.1 200")
    server_log.removeHandler(caplog.handler)
    assert not [record for record in caplog.records if record.exc_info]


def test_stretches_of_waiting_are_judged_one_by_one() -> None:
    stretch = Stretch(Patience(seconds=10, rate=100), now=0, moved=0)
    assert not stretch.is_failed(9.9, 0)
    assert not stretch.is_failed(10, 1000)
    # What was moved early does not count for later.
    assert not stretch.is_failed(15, 1_000_000)
    assert not stretch.is_failed(20, 1_000_000)
    assert stretch.is_failed(30, 1_000_999)
    any_byte = Stretch(Patience(seconds=10, rate=0), now=0, moved=5)
    assert not any_byte.is_failed(10, 6)
    assert any_byte.is_failed(20, 6)

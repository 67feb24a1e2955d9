"""A full server: who is refused, how, how fast, and what is answered nevertheless."""

from __future__ import annotations

import io
import time
from collections.abc import Callable

import httpx
import pytest
from astropy.io.votable import parse

from epntap.database import Database
from epntap.settings import Settings

from .conftest import ENDLESS, SHORT, TORRENT, answer_of, connect, request, wait_until


def client_of(settings: Settings, address: str = "127.0.0.1") -> httpx.Client:
    transport = httpx.HTTPTransport(local_address=address)
    return httpx.Client(base_url=settings.url, transport=transport, timeout=60)


def error_of(answer: httpx.Response) -> str:
    infos = parse(io.BytesIO(answer.content)).resources[0].infos
    (status,) = [info for info in infos if info.name == "QUERY_STATUS"]
    assert status.value == "ERROR"
    return status.content


def test_a_query_too_many_is_refused_at_once_as_a_votable_that_says_when_to_come_back(
    serving: Callable[..., Settings], database: Database
) -> None:
    here = serving(connections=2, client_queries=1, waiting_seconds=0.0)
    with connect(here) as first, connect(here, "127.0.0.2") as second:
        for one in (first, second):
            one.sendall(request(ENDLESS))
        assert wait_until(lambda: database.queries_running == 2, 10)
        with client_of(here, "127.0.0.3") as client:
            answer = client.post("/tap/sync", data={"QUERY": SHORT})
        assert answer.status_code == 503
        assert int(answer.headers["retry-after"]) >= 1
        assert "limit of 2 queries" in error_of(answer)
        with client_of(here) as client:
            answer = client.post("/tap/sync", data={"QUERY": SHORT})
        assert "your address is at its limit of 1 queries" in error_of(answer)
    assert wait_until(lambda: database.queries_running == 0, 5)
    with client_of(here) as client:
        assert client.post("/tap/sync", data={"QUERY": SHORT}).status_code == 200


def test_one_client_cannot_take_all_places(
    serving: Callable[..., Settings], database: Database
) -> None:
    here = serving(connections=4, waiting_seconds=0.2)
    greedy = [connect(here) for _ in range(6)]
    try:
        for one in greedy:
            one.sendall(request(ENDLESS))
        # Two are let in; the others hear that they are too many.
        refused = [answer_of(one) for one in greedy[2:]]
        assert all(answer.startswith(b"HTTP/1.1 503") for answer in refused)
        with client_of(here, "127.0.0.2") as client:
            assert client.post("/tap/sync", data={"QUERY": SHORT}).status_code == 200
    finally:
        for one in greedy:
            one.close()
    assert wait_until(lambda: database.queries_running == 0, 5)


def test_many_short_queries_wait_their_turn_and_are_all_answered(
    serving: Callable[..., Settings],
) -> None:
    here = serving(connections=2, waiting_seconds=30.0)
    clients = [connect(here) for _ in range(24)]
    for one in clients:
        one.sendall(request(SHORT))
    answers = [answer_of(one) for one in clients]
    for one in clients:
        one.close()
    assert all(answer.startswith(b"HTTP/1.1 200") for answer in answers)


def test_an_upload_is_refused_before_it_is_sent(
    serving: Callable[..., Settings], database: Database
) -> None:
    here = serving(connections=2, client_queries=1, waiting_seconds=0.0)
    head = (
        b"POST /tap/sync HTTP/1.1\r\nHost: x\r\nContent-Type: multipart/form-data; boundary=b\r\n"
        b"Content-Length: 64000000\r\n\r\n"
    )
    with connect(here) as busy, connect(here) as uploading:
        busy.sendall(request(ENDLESS))
        assert wait_until(lambda: database.queries_running == 1, 10)
        uploading.sendall(head)
        # Not a byte of the body has been sent.
        assert answer_of(uploading).startswith(b"HTTP/1.1 503")
    assert wait_until(lambda: database.queries_running == 0, 5)


def test_a_client_that_sends_its_whole_upload_first_still_hears_why_it_is_refused(
    serving: Callable[..., Settings], database: Database
) -> None:
    here = serving(connections=2, client_queries=1, waiting_seconds=0.0)
    with connect(here) as busy, client_of(here) as client:
        busy.sendall(request(ENDLESS))
        assert wait_until(lambda: database.queries_running == 1, 10)
        answer = client.post(
            "/tap/sync",
            data={"QUERY": "SELECT * FROM TAP_UPLOAD.t", "UPLOAD": "t,param:x"},
            files={"x": b" " * 8_000_000},
        )
        assert answer.status_code == 503
        assert "your address is at its limit" in error_of(answer)
        # The connection has outlived it.
        assert client.get("/tap/availability").status_code == 200


def test_queries_with_uploads_have_fewer_places(serving: Callable[..., Settings]) -> None:
    here = serving(connections=8, waiting_seconds=0.0)
    head = (
        b"POST /tap/sync HTTP/1.1\r\nHost: x\r\nContent-Type: multipart/form-data; boundary=b\r\n"
        b"Content-Length: 64000000\r\n\r\n"
    )
    with connect(here) as first, connect(here) as second, client_of(here) as client:
        first.sendall(head)
        time.sleep(0.2)
        second.sendall(head)
        assert b"your address is at its limit of 1 queries with uploads" in answer_of(second)
        assert client.post("/tap/sync", data={"QUERY": SHORT}).status_code == 200


@pytest.mark.parametrize("trusted", [("127.0.0.1",), ("10.0.0.0/8",)])
def test_an_address_told_by_a_proxy_counts_if_the_proxy_is_trusted(
    serving: Callable[..., Settings], database: Database, trusted: tuple[str, ...]
) -> None:
    here = serving(connections=4, client_queries=1, waiting_seconds=0.0, trusted_proxies=trusted)
    with connect(here) as busy, client_of(here) as client:
        told = {"X-Forwarded-For": "198.51.100.1, 192.0.2.1"}
        busy.sendall(
            request(ENDLESS).replace(
                b"Host: x", b"Host: x\r\nX-Forwarded-For: 203.0.113.9, 192.0.2.1"
            )
        )
        assert wait_until(lambda: database.queries_running == 1, 10)
        # What stands before the address that the proxy saw is the client's own invention.
        same = client.post("/tap/sync", data={"QUERY": SHORT}, headers=told)
        other = client.post(
            "/tap/sync", data={"QUERY": SHORT}, headers={"X-Forwarded-For": "192.0.2.2"}
        )
        assert same.status_code == 503
        assert other.status_code == (200 if trusted == ("127.0.0.1",) else 503)


def test_a_client_that_has_used_its_hour_up_is_refused(serving: Callable[..., Settings]) -> None:
    here = serving(client_hour_bytes=3000)
    with client_of(here) as client, client_of(here, "127.0.0.2") as other:
        answers = [client.post("/tap/sync", data={"QUERY": SHORT}) for _ in range(9)]
        assert answers[0].status_code == 200
        assert "bytes of an hour" in error_of(answers[-1])
        assert int(answers[-1].headers["retry-after"]) > 10
        assert other.post("/tap/sync", data={"QUERY": SHORT}).status_code == 200


def test_a_result_with_too_many_bytes_is_closed_with_the_reason(
    serving: Callable[..., Settings],
) -> None:
    here = serving(result_bytes=1_000_000)
    with client_of(here) as client:
        answer = client.post("/tap/sync", data={"QUERY": TORRENT, "MAXREC": "5000000"})
        assert answer.status_code == 200
        assert len(answer.content) < 3_000_000
        last = parse(io.BytesIO(answer.content)).resources[0].infos[-1]
        assert (last.name, last.value) == ("QUERY_STATUS", "ERROR")
        assert "more than the 1000000 bytes" in last.content
        with pytest.raises(httpx.RemoteProtocolError):
            client.post(
                "/tap/sync",
                data={"QUERY": TORRENT, "MAXREC": "5000000", "RESPONSEFORMAT": "csv"},
            )


def test_what_monitors_ask_is_answered_while_all_places_are_taken(
    serving: Callable[..., Settings], database: Database
) -> None:
    here = serving(connections=6, waiting_seconds=0.0)
    busy = [connect(here, f"127.0.0.{2 + i // 2}") for i in range(6)]
    try:
        for i, one in enumerate(busy):
            one.sendall(request(TORRENT if i % 2 else ENDLESS, MAXREC="20000000"))
        assert wait_until(lambda: database.queries_running == 6, 10)
        with client_of(here) as client:
            assert client.post("/tap/sync", data={"QUERY": SHORT}).status_code == 503
            for path in ("availability", "capabilities", "tables"):
                assert client.get(f"/tap/{path}").status_code == 200
            assert "<available>true</available>" in client.get("/tap/availability").text
            seconds = []
            for _ in range(20):
                begin = time.monotonic()
                client.get("/tap/availability")
                seconds.append(time.monotonic() - begin)
            # Far below the seconds that one waited for a connection; docs/limits.md has figures.
            assert sorted(seconds)[10] < 0.5
    finally:
        for one in busy:
            one.close()
    assert wait_until(lambda: database.queries_running == 0, 5)

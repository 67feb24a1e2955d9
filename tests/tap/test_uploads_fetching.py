"""Uploads at URLs: from public addresses only, whatever names and redirects say."""

from __future__ import annotations

import gzip
import ipaddress
import socket
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from epntap.errors import UserError
from epntap.formats import negotiate
from epntap.settings import Settings, read_settings
from epntap.tap.parameters import QueryRequest
from epntap.tap.query import Cancelled, QueryRun, TableSets
from epntap.tap.uploads import RemoteSource, Upload, UploadError, UploadPolicy, declared_uploads
from epntap.tap.uploads.addresses import is_allowed
from epntap.tap.uploads.fetching import fetch

LOOPBACK = (ipaddress.ip_network("127.0.0.0/8"),)
POLICY = UploadPolicy(rows=1000, size=1_000_000, remote=True, seconds=5, networks=LOOPBACK)

TABLE = (
    b'<VOTABLE version="1.4"><RESOURCE><TABLE><FIELD name="a" datatype="int"/><DATA><TABLEDATA>'
    b"<TR><TD>42</TD></TR></TABLEDATA></DATA></TABLE></RESOURCE></VOTABLE>"
)


class Site(ThreadingHTTPServer):
    """A server whose answers are given by path; remembers what it was asked."""

    daemon_threads = True

    def __init__(self) -> None:
        self.answers: dict[str, Callable[[BaseHTTPRequestHandler], None]] = {}
        self.asked: list[tuple[str, str]] = []
        super().__init__(("127.0.0.1", 0), _Handler)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"

    @property
    def port(self) -> int:
        return int(self.server_address[1])

    def say(self, path: str, body: bytes, status: int = 200, **headers: str) -> None:
        def answer(handler: BaseHTTPRequestHandler) -> None:
            handler.send_response(status)
            for name, value in headers.items():
                handler.send_header(name.replace("_", "-"), value)
            handler.send_header("Content-Length", str(len(body)))
            handler.end_headers()
            handler.wfile.write(body)

        self.answers[path] = answer


class _Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        site: Any = self.server
        site.asked.append((self.path, self.headers["Host"]))
        try:
            site.answers[self.path](self)
        except (BrokenPipeError, ConnectionResetError):
            self.close_connection = True

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def site() -> Iterator[Site]:
    with Site() as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
        thread.start()
        yield server
        server.shutdown()


def never() -> None:
    """Nobody loses patience."""


def get(url: str, policy: UploadPolicy = POLICY, check: Callable[[], None] = never) -> bytes:
    with fetch("mine", url, policy, check) as file:
        return file.read()


def point_to(monkeypatch: pytest.MonkeyPatch, *answers: list[str]) -> list[str]:
    """Make every name resolve to these addresses, one answer after the other."""
    asked: list[str] = []
    real = socket.getaddrinfo

    def resolve(host: str, port: int, *more: Any, **options: Any) -> Any:
        if host.replace(".", "").isdigit():
            return real(host, port, *more, **options)
        asked.append(host)
        addresses = answers[min(len(asked), len(answers)) - 1]
        return [
            (socket.AF_INET6 if ":" in a else socket.AF_INET, socket.SOCK_STREAM, 6, "", (a, port))
            for a in addresses
        ]

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    return asked


def test_a_table_is_fetched_and_queried(site, database):
    site.say("/t.vot?x=1;y=2", gzip.compress(TABLE))
    written: list[bytes] = []

    def write(piece: bytes, *, last: bool) -> None:
        written.append(piece)

    request = QueryRequest(
        "SELECT a + 1 AS b FROM TAP_UPLOAD.mine",
        10,
        negotiate("csv"),
        uploads=(Upload("mine", RemoteSource(f"{site.url}/t.vot?x=1;y=2")),),
    )
    QueryRun(database, TableSets(database), request, write, POLICY).run()
    assert b"".join(written).split() == [b"b", b"43"]


FORBIDDEN = [
    "127.0.0.1", "127.9.9.9", "0.0.0.0", "10.1.2.3", "172.16.0.1", "172.31.255.255",
    "192.168.1.1", "169.254.169.254", "100.64.0.1", "198.18.0.1", "192.0.2.1", "224.0.0.1",
    "239.1.1.1", "240.0.0.1", "255.255.255.255", "::", "::1", "fe80::1", "fe80::1%eth0", "fc00::1",
    "fd12:3456::1", "fec0::1", "ff02::1", "2001:db8::1", "::ffff:127.0.0.1", "::ffff:10.0.0.1",
    "::127.0.0.1", "64:ff9b::7f00:1", "64:ff9b::a00:1", "64:ff9b:1::a9fe:a9fe", "2002:7f00:1::1",
    "2002:c0a8:101::1", "2001:0:7f00:1::",
]  # fmt: skip


@pytest.mark.parametrize("address", FORBIDDEN)
def test_an_address_that_is_not_public_is_refused(address, monkeypatch):
    assert not is_allowed(address, ())
    point_to(monkeypatch, [address])
    with pytest.raises(UploadError, match="is not a public address") as refused:
        get("http://archive.example/t.vot", replace(POLICY, networks=()))
    assert refused.value.status == 403


@pytest.mark.parametrize(
    "address", ["93.184.216.34", "1.1.1.1", "2606:4700::1111", "64:ff9b::101:101"]
)
def test_a_public_address_is_allowed(address):
    assert is_allowed(address, ())


@given(st.ip_addresses(v=4))
def test_ipv4_within_ipv6_is_judged_as_ipv4(address):
    if not is_allowed(str(address), ()):
        assert not is_allowed(f"::ffff:{address}", ())
        assert not is_allowed(f"::{address}", ())
        assert not is_allowed(str(ipaddress.IPv6Address(0x64FF9B << 96 | int(address))), ())


def test_a_network_of_ones_own_can_be_allowed_and_no_more_than_that():
    assert is_allowed("10.1.2.3", (ipaddress.ip_network("10.1.0.0/16"),))
    assert not is_allowed("10.2.2.3", (ipaddress.ip_network("10.1.0.0/16"),))


def test_one_forbidden_address_among_public_ones_is_enough_to_refuse(monkeypatch):
    point_to(monkeypatch, ["93.184.216.34", "10.0.0.1"])
    with pytest.raises(UploadError, match=r"leads to 10\.0\.0\.1"):
        get("http://archive.example/t.vot")


def test_a_name_is_resolved_once_so_that_rebinding_gains_nothing(site, monkeypatch):
    site.say("/t.vot", TABLE)
    asked = point_to(monkeypatch, ["127.0.0.1"], ["10.0.0.1"])
    assert get(f"http://archive.example:{site.port}/t.vot") == TABLE
    assert asked == ["archive.example"]
    assert site.asked == [("/t.vot", f"archive.example:{site.port}")]


def test_a_redirect_is_followed(site):
    site.say("/t.vot", TABLE)
    site.say("/old", b"", 302, Location="/older?a=b")
    site.say("/older?a=b", b"", 307, Location=f"{site.url}/t.vot")
    assert get(f"{site.url}/old") == TABLE


@pytest.mark.parametrize(
    ("location", "said"),
    [
        ("http://10.0.0.1/", "leads to 10.0.0.1, which is not a public address"),
        ("//169.254.169.254/latest", "leads to 169.254.169.254"),
        ("file:///etc/passwd", "is not a URL of http or https"),
        ("ftp://example.org/x", "is not a URL of http or https"),
        ("http://me:secret@example.org/", "user or password"),
    ],
)
def test_a_redirect_is_checked_like_the_first_url(site, location, said):
    site.say("/", b"", 302, Location=location)
    with pytest.raises(UploadError, match=said.replace(".", r"\.")):
        get(f"{site.url}/")


def test_the_name_of_a_redirect_is_checked_when_it_is_resolved(site, monkeypatch):
    site.say("/", b"", 302, Location="http://inside.example/")
    point_to(monkeypatch, ["192.168.7.7"])
    with pytest.raises(UploadError, match=r"inside\.example leads to 192\.168\.7\.7"):
        get(f"{site.url}/")


def test_redirects_in_a_circle_end(site):
    site.say("/", b"", 302, Location="/")
    with pytest.raises(UploadError, match="more than 5 redirects"):
        get(f"{site.url}/")
    assert len(site.asked) == 6


@pytest.mark.parametrize(("status", "said"), [(404, "answers 404"), (500, "answers 500")])
def test_another_status_is_told(site, status, said):
    site.say("/", b"no", status)
    with pytest.raises(UploadError, match=said):
        get(f"{site.url}/")


def test_a_redirect_to_nowhere_is_told(site):
    site.say("/", b"", 302)
    with pytest.raises(UploadError, match="redirects to nowhere"):
        get(f"{site.url}/")


def test_an_endless_body_is_cut_at_the_limit(site):
    sent = 0

    def answer(handler: BaseHTTPRequestHandler) -> None:
        nonlocal sent
        handler.send_response(200)
        handler.end_headers()
        while sent < 500_000_000:
            handler.wfile.write(b"x" * 65536)
            sent += 65536

    site.answers["/"] = answer
    with pytest.raises(UploadError, match="has more than 1000000 bytes") as refused:
        get(f"{site.url}/")
    assert refused.value.status == 413
    assert sent < 50_000_000


def test_a_body_that_breaks_off_is_not_taken_for_whole(site):
    def answer(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.send_header("Content-Length", "1000")
        handler.end_headers()
        handler.wfile.write(TABLE)

    site.answers["/"] = answer
    with pytest.raises(UploadError, match=r"broke off|cannot be fetched"):
        get(f"{site.url}/")


@pytest.mark.parametrize("part", ["headers", "body"])
def test_a_server_that_sends_a_byte_now_and_then_is_given_up(site, part):
    def answer(handler: BaseHTTPRequestHandler) -> None:
        if part == "body":
            handler.send_response(200)
            handler.end_headers()
        for _ in range(200):
            handler.wfile.write(b"x")
            handler.wfile.flush()
            time.sleep(0.05)

    site.answers["/"] = answer
    begin = time.monotonic()
    with pytest.raises(UploadError, match=r"took more than 0\.4 s") as refused:
        get(f"{site.url}/", replace(POLICY, seconds=0.4))
    assert time.monotonic() - begin < 3
    assert refused.value.status == 408


def test_a_fetch_ends_when_nobody_waits_any_more(site):
    def answer(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.end_headers()
        for _ in range(100):
            handler.wfile.write(b"x" * 1000)
            time.sleep(0.02)

    site.answers["/"] = answer
    gone = time.monotonic() + 0.2

    def check() -> None:
        if time.monotonic() > gone:
            raise Cancelled

    begin = time.monotonic()
    with pytest.raises(Cancelled):
        get(f"{site.url}/", check=check)
    assert time.monotonic() - begin < 2.5


def test_what_speaks_no_http_or_no_tls_is_told(site):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]

        def talk() -> None:
            connection, _ = listener.accept()
            with connection:
                connection.recv(1000)
                connection.sendall(b"SSH-2.0-OpenSSH\r\n")

        thread = threading.Thread(target=talk, daemon=True)
        thread.start()
        with pytest.raises(UploadError, match="cannot be fetched"):
            get(f"http://127.0.0.1:{port}/")
        thread.join(5)
    with pytest.raises(UploadError, match="cannot be fetched"):
        get(f"https://127.0.0.1:{site.port}/")


def test_a_host_that_is_not_there_is_told():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    with pytest.raises(UploadError, match="does not answer"):
        get(f"http://127.0.0.1:{port}/")
    with pytest.raises(UploadError, match="cannot be found"):
        get("http://no-such-host.invalid/")
    with pytest.raises(UploadError, match="cannot be found"):
        get(f"http://{'a' * 70}.example/")


@pytest.mark.parametrize("url", ["http://", "http://[::1", "http://h:99999/", "http://h:0/"])
def test_what_is_no_url_is_told(url):
    with pytest.raises(UploadError, match="is not a URL"):
        get(url)


def test_a_line_break_in_a_url_smuggles_nothing(site):
    site.say("/", b"")
    with pytest.raises(UploadError, match=r"cannot be fetched|cannot be found|answers"):
        get(f"{site.url}/ HTTP/1.1\x01X-Injected: yes")
    assert not site.asked


def test_settings_say_what_may_be_fetched():
    policy = UploadPolicy.of(Settings(upload_remote=False, upload_networks=("10.1.0.0/16",)))
    assert not policy.remote
    assert policy.networks == (ipaddress.ip_network("10.1.0.0/16"),)
    with pytest.raises(UserError, match="upload_networks"):
        read_settings(upload_networks=("10.1.0.0/99",))


def test_fetching_can_be_switched_off():
    with pytest.raises(UploadError, match="does not fetch"):
        declared_uploads(["mine,https://example.org/t.vot"], {}, remote=False)
    (one,) = declared_uploads(["mine,https://example.org/t.vot?a=1;b=2"], {}, remote=True)
    assert one == Upload("mine", RemoteSource("https://example.org/t.vot?a=1;b=2"))

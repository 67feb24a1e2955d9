"""Clients of all kinds at once: those that ask, those that read slowly, those that fall silent."""

from __future__ import annotations

import asyncio
import random
import socket
import time
import urllib.parse
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from bench.asking import encoded

_HOST = "127.0.0.1"
_EVENTS = "bench.epn_core"

#: Seconds after which a request counts as lost.
_PATIENCE_SECONDS = 180.0

#: Of all clients, one in so many reads slowly, and one in so many falls silent in its request.
_ONE_SLOW_IN, _ONE_SILENT_IN = 20, 20

#: State of a TCP connection (Linux, tcp_states.h).
_ESTABLISHED = 1

#: Bytes that a slow client reads in a second.
_SLOW_BYTES = 1024


@dataclass(frozen=True, slots=True)
class _Client:
    """Who asks: an address of its own on this machine, and the port of the service."""

    address: str
    port: int

    @classmethod
    def numbered(cls, number: int, port: int) -> _Client:
        """Return one of many: all of 127.0.0.0/8 is this machine (Linux)."""
        return cls(f"127.0.{1 + number // 250}.{1 + number % 250}", port)

    async def connect(
        self, limit: int = 65536
    ) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """Open a connection that keeps so many bytes unread, or twice that."""
        return await asyncio.open_connection(
            _HOST, self.port, limit=limit, local_addr=(self.address, 0)
        )


@dataclass
class Record:
    """What became of the requests.

    Attributes
    ----------
    seconds
        Of answers, by kind of request.
    statuses
        How many answers had each status, by kind; 0 stands for none or a broken one.
    faults
        What was wrong with answers that are neither right nor a declared 503, the first of them.
    cut
        How slow or silent clients ended: cut off by the service, or still served.
    held
        Longest time in s that a connection of such a client was open, by kind of client.
    """

    seconds: dict[str, list[float]] = field(default_factory=dict)
    statuses: dict[str, dict[int, int]] = field(default_factory=dict)
    faults: list[str] = field(default_factory=list)
    cut: dict[str, int] = field(default_factory=dict)
    held: dict[str, float] = field(default_factory=dict)

    def add(self, kind: str, seconds: float, status: int, fault: str | None) -> None:
        """Note an answer."""
        by_status = self.statuses.setdefault(kind, {})
        by_status[status] = by_status.get(status, 0) + 1
        if status != 503:
            self.seconds.setdefault(kind, []).append(seconds)
        if fault is not None and len(self.faults) < 50:
            self.faults.append(f"{kind}: {fault}")

    def end(self, kind: str, how: str, seconds: float) -> None:
        """Note how a connection of a slow or silent client ended, and how long it was open."""
        self.cut[f"{kind}: {how}"] = self.cut.get(f"{kind}: {how}", 0) + 1
        self.held[kind] = max(self.held.get(kind, 0.0), seconds)


@dataclass(frozen=True, slots=True)
class _Kind:
    """A kind of request: its name and weight, what is asked, and the status of a right answer."""

    name: str
    weight: int
    path: Callable[[random.Random], str]
    status: int = 200


def _sync(adql: str, format: str | None = None, maxrec: int | None = None) -> str:
    return f"/tap/sync?{encoded(adql, format, maxrec)}"


def _interval(chance: random.Random) -> str:
    start = chance.uniform(2_450_000, 2_460_000)
    return _sync(
        f"SELECT TOP 100 * FROM {_EVENTS} WHERE time_max >= {start:.2f}"
        f" AND time_min <= {start + 7:.2f} AND 1=ivo_hashlist_has(dataproduct_type, 'ev')"
    )


def _large(chance: random.Random) -> str:
    format = chance.choice(["votable/b2", "votable/td", "csv", "json", "fits", "parquet"])
    return _sync(f"SELECT * FROM {_EVENTS}", format, chance.choice([2_000, 20_000]))


_KINDS = (
    _Kind("top10", 30, lambda _: _sync(f"SELECT TOP 10 * FROM {_EVENTS}")),
    _Kind("interval", 30, _interval),
    _Kind("count", 5, lambda _: _sync(f"SELECT COUNT(*) AS n FROM {_EVENTS}")),
    _Kind("large", 8, _large),
    _Kind("tap_schema", 10, lambda _: _sync("SELECT * FROM TAP_SCHEMA.columns")),
    _Kind("wrong", 10, lambda _: _sync("SELECT nothing FROM nowhere"), 400),
    _Kind("tables", 4, lambda _: "/tap/tables"),
    _Kind("availability", 3, lambda _: "/tap/availability"),
)


async def crowd(port: int, clients: int, seconds: float, seed: int) -> Record:
    """Let clients ask for some time.

    Parameters
    ----------
    port
        Of the service, on this machine.
    clients
        How many, all at once.
    seconds
        For how long; requests that are under way then are finished.
    seed
        Of what they ask for.
    """
    record = Record()
    until = time.perf_counter() + seconds
    tasks: list[Awaitable[None]] = []
    for number in range(clients):
        chance = random.Random(seed + number)
        client = _Client.numbered(number, port)
        if number % _ONE_SLOW_IN == 1:
            tasks.append(_slow(client, until, record))
        elif number % _ONE_SILENT_IN == 2:
            tasks.append(_silent(client, until, record))
        elif number % 10 == 3:
            tasks.append(_jobs(client, until, record))
        else:
            tasks.append(_asks(client, until, chance, record))
    await asyncio.gather(*tasks)
    return record


async def _asks(client: _Client, until: float, chance: random.Random, record: Record) -> None:
    """Ask one thing after the other, with pauses for thought."""
    while time.perf_counter() < until:
        kind = chance.choices(_KINDS, [each.weight for each in _KINDS])[0]
        await _noted(client, "GET", kind.path(chance), kind.name, kind.status, record)
        await asyncio.sleep(chance.uniform(0.1, 0.5))


async def _jobs(client: _Client, until: float, record: Record) -> None:
    """Make a job, wait for its end, fetch its result, delete it."""
    while time.perf_counter() < until:
        start = time.perf_counter()
        try:
            status, fault = await asyncio.wait_for(_job(client), _PATIENCE_SECONDS)
        except (ConnectionError, TimeoutError, ValueError, asyncio.IncompleteReadError) as error:
            status, fault = 0, f"{type(error).__name__}: {error}"
        record.add("job", time.perf_counter() - start, status, fault)
        await asyncio.sleep(0.5)


async def _job(client: _Client) -> tuple[int, str | None]:
    """Return the status of a job that was made, waited for, fetched and deleted, and its fault."""
    query = _sync(f"SELECT TOP 5 * FROM {_EVENTS}").partition("?")[2]
    status, head, body = await _exchange(client, "POST", "/tap/async", f"{query}&PHASE=RUN")
    if status == 503:
        return 503, None if "retry-after" in head else "503 without Retry-After"
    if status != 303:
        return status, f"status {status} for a new job: {body[:200]!r}"
    job = urllib.parse.urlsplit(head["location"]).path
    phase = b""
    while phase not in (b"COMPLETED", b"ERROR", b"ABORTED"):
        phase = (await _exchange(client, "GET", f"{job}/phase?WAIT=30"))[2].strip()
    result, _, _ = await _exchange(client, "GET", f"{job}/results/result")
    await _exchange(client, "DELETE", job)
    if phase != b"COMPLETED" or result not in (200, 303):
        return result, f"ended as {phase!r}, its result with status {result}"
    return 200, None


async def _slow(client: _Client, until: float, record: Record) -> None:
    """Read a large result too slowly, again and again."""
    path = _sync(f"SELECT * FROM {_EVENTS}", "votable/td", 100_000)
    while time.perf_counter() < until:
        start = time.perf_counter()
        reader, writer = await client.connect(_SLOW_BYTES)
        how = "still served at the end"
        try:
            writer.write(_request("GET", path))
            while time.perf_counter() < until:
                piece = await asyncio.wait_for(reader.read(_SLOW_BYTES), _PATIENCE_SECONDS)
                if not piece:
                    how = "answered"
                    break
                if piece.startswith(b"HTTP/1.1 503"):
                    how = "refused"
                    break
                if not _is_established(writer):
                    how = "cut off"
                    break
                await asyncio.sleep(1)
        except (ConnectionError, TimeoutError):
            how = "cut off"
        record.end("slow", how, time.perf_counter() - start)
        writer.transport.abort()
        await asyncio.sleep(1)


def _is_established(writer: asyncio.StreamWriter) -> bool:
    """Ask the system: who reads slowly hears late that his connection has ended."""
    made = writer.get_extra_info("socket")
    state: int = made.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 1)[0]
    return state == _ESTABLISHED


async def _silent(client: _Client, until: float, record: Record) -> None:
    """Send half a request and nothing more, again and again."""
    while time.perf_counter() < until:
        start = time.perf_counter()
        reader, writer = await client.connect()
        left = max(until - start, 0.1)
        how = "cut off"
        try:
            writer.write(
                b"POST /tap/sync HTTP/1.1\r\nHost: here\r\nContent-Length: 900\r\n\r\nQUERY"
            )
            # The connection outlives the answer; what the request held is free with it.
            answer = await asyncio.wait_for(reader.read(_SLOW_BYTES), left)
            how = "refused" if answer.startswith(b"HTTP/1.1 503") else "given up with an answer"
        except TimeoutError:
            how = "still open at the end"
        except ConnectionError:
            how = "cut off"
        record.end("half-open", how, time.perf_counter() - start)
        writer.transport.abort()
        await asyncio.sleep(1)


async def _noted(
    client: _Client, method: str, path: str, kind: str, wanted: int, record: Record
) -> None:
    start = time.perf_counter()
    try:
        status, head, body = await asyncio.wait_for(
            _exchange(client, method, path), _PATIENCE_SECONDS
        )
    except (ConnectionError, TimeoutError, ValueError, asyncio.IncompleteReadError) as error:
        record.add(kind, time.perf_counter() - start, 0, f"{type(error).__name__}: {error}")
        return
    fault = None
    if status == 503:
        fault = None if "retry-after" in head else "503 without Retry-After"
    elif status != wanted:
        fault = f"status {status}: {body[:200]!r}"
    record.add(kind, time.perf_counter() - start, status, fault)


async def _exchange(
    client: _Client, method: str, path: str, form: str = ""
) -> tuple[int, dict[str, str], bytes]:
    """Send one request on a connection of its own; return status, headers and body."""
    reader, writer = await client.connect()
    try:
        writer.write(_request(method, path, form))
        top = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        status, *lines = top.split("\r\n")
        head = {
            name.lower(): value.strip()
            for name, _, value in (line.partition(":") for line in lines if line)
        }
        if head.get("transfer-encoding") == "chunked":
            body = await _chunks(reader)
        else:
            body = await reader.readexactly(int(head.get("content-length", "0")))
        return int(status.split()[1]), head, body
    finally:
        writer.close()


async def _chunks(reader: asyncio.StreamReader) -> bytes:
    """Read a chunked body to its end; return the beginning of it."""
    kept = b""
    while size := int(await reader.readline(), 16):
        chunk = await reader.readexactly(size + 2)
        kept = kept or chunk[:1000]
    await reader.readline()
    return kept


def _request(method: str, path: str, form: str = "") -> bytes:
    lines = [f"{method} {path} HTTP/1.1", "Host: 127.0.0.1", "Connection: close"]
    if form:
        lines += ["Content-Type: application/x-www-form-urlencoded", f"Content-Length: {len(form)}"]
    return ("\r\n".join([*lines, "", ""]) + form).encode()

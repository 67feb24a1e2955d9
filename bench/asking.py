"""Clients of a TAP service that take the time."""

from __future__ import annotations

import http.client
import json
import re
import shutil
import statistics
import subprocess
import time
import urllib.parse
from dataclasses import dataclass

from bench.errors import BenchError

_TIMEOUT_SECONDS = 600


def encoded(adql: str, format: str | None = None, maxrec: int | None = None) -> str:
    """Return the parameters of a query as they stand in a URL or a form."""
    parameters = {"REQUEST": "doQuery", "LANG": "ADQL", "QUERY": adql}
    if format is not None:
        parameters["FORMAT"] = format
    if maxrec is not None:
        parameters["MAXREC"] = str(maxrec)
    return urllib.parse.urlencode(parameters)


class KeepAlive:
    """Asks one query after the other on one connection.

    Parameters
    ----------
    url
        Of the TAP service.
    """

    def __init__(self, url: str) -> None:
        parts = urllib.parse.urlsplit(url)
        self._path = parts.path
        self._connection = http.client.HTTPConnection(
            parts.hostname or "", parts.port, timeout=_TIMEOUT_SECONDS
        )

    def milliseconds(self, adql: str) -> float:
        """Ask, read the whole answer, and return how long that took.

        Raises
        ------
        BenchError
            If the service does not answer with a result.
        """
        start = time.perf_counter()
        self._connection.request("GET", f"{self._path}/sync?{encoded(adql)}")
        response = self._connection.getresponse()
        body = response.read()
        taken = 1000 * (time.perf_counter() - start)
        if response.status != 200 or b'"QUERY_STATUS" value="ERROR"' in body:
            raise BenchError(f"{adql!r} was answered with {response.status}: {body[:300]!r}")
        return taken

    def first_byte(self, adql: str, format: str, maxrec: int) -> float:
        """Return the ms until the first byte of a result is there; the rest is not read."""
        start = time.perf_counter()
        self._connection.request("GET", f"{self._path}/sync?{encoded(adql, format, maxrec)}")
        response = self._connection.getresponse()
        if response.status != 200 or not response.read(1):
            raise BenchError(f"{adql!r} as {format} was answered with {response.status}")
        taken = 1000 * (time.perf_counter() - start)
        self._connection.close()
        return taken

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()


def median_in_turns(urls: list[str], adql: str, count: int) -> list[float]:
    """Ask several services in turns; return the median of each in ms, the first answers apart."""
    clients = [KeepAlive(url) for url in urls]
    times: list[list[float]] = [[] for _ in urls]
    for _ in range(count + 3):
        for found, client in zip(times, clients, strict=True):
            found.append(client.milliseconds(adql))
    for client in clients:
        client.close()
    return [statistics.median(found[3:]) for found in times]


@dataclass(frozen=True, slots=True)
class Download:
    """A result that was fetched: seconds in all and until the first byte, and its bytes."""

    seconds: float
    first_byte: float
    size: int


def download(url: str, adql: str, format: str, maxrec: int) -> Download:
    """Fetch a result with curl, into nothing.

    Raises
    ------
    BenchError
        If the service does not answer with status 200.
    """
    command = [needed("curl"), "-s", "-o", "/dev/null", "-m", str(_TIMEOUT_SECONDS), "-w"]
    command += ["%{http_code} %{time_total} %{time_starttransfer} %{size_download}"]
    command += [f"{url}/sync", "--data", encoded(adql, format, maxrec)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    status, total, first, size = done.stdout.split()
    if status != "200" or done.returncode:
        raise BenchError(f"{format} of {adql!r}: status {status}, curl {done.returncode}")
    return Download(float(total), float(first), int(size))


@dataclass(frozen=True, slots=True)
class Load:
    """What wrk says: answers per second, their median latency, and how many were no success."""

    per_second: float
    median: str
    failed: int


def load(url: str, adql: str, clients: int, seconds: int) -> Load:
    """Let wrk ask one query with many clients.

    Raises
    ------
    BenchError
        If wrk is not installed.
    """
    command = [needed("wrk"), "-t1", f"-c{clients}", f"-d{seconds}s", "--timeout", "30s"]
    command += ["--latency", f"{url}/sync?{encoded(adql)}"]
    text = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    failed = sum(int(each) for each in re.findall(r"Non-2xx or 3xx responses: (\d+)", text))
    for errors in re.findall(r"Socket errors: (.*)", text):
        failed += sum(int(each) for each in re.findall(r"\d+", errors))
    rate = re.search(r"Requests/sec:\s+([\d.]+)", text)
    median = re.search(r"^\s+50%\s+(\S+)", text, re.MULTILINE)
    return Load(float(rate[1]) if rate else 0.0, median[1] if median else "?", failed)


def needed(program: str) -> str:
    """Return the path of a program.

    Raises
    ------
    BenchError
        If it is not installed.
    """
    path = shutil.which(program)
    if path is None:
        raise BenchError(f"{program} is not installed")
    return path


def small_queries(path: str) -> dict[str, str]:
    """Return the small queries of the benchmark that both services are measured with, by name."""
    with open(path, encoding="utf-8") as file:
        queries = json.load(file)
    return {name: each["adql"] for name, each in queries["small"].items()}

"""Several processes that serve on one port."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import psutil
import pytest

from epntap.errors import UserError
from epntap.ports import listening
from epntap.processes import Family, share_of
from epntap.settings import Settings

from .conftest import SHORT, wait_until

pytestmark = pytest.mark.usefixtures("moons")


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])


class Server:
    """``epntap serve --workers 2`` on the session's database."""

    def __init__(self, settings: Settings) -> None:
        self.port = _free_port()
        self.url = f"http://127.0.0.1:{self.port}/tap"
        environment = {**os.environ, "EPNTAP_HOME": str(settings.home), "EPNTAP_WORKER": "false"}
        if settings.postgres_bin:
            environment["EPNTAP_POSTGRES_BIN"] = str(settings.postgres_bin)
        self.process = subprocess.Popen(
            [*f"{sys.executable} -m epntap.cli serve --workers 2 --port".split(), str(self.port)],
            env=environment,
            cwd=Path(__file__).parents[2],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
        )

    def children(self) -> list[psutil.Process]:
        """The processes that serve and live."""
        found = []
        for child in psutil.Process(self.process.pid).children():
            with contextlib.suppress(psutil.ZombieProcess, psutil.NoSuchProcess):
                if "epntap.processes" in child.cmdline():
                    found.append(child)
        return found

    def asks(self, times: int) -> list[int]:
        """Ask on a new connection each time."""
        return [
            httpx.post(f"{self.url}/sync", data={"QUERY": SHORT}, timeout=60).status_code
            for _ in range(times)
        ]


@pytest.fixture(scope="module")
def server(settings: Settings, moons: str) -> Iterator[Server]:
    with running(settings) as started:
        yield started


@contextlib.contextmanager
def running(settings: Settings) -> Iterator[Server]:
    started = Server(settings)
    try:
        assert wait_until(lambda: len(started.children()) == 2, 60)
        yield started
    finally:
        if started.process.poll() is None:
            started.process.terminate()
        started.process.communicate(timeout=60)


def test_both_processes_serve_and_one_that_dies_is_replaced(server: Server) -> None:
    first, second = server.children()
    with contextlib.ExitStack() as opened:
        for _ in range(40):
            client = opened.enter_context(httpx.Client(timeout=60))
            assert client.get(f"{server.url}/availability").status_code == 200
        # Which of them gets a connection is a matter of its port: of 40, all are never one's.
        for child in (first, second):
            served = [c for c in child.net_connections("tcp") if c.status == "ESTABLISHED"]
            assert [c for c in served if c.laddr.port == server.port]
    first.kill()

    def is_replaced() -> bool:
        pids = {child.pid for child in server.children()}
        return len(pids) == 2 and first.pid not in pids

    assert wait_until(is_replaced, 30)
    assert second.is_running()
    # Whoever connected to the dead one meanwhile waits for the new one.
    assert server.asks(40) == [200] * 40


def test_a_port_that_another_server_shares_among_its_processes_is_taken(
    server: Server, settings: Settings
) -> None:
    here = settings.model_copy(update={"port": server.port, "processes": 2})
    with pytest.raises(UserError, match="is taken by another program"), listening(here):
        pytest.fail("nobody may listen there besides")


def test_one_signal_ends_all_and_frees_the_port(settings: Settings) -> None:
    with running(settings) as server:
        assert server.asks(4) == [200] * 4
        children = server.children()
        server.process.send_signal(signal.SIGTERM)
        assert server.process.wait(60) == 0
        assert not any(child.is_running() for child in children)
        with socket.create_server(("127.0.0.1", server.port)):
            pass


def test_processes_whose_parent_is_killed_end(settings: Settings) -> None:
    with running(settings) as server:
        assert server.asks(4) == [200] * 4
        children = server.children()
        server.process.kill()
        _gone, alive = psutil.wait_procs(children, timeout=60)
        assert not alive


def test_processes_that_end_as_soon_as_they_begin_are_given_up(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = tmp_path / "python"
    broken.write_text("#!/bin/sh\nexit 3\n")
    broken.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(broken))
    here = settings.model_copy(update={"port": _free_port(), "processes": 2})
    with (
        listening(here) as listeners,
        pytest.raises(UserError, match="ends as soon as it begins"),
    ):
        Family(here, listeners).run()


def test_limits_of_the_server_are_divided_and_none_of_them_becomes_no_limit(
    settings: Settings,
) -> None:
    here = settings.model_copy(
        update={"processes": 3, "connections": 20, "client_queries": 2, "waiting_queries": 100}
    )
    share = share_of(here)
    assert (share.connections, share.client_queries, share.waiting_queries) == (7, 1, 34)
    assert share_of(here.model_copy(update={"client_queries": None})).client_queries is None
    assert share.client_hour_bytes == 0
    few = share_of(here.model_copy(update={"connections": 2, "waiting_queries": 0}))
    assert (few.connections, few.waiting_queries) == (2, 0)

"""Requests that wait for jobs: many at the same time, and cheap."""

from __future__ import annotations

import asyncio
import threading

import httpx
from lxml import etree

from epntap.uws import JobWatch
from uws.statements import Statements
from uws.uws_client import tag

_WAITING = 200

#: Threads that look after jobs, and a few for whatever else the service does meanwhile.
_MORE = 20


class Heard:
    """A listener that says what the test says."""

    def __init__(self) -> None:
        self.callbacks: list = []

    def subscribe(self, callback) -> None:
        self.callbacks.append(callback)

    def say(self, payload: str | None) -> None:
        for callback in self.callbacks:
            callback(payload)


def test_only_those_who_wait_for_a_job_hear_of_it():
    async def scenario() -> None:
        heard = Heard()
        watch = JobWatch(heard)  # type: ignore[arg-type]
        with (
            watch.watching("a") as first,
            watch.watching("a") as second,
            watch.watching("b") as other,
        ):
            assert len(heard.callbacks) == 1
            heard.say("a QUEUED")
            assert await first.next(10)
            assert await second.next(10)
            assert not await other.next(0.01)
            # One wake for one change.
            assert not await first.next(0.01)
            heard.say(None)
            assert all([await one.next(10) for one in (first, second, other)])
        heard.say("a COMPLETED")

    asyncio.run(scenario())


def test_a_change_while_nobody_sleeps_is_not_missed():
    async def scenario() -> None:
        heard = Heard()
        with JobWatch(heard).watching("a") as changes:  # type: ignore[arg-type]
            thread = threading.Thread(target=heard.say, args=("a COMPLETED",))
            thread.start()
            thread.join()
            assert await changes.next(10)

    asyncio.run(scenario())


def test_hundreds_of_clients_wait_without_threads_or_connections(durable):
    """Each costs a coroutine: no more threads and connections than there are for looking."""

    async def scenario() -> None:
        limits = httpx.Limits(max_connections=_WAITING + 10)
        async with httpx.AsyncClient(base_url=durable.url, timeout=60, limits=limits) as client:
            made = await client.post("/tap/async", data={"LANG": "ADQL"})
            job = made.headers["location"]
            before = _load()
            waiting = [
                asyncio.create_task(client.get(job, params={"WAIT": "-1"})) for _ in range(_WAITING)
            ]
            done, _ = await asyncio.wait(waiting, timeout=3)
            assert not done
            threads, connections = _load()
            assert threads <= before[0] + _MORE
            assert connections <= before[1] + _MORE
            assert (await client.get("/tap/availability")).status_code == 200
            await client.post(f"{job}/phase", data={"PHASE": "ABORT"})
            for answer in await asyncio.wait_for(asyncio.gather(*waiting), 60):
                assert etree.fromstring(answer.content).findtext(tag("phase")) == "ABORTED"

    def _load() -> tuple[int, int]:
        with Statements.of(durable.settings) as statements:
            return threading.active_count(), statements.connections()

    asyncio.run(scenario())

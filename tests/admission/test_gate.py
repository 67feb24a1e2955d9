"""The gate: limits, the line, and fairness."""

from __future__ import annotations

import asyncio
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from epntap.admission import Gate, GateLimits, Pass
from epntap.errors import OverloadedError


def run(scenario) -> None:
    asyncio.run(scenario())


def test_as_many_as_there_are_places_come_in_and_the_next_is_refused_at_once() -> None:
    async def scenario() -> None:
        gate = Gate(GateLimits(places=2), "queries")
        first, _ = await gate.enter("a"), await gate.enter("b")
        with pytest.raises(OverloadedError, match="limit of 2 queries") as error:
            await gate.enter("c")
        assert error.value.retry_after >= 1
        first.release()
        await gate.enter("c")
        assert gate.inside == 2

    run(scenario)


def test_a_client_at_its_own_limit_is_refused_while_others_come_in() -> None:
    async def scenario() -> None:
        gate = Gate(GateLimits(places=5, places_per_client=2), "queries")
        await gate.enter("greedy")
        await gate.enter("greedy")
        with pytest.raises(OverloadedError, match="your address is at its limit of 2 queries"):
            await gate.enter("greedy")
        await gate.enter("modest")

    run(scenario)


def test_no_limit_is_zero() -> None:
    async def scenario() -> None:
        gate = Gate(GateLimits(places=0), "queries")
        passes = [await gate.enter("a") for _ in range(1000)]
        assert gate.inside == len(passes)

    run(scenario)


def test_a_place_given_back_twice_is_one_place() -> None:
    async def scenario() -> None:
        gate = Gate(GateLimits(places=2), "queries")
        first, _second = await gate.enter("a"), await gate.enter("a")
        first.release()
        first.release()
        assert gate.inside == 1

    run(scenario)


def test_who_waits_comes_in_when_a_place_comes_free() -> None:
    async def scenario() -> None:
        gate = Gate(GateLimits(places=1, seconds=30), "queries")
        with await gate.enter("a"):
            waiting = asyncio.create_task(gate.enter("b"))
            await asyncio.sleep(0.01)
            assert not waiting.done()
            assert gate.waiting == 1
        assert isinstance(await waiting, Pass)
        assert (gate.inside, gate.waiting) == (1, 0)

    run(scenario)


def test_nobody_waits_longer_than_is_allowed_and_leaves_the_line_then() -> None:
    async def scenario() -> None:
        gate = Gate(GateLimits(places=1, seconds=0.05), "queries")
        await gate.enter("a")
        begin = time.monotonic()
        with pytest.raises(OverloadedError):
            await gate.enter("b")
        assert time.monotonic() - begin < 10
        assert gate.waiting == 0

    run(scenario)


def test_a_full_line_refuses_at_once() -> None:
    async def scenario() -> None:
        gate = Gate(GateLimits(places=1, line=1, seconds=60), "queries")
        inside = await gate.enter("a")
        waiting = asyncio.create_task(gate.enter("b"))
        await asyncio.sleep(0)
        with pytest.raises(OverloadedError):
            await gate.enter("c")
        inside.release()
        await waiting

    run(scenario)


def test_places_go_round_the_clients_in_line() -> None:
    async def scenario() -> None:
        gate = Gate(GateLimits(places=1, seconds=60), "queries")
        order: list[str] = []

        async def visit(client: str) -> None:
            with await gate.enter(client):
                order.append(client)
                await asyncio.sleep(0)

        inside = await gate.enter("x")
        waiting = [asyncio.create_task(visit("many")) for _ in range(5)]
        await asyncio.sleep(0)
        waiting += [asyncio.create_task(visit(client)) for client in ("one", "two")]
        await asyncio.sleep(0)
        inside.release()
        await asyncio.gather(*waiting)
        assert order == ["many", "one", "two", "many", "many", "many", "many"]

    run(scenario)


def test_who_goes_away_while_waiting_takes_no_place() -> None:
    async def scenario() -> None:
        gate = Gate(GateLimits(places=1, seconds=60), "queries")
        inside = await gate.enter("a")
        before, after = (asyncio.create_task(gate.enter("b")) for _ in range(2))
        await asyncio.sleep(0)
        before.cancel()
        await asyncio.sleep(0)
        assert gate.waiting == 1
        inside.release()
        # In the moment in which the place is his.
        after.cancel()
        with pytest.raises(asyncio.CancelledError):
            await after
        assert (gate.inside, gate.waiting) == (0, 0)

    run(scenario)


@given(
    st.integers(1, 5),
    st.integers(0, 3),
    st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 3)), max_size=40),
)
@settings(max_examples=60, deadline=None, derandomize=True)
def test_limits_hold_and_no_place_is_lost_whatever_happens(places, per_client, visits) -> None:
    async def scenario() -> None:
        gate = Gate(
            GateLimits(places=places, places_per_client=per_client, line=8, seconds=60), "queries"
        )
        inside: list[str] = []

        async def visit(client: str, steps: int) -> bool:
            try:
                entered = await gate.enter(client)
            except OverloadedError:
                return False
            with entered:
                inside.append(client)
                assert len(inside) <= places
                assert not per_client or inside.count(client) <= per_client
                for _ in range(steps):
                    await asyncio.sleep(0)
                inside.remove(client)
            return True

        tasks = []
        for client, steps in visits:
            tasks.append(asyncio.create_task(visit(client, steps)))
            if steps % 2:
                await asyncio.sleep(0)
        done = await asyncio.gather(*tasks)
        assert (gate.inside, gate.waiting) == (0, 0)
        assert all(done[:1])

    run(scenario)

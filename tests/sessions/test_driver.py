"""Sessions by their script, those of a cycle, and the standing ones."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from websockets.asyncio.server import ServerConnection, serve

from harness.errors import ConnectionLost, ScriptFailed, UsageError
from harness.sessions.driver import Load, run_cycle, run_session, standing_sessions
from harness.sessions.handshake import Address
from harness.sessions.protocols import protocol_named
from harness.sessions.scenario import Scenario, Script
from harness.sessions.session import Session

LIMIT_S = 60.0


class Room:
    """An echo server that counts who is there."""

    def __init__(self) -> None:
        self.now = self.most = self.all = 0
        self.connections: set[ServerConnection] = set()
        self.changed = asyncio.Condition()

    async def holds(self, number: int) -> None:
        """Wait until so many are there: a session is over for its page before the server has
        seen it leave.
        """
        async with asyncio.timeout(LIMIT_S), self.changed:
            await self.changed.wait_for(lambda: self.now == number)

    async def __call__(self, connection: ServerConnection) -> None:
        self.connections.add(connection)
        self.now, self.all = self.now + 1, self.all + 1
        self.most = max(self.most, self.now)
        try:
            async for message in connection:
                await connection.send(message)
        finally:
            self.now -= 1
            self.connections.remove(connection)
            async with self.changed:
                self.changed.notify_all()


@asynccontextmanager
async def room() -> AsyncIterator[tuple[Room, Address]]:
    inside = Room()
    async with serve(inside, "127.0.0.1", 0) as serving:
        yield inside, Address(f"ws://127.0.0.1:{next(iter(serving.sockets)).getsockname()[1]}")


async def talk(session: Session) -> None:
    await session.chat("hi")


def load(
    address: Address,
    script: Script = talk,
    *,
    concurrency: int = 1,
    standing: int = 0,
    limit_s: float = 10.0,
) -> Load:
    scenario = Scenario("test", script, standing=standing, session_limit_s=limit_s)
    return Load(scenario, protocol_named("plain"), address, concurrency)


async def test_a_session_that_follows_its_script_is_ok_with_its_times_and_counts() -> None:
    async with room() as (inside, address):
        result = await run_session(load(address))
    assert (result.ok, result.failure, len(result.turns)) == (True, "", 1)
    assert result.actions == {"connect": 1, "greeting": 1, "chat": 1}
    assert result.connect_s is not None
    assert inside.now == 0


async def test_a_script_that_raises_is_told_with_its_line() -> None:
    async def wrong(_: Session) -> None:
        raise KeyError("room")

    line = wrong.__code__.co_firstlineno + 1
    async with room() as (inside, address):
        with pytest.raises(
            ScriptFailed, match=rf"test_driver.py:{line}: the script raised KeyError: 'room'"
        ):
            await run_session(load(address, wrong))
        await inside.holds(0)


async def test_a_session_over_its_limit_is_a_failed_one() -> None:
    async def wait(session: Session) -> None:
        await session.dwell(60)

    async with room() as (_, address):
        result = await run_session(load(address, wait, limit_s=0.1))
    assert result.failure == "NoReply: the session was not over within 0.1s"


async def test_what_no_session_can_do_ends_the_run_and_not_only_the_session() -> None:
    async def stop(session: Session) -> None:
        await session.interrupt()

    async with room() as (_, address):
        with pytest.raises(UsageError, match="the session has no 'interrupt'"):
            await run_cycle(load(address, stop), 3, lambda _: True)


async def test_as_many_sessions_as_asked_for_are_there_at_once_and_never_more() -> None:
    meeting = asyncio.Barrier(3)

    async def meet(session: Session) -> None:
        await session.chat("hi")
        await meeting.wait()

    async with room() as (inside, address):
        results = await run_cycle(load(address, meet, concurrency=3), 9, lambda _: True)
    assert [result.ok for result in results] == [True] * 9
    assert (inside.most, inside.all) == (3, 9)


async def test_no_session_begins_once_it_is_enough() -> None:
    async with room() as (inside, address):
        results = await run_cycle(load(address), 9, lambda _: inside.all < 4)
    assert len(results) == inside.all == 4


async def test_standing_sessions_are_there_through_the_block_and_leave_after_it() -> None:
    async with room() as (inside, address):
        async with standing_sessions(load(address, standing=3)):
            assert inside.now == 3
            await run_cycle(load(address), 2, lambda _: True)
            await inside.holds(3)
        await inside.holds(0)
    assert inside.all == 5


async def test_a_standing_session_that_the_server_drops_is_noticed() -> None:
    async with room() as (inside, address):

        async def lose_one() -> None:
            async with standing_sessions(load(address, standing=1)) as check:
                check()
                await next(iter(inside.connections)).close(1011, "tidying up")
                for _ in range(500):
                    check()
                    await asyncio.sleep(0.01)

        with pytest.raises(ConnectionLost, match="tidying up"):
            await lose_one()

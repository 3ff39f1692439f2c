"""Scenarios per message: the script runs again and again on sessions that stay connected."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import command
import pytest
from server_scripts import written
from websockets.asyncio.server import ServerConnection, serve

from harness.errors import ScenarioInvalid, ScriptFailed
from harness.sessions.driver import Load, run_cycle, standing_sessions
from harness.sessions.handshake import Address
from harness.sessions.protocols import protocol_named
from harness.sessions.scenario import Scenario, Script, scenario
from harness.sessions.session import Session


class Room:
    """An echo server that knows how many came and how many are there, and closes on `go`."""

    def __init__(self) -> None:
        self.now = self.all = self.messages = 0

    async def __call__(self, connection: ServerConnection) -> None:
        self.now, self.all = self.now + 1, self.all + 1
        try:
            async for message in connection:
                self.messages += 1
                if message == "go":
                    return
                await connection.send(message)
        finally:
            self.now -= 1


@asynccontextmanager
async def room() -> AsyncIterator[tuple[Room, Address]]:
    inside = Room()
    async with serve(inside, "127.0.0.1", 0) as serving:
        yield inside, Address(f"ws://127.0.0.1:{next(iter(serving.sockets)).getsockname()[1]}")


async def talk(session: Session) -> None:
    await session.chat("hi")


def load(address: Address, script: Script = talk, *, concurrency: int = 1) -> Load:
    per_message = Scenario("test", script, per="message")
    return Load(per_message, protocol_named("plain"), address, concurrency)


@pytest.mark.parametrize("concurrency", [1, 3])
async def test_all_cycles_run_on_the_same_connections(concurrency: int) -> None:
    async with room() as (inside, address):
        load_of_all = load(address, concurrency=concurrency)
        async with standing_sessions(load_of_all) as check:
            for _ in range(3):
                results = await run_cycle(load_of_all, 4, lambda _: True)
                check()
                assert (inside.now, inside.all) == (concurrency, concurrency)
                assert [result.ok for result in results] == [True] * 4
    assert inside.messages == 3 * 4


async def test_each_run_of_the_script_counts_what_it_did_itself() -> None:
    async with room() as (_, address):
        load_of_all = load(address)
        async with standing_sessions(load_of_all):
            first, second = await run_cycle(load_of_all, 2, lambda _: True)
    assert first.actions == second.actions == {"chat": 1}
    assert (len(first.turns), len(second.turns), second.connect_s) == (1, 1, None)


async def test_a_single_cycle_opens_and_closes_its_own_connection() -> None:
    async with room() as (inside, address):
        (result,) = await run_cycle(load(address), 1, lambda _: True)
    assert (result.ok, inside.all, inside.now) == (True, 1, 0)


async def test_a_run_that_fails_is_told_and_a_new_connection_takes_its_place() -> None:
    said = iter(["hi", "go", "hi"])

    async def once_go(session: Session) -> None:
        await session.chat(next(said))

    async with room() as (inside, address):
        load_of_all = load(address, once_go)
        async with standing_sessions(load_of_all):
            results = await run_cycle(load_of_all, 3, lambda _: True)
            assert inside.now == 1
    assert [result.ok for result in results] == [True, False, True]
    assert results[1].failure.startswith("ConnectionLost")
    assert inside.all == 2


async def test_a_script_that_closes_its_connection_is_wrong() -> None:
    async def leaves(session: Session) -> None:
        await session.chat("hi")
        await session.close()

    line = leaves.__code__.co_firstlineno
    async with room() as (_, address):
        with pytest.raises(ScriptFailed, match=rf"test_long_connection.py:{line}: .* closed its"):
            await run_cycle(load(address, leaves), 2, lambda _: True)


def test_a_script_that_connects_by_itself_cannot_be_per_message() -> None:
    with pytest.raises(ScenarioInvalid, match="has to stay"):
        scenario(per="message", connect=False)(talk)
    with pytest.raises(ScenarioInvalid, match="not one of session, message"):
        scenario(per="reply")(talk)  # type: ignore[call-overload]


MINE = """
from harness import PlainSession, scenario

@scenario(protocol="plain", per="message")
async def say(session: PlainSession) -> None:
    await session.chat("hi")
"""
KEEPS_LINES = """
async def handle(connection):
    lines = []
    async for message in connection:
        lines.append(bytearray(20_000))
        await connection.send(message)
"""


def ran(folder: Path, handler: str, *words: str) -> int:
    """The exit status of a run against that server."""
    serve = ["--serve", written(folder, handler), "--grace", "0s", "--no-explain"]
    return command.done(folder, *words, "mine.py", *serve).returncode


@pytest.mark.slow
def test_what_a_server_keeps_until_a_session_ends_is_a_leak_per_message(tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(MINE.replace(', per="message"', ""))
    assert ran(tmp_path, KEEPS_LINES, "run", "--cycles", "20", "--out", "ends") != 1
    (tmp_path / "mine.py").write_text(MINE)
    assert ran(tmp_path, KEEPS_LINES, "run", "--out", "stays") == 1
    started = json.loads((tmp_path / "stays" / "run.jsonl").read_text().splitlines()[0])
    assert started["per"] == "message"


def test_blame_needs_sessions_that_end(tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(MINE)
    assert ran(tmp_path, KEEPS_LINES, "blame") == 2

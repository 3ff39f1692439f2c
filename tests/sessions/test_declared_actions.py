"""What a protocol declares of its actions decides how they are timed, limited and varied."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import ClassVar

import pytest
from websockets.asyncio.server import ServerConnection, serve

from harness.blame.varied_load import Factor, Variation
from harness.errors import NoReply
from harness.sessions.contract import (
    RECEIVE,
    Action,
    Data,
    Exchange,
    Greeting,
    Mark,
    Send,
    Stage,
    Timing,
)
from harness.sessions.handshake import Address
from harness.sessions.limits import Limits
from harness.sessions.protocols import protocol_named
from harness.sessions.scenario import Scenario, load_scenario
from harness.sessions.session import Session
from harness.sessions.varied_session import factors_of, unvaried_of, varied

LIMIT_S = 60.0


class Lamp:
    """A lamp that says each word again, and whose session types nothing."""

    name: ClassVar[str] = "lamp"
    default_path: ClassVar[str] = "/"
    actions: ClassVar[Mapping[str, Action]] = {
        "turn_on": Action(Timing.SWITCH, repeats=True),
        "ask": Action(Timing.REPLY, repeats=True, optional=True, if_left_out="dark"),
        "hush": Action(optional=True, ends_reply=True),
        "look": Action(),
    }

    def open(self) -> Exchange[Greeting]:
        yield from ()
        return Greeting()

    def turn_on(self, room: str) -> Exchange[Data | None]:
        yield Send(room)
        return (yield RECEIVE)

    def ask(self, room: str) -> Exchange[Data | None]:
        yield Send(room)
        answer = yield RECEIVE
        yield Mark(Stage.FIRST_TEXT)
        return answer

    def hush(self) -> Exchange[None]:
        yield Send("hush")

    def look(self) -> Exchange[None]:
        yield from ()


@asynccontextmanager
async def server(*, answers: bool = True) -> AsyncIterator[Address]:
    async def handle(connection: ServerConnection) -> None:
        async for message in connection:
            if answers:
                await connection.send(message)

    async with serve(handle, "127.0.0.1", 0) as serving:
        yield Address(f"ws://127.0.0.1:{next(iter(serving.sockets)).getsockname()[1]}")


async def test_a_switch_is_timed_as_a_switch_and_a_reply_as_a_reply() -> None:
    async with server() as address:
        lamp = Session(address, Lamp())
        await lamp.connect()
        assert await lamp.turn_on("hall") == "hall"
        assert lamp.replies == []
        assert await lamp.ask("hall") == "hall"
        await lamp.close()
    assert (len(lamp.switches_s), len(lamp.replies)) == (1, 1)
    assert lamp.replies[0].first_text_s is not None
    assert lamp.counts == {"connect": 1, "greeting": 1, "turn_on": 1, "ask": 1}


async def test_a_switch_has_the_limit_of_switches() -> None:
    async with server(answers=False) as address:
        lamp = Session(address, Lamp(), Limits(reply_s=LIMIT_S, switch_s=0.05))
        await lamp.connect()
        with pytest.raises(NoReply, match=r"turn_on: not done within 0\.05s"):
            await lamp.turn_on("hall")
        await lamp.close()


async def test_a_reply_of_any_protocol_can_be_left_and_is_not_timed_then() -> None:
    async with server() as address:
        lamp = Session(address, Lamp())
        await lamp.connect()
        assert await lamp.ask("hall", leave_at="first_text") == "dark"
        await lamp.close()
    assert (lamp.counts["ask"], lamp.replies) == (1, [])


async def test_a_varied_session_does_each_action_as_often_as_its_cycle_has_it() -> None:
    variation = Variation(1, {"turn_on": 3, "ask": 0, "hush": 0}, leave=True)
    async with server() as address:
        lamp = varied(Session)(variation, address, Lamp())
        await lamp.connect()
        assert isinstance(lamp, Session)
        await lamp.turn_on("hall")
        assert await lamp.ask("hall") == "dark"
        await lamp.hush()
        before = dict(lamp.counts)
        await lamp.ask("hall", leave_at="first_text")
        await lamp.hush()  # what ends a reply that was left is not left out
        await lamp.close()
    assert (before["turn_on"], before.get("ask", 0), before.get("hush", 0)) == (3, 0, 0)
    assert (lamp.counts["ask"], lamp.counts["hush"]) == (1, 1)


async def uses_two(session: Session) -> None:
    await session.ask("hall")
    await session.hush()


async def uses_none(session: Session) -> None:
    await uses_two(session)


def test_what_is_varied_is_what_the_protocol_declares_and_the_script_uses() -> None:
    assert set(factors_of(Scenario("test", uses_two), Lamp)) == {
        Factor("ask", (0, 1, 2)),
        Factor("hush", (0, 1)),
    }
    assert {factor.action for factor in factors_of(Scenario("test", uses_none), Lamp)} == {
        "turn_on",
        "ask",
        "hush",
    }
    assert unvaried_of(Lamp) == {"look"}


def test_the_actions_of_shipped_scenarios_are_varied_as_before() -> None:
    chats = factors_of(load_scenario("character-switch"), protocol_named("open-llm-vtuber"))
    assert [factor.action for factor in chats] == ["chat", "switch_character"]
    assert {factor.levels for factor in chats} == {(0, 1, 2)}


async def test_the_older_name_of_dwell_still_works_and_says_so() -> None:
    async with server() as address:
        lamp = Session(address, Lamp())
        await lamp.connect()
        with pytest.warns(FutureWarning, match=r"is now called session\.dwell") as warned:
            await lamp.idle(0.01)
        await lamp.close()
    assert warned[0].filename == __file__
    assert lamp.counts["dwell"] == 1

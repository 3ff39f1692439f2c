"""Shipped scenarios do what their text says, on servers that tell one from the other."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import pytest
from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed

from harness.record.record import SessionResult
from harness.sessions.driver import Load, run_session
from harness.sessions.handshake import Address
from harness.sessions.protocols import protocol_named
from harness.sessions.scenario import load_scenario

Handler = Callable[[ServerConnection], Awaitable[None]]
QUESTION = {"type": "backend-synth-complete"}
ANSWER = "frontend-playback-complete"
AUDIO = {"type": "audio", "audio": "AAAA", "display_text": {"text": "Hello."}}
END = {"type": "control", "text": "conversation-chain-end"}
LIMIT_S = 60.0


class Page:
    """The server's side of one connection of open-llm-vtuber."""

    def __init__(self, connection: ServerConnection, uid: str) -> None:
        self.uid = uid
        self._connection = connection
        self.has_played = asyncio.Event()

    async def say(self, **message: Any) -> None:
        await self._connection.send(json.dumps(message))

    async def greet(self) -> None:
        await self.say(type="set-model-and-conf", client_uid=self.uid)
        await self.say(type="control", text="start-mic")

    async def speak(self) -> None:
        """All that a reply has, up to the question that the page has to answer."""
        await self.say(**AUDIO)
        await self.say(**QUESTION)
        await self.say(**QUESTION)
        await self.has_played.wait()

    async def heard(self) -> AsyncIterator[dict[str, Any]]:
        """What the page says, but for what every server answers in the same way."""
        async for data in self._connection:
            message = json.loads(data)
            match message["type"]:
                case "fetch-configs":
                    await self.say(type="config-files", configs=[{"filename": "a", "name": "A"}])
                case "heartbeat":
                    await self.say(type="heartbeat-ack")
                case kind if kind == ANSWER:
                    self.has_played.set()
                case _:
                    yield message


@asynccontextmanager
async def running(handler: Handler) -> AsyncIterator[Address]:
    async with serve(handler, "127.0.0.1", 0) as serving:
        yield Address(f"ws://127.0.0.1:{next(iter(serving.sockets)).getsockname()[1]}")


async def visit(name: str, address: Address) -> SessionResult:
    scenario = replace(load_scenario(name), reply_limit_s=5.0)
    return await run_session(Load(scenario, protocol_named("open-llm-vtuber"), address))


async def test_no_playback_answer_leaves_while_the_server_waits_for_the_answer() -> None:
    waited: asyncio.Future[bool] = asyncio.get_running_loop().create_future()

    async def handle(connection: ServerConnection) -> None:
        page = Page(connection, "a")
        await page.greet()
        reply: asyncio.Task[None] | None = None
        asks = asyncio.Event()

        async def answer() -> None:
            await page.say(**AUDIO)
            await asyncio.sleep(0.2)  # speech takes its time: who leaves at the first audio is gone
            await page.say(**QUESTION)
            await page.say(**QUESTION)
            asks.set()
            await page.has_played.wait()

        try:
            async for message in page.heard():
                if message["type"] == "text-input":
                    reply = asyncio.create_task(answer())
        finally:
            waited.set_result(reply is not None and asks.is_set() and not reply.done())
            if reply is not None:
                reply.cancel()

    async with running(handle) as address, asyncio.timeout(LIMIT_S):
        result = await visit("no-playback-answer", address)
        assert (result.ok, await waited) == (True, True), result.failure


@pytest.mark.parametrize("thinks_s", [0.0, 0.6])
async def test_the_guest_of_group_talk_answers_for_as_long_as_the_talk_lasts(
    thinks_s: float,
) -> None:
    pages: dict[str, Page] = {}

    async def talk(host: Page, guest: Page) -> None:
        await asyncio.sleep(thinks_s)
        await guest.speak()
        await host.speak()
        await host.say(**END)

    async def handle(connection: ServerConnection) -> None:
        page = Page(connection, f"page {len(pages)}")
        pages[page.uid] = page
        talking: asyncio.Task[None] | None = None
        await page.greet()
        try:
            async for message in page.heard():
                match message:
                    case {"type": "add-client-to-group"} | {"type": "remove-client-from-group"}:
                        await page.say(type="group-operation-result", success=True)
                    case {"type": "text-input"}:
                        talking = asyncio.create_task(talk(page, pages["page 1"]))
        except ConnectionClosed:
            pass
        finally:
            if talking is not None:
                talking.cancel()

    async with running(handle) as address, asyncio.timeout(LIMIT_S):
        result = await visit("group-talk", address)
    assert result.ok, result.failure
    assert (len(result.turns), len(pages)) == (1, 2)

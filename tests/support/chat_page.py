"""For tests of the chat server: the server as a process, and a page that talks to it."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

import psutil
from websockets.asyncio.client import ClientConnection, connect

ROOT = Path(__file__).parents[2]
LIMIT_S = 60.0
MODULE = (sys.executable, "-m", "harness.demo.chat_server")
UNTRACKED_TASK = str(ROOT / "harness" / "demo" / "faults" / "untracked_task.py")
Message = dict[str, Any]


class Page:
    """One page of the chat server's user."""

    def __init__(self, websocket: ClientConnection) -> None:
        self.websocket = websocket
        self.client_uid = ""

    async def send(self, kind: str, **fields: Any) -> None:
        await self.websocket.send(json.dumps({"type": kind, **fields}))

    async def receive(self) -> Message:
        message: Message = json.loads(await asyncio.wait_for(self.websocket.recv(), LIMIT_S))
        return message

    async def until(self, wanted: str) -> list[Message]:
        """Messages up to the one with that type, or that text."""
        seen = [await self.receive()]
        while wanted not in (seen[-1]["type"], seen[-1].get("text")):
            seen.append(await self.receive())
        return seen

    async def open(self) -> None:
        self.client_uid = (await self.until("start-mic"))[2]["client_uid"]

    async def nothing_more(self) -> None:
        """All that was sent has been handled, and nothing was said to it."""
        await self.send("heartbeat")
        assert await self.receive() == {"type": "heartbeat-ack"}

    async def interrupt(self) -> None:
        """Interrupt the reply; what was on its way is passed over."""
        await self.send("interrupt-signal", text="I was")
        await self.send("heartbeat")
        on_its_way = await self.until("heartbeat-ack")
        assert {message["type"] for message in on_its_way[:-1]} <= {"audio"}

    async def chat(self, text: str) -> list[Message]:
        """A whole turn."""
        await self.send("text-input", text=text)
        return await self.finish_turn()

    async def finish_turn(self) -> list[Message]:
        seen = [await self.receive()]
        while seen[-1].get("text") != "conversation-chain-end":
            if seen[-1]["type"] == "backend-synth-complete":
                await self.send("frontend-playback-complete")
            seen.append(await self.receive())
        return seen

    async def switch(self, file: str) -> list[Message]:
        await self.send("switch-config", file=file)
        return await self.until("config-switched")

    def drop(self) -> None:
        """Leave with a TCP reset, without a close frame."""
        self.websocket.transport.abort()


class ChatServer:
    """The chat server's process."""

    def __init__(self, process: subprocess.Popen[str], log: Path) -> None:
        assert process.stdout is not None
        self.process = psutil.Process(process.pid)
        self.line = process.stdout.readline().strip()
        self.url = self.line.rpartition(" ")[2]
        self._log = log

    @asynccontextmanager
    async def page(self) -> AsyncIterator[Page]:
        async with connect(self.url, max_size=None, open_timeout=LIMIT_S) as websocket:
            page = Page(websocket)
            await page.open()
            yield page

    def log(self) -> list[str]:
        """Its log so far, without times and levels."""
        return [line.split(" ", 3)[-1] for line in self._log.read_text().splitlines()]

    def log_of(self, page: Page) -> list[str]:
        start = f"client {page.client_uid}: "
        return [line.removeprefix(start) for line in self.log() if line.startswith(start)]

    async def cleaned_up(self, page: Page) -> list[str]:
        """Wait for the end of the page's clean-up; its log."""
        await eventually(lambda: "clean-up done" in self.log_of(page))
        return self.log_of(page)

    def own_bytes(self) -> int:
        return int(self.process.memory_full_info().uss)


async def eventually(condition: Callable[[], bool]) -> None:
    """Poll until it is so."""
    end_s = time.monotonic() + LIMIT_S
    while not condition():
        assert time.monotonic() < end_s, "it did not come about"
        await asyncio.sleep(0.01)


@contextmanager
def running(folder: Path, *options: str, command: tuple[str, ...] = MODULE) -> Iterator[ChatServer]:
    """The server with small agents unless told otherwise; it ends with the block."""
    log = folder / "server.log"
    with (
        log.open("w") as errors,
        subprocess.Popen(
            [*command, "--agent-size", "1MiB", *options],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
        ) as process,
    ):
        try:
            yield ChatServer(process, log)
        finally:
            process.terminate()
            try:
                process.wait(LIMIT_S)
            finally:
                process.kill()

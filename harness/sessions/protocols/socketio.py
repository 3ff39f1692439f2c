"""Socket.IO 5 in Engine.IO 4, on the WebSocket transport from the start: events,
acknowledgements, binary data.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from itertools import count
from typing import Any, ClassVar, Final

from ...errors import ProtocolViolation
from ..contract import (
    RECEIVE,
    Action,
    Data,
    Exchange,
    Greeting,
    Mark,
    Reply,
    Send,
    Stage,
    Timing,
)
from ..decoding import json_of, shown
from ..session import BaseSession

_OPEN, _CLOSE, _PING, _PONG, _MESSAGE = "0", "1", "2", "3", "4"
_CONNECT, _DISCONNECT, _EVENT, _ACK, _ERROR, _BINARY_EVENT, _BINARY_ACK = "0123456"
_PACKET: Final = re.compile(
    r"(?P<kind>[0-6])(?:(?P<files>\d+)-)?(?:(?P<space>/[^,]*),)?(?P<id>\d+)?(?P<data>.*)", re.DOTALL
)
Packet = tuple[str, int | None, Any]
"""Kind, id of the acknowledgement, data."""


class Session(BaseSession):
    """What a script can do with protocol `socketio`."""

    async def chat(self, text: str, *, leave_at: Stage | str | None = None) -> Reply:
        """The event `message`, and the next event as the reply, timed.

        Args:
            text: what the user says.
            leave_at: `first_text` leaves the reply there, the rest unread; it is not timed then.
        """
        return await self._act_until(leave_at, Adapter.chat, text)

    async def emit(self, event: str, *arguments: Any) -> None:
        """Send an event; bytes among the arguments go as binary messages of their own."""
        await self._act(Adapter.emit, event, *arguments)

    async def call(self, event: str, *arguments: Any) -> Any:
        """Send an event, and wait until it is acknowledged, timed as a reply; what it is
        acknowledged with comes back.
        """
        return await self._act(Adapter.call, event, *arguments)

    async def await_event(self, event: str | None = None) -> list[Any]:
        """Wait for an event, any where none is named; its arguments come back."""
        return await self._act(Adapter.await_event, event)

    async def enter(self, namespace: str, auth: Any = None) -> str:
        """Enter a namespace, in which all that follows happens; the session's id comes back.

        Raises:
            ProtocolViolation: it is refused.
        """
        return await self._act(Adapter.enter, namespace, auth)

    async def leave(self) -> None:
        """Leave the namespace; the connection stays."""
        await self._act(Adapter.leave)


class Adapter:
    """One session's side, in one namespace. The server's pings are answered whenever something
    is read.
    """

    name: ClassVar[str] = "socketio"
    default_path: ClassVar[str] = "/socket.io/?EIO=4&transport=websocket"
    actions: ClassVar[Mapping[str, Action]] = {
        "chat": Action(Timing.REPLY, repeats=True, optional=True, if_left_out=Reply("")),
        "emit": Action(repeats=True),  # a script may wait for the event that follows
        "call": Action(Timing.REPLY, repeats=True),  # a script may need the answer
        "await_event": Action(),
        "enter": Action(),
        "leave": Action(),
    }
    session: ClassVar[type[BaseSession]] = Session

    def __init__(self) -> None:
        self._ids = count(1)
        self._space = ""

    def open(self) -> Exchange[Greeting]:
        """Engine.IO opens, and the main namespace is entered."""
        data = yield RECEIVE
        if not isinstance(data, str) or not data.startswith(_OPEN):
            raise ProtocolViolation(
                f"the server did not open Engine.IO: {shown(data)}", hint="is it EIO=4 in --url?"
            )
        sid = yield from self.enter("/")
        return Greeting(client_id=sid)

    def enter(self, namespace: str, auth: Any = None) -> Exchange[str]:
        """CONNECT, until the server confirms it; the session's id."""
        self._space = "" if namespace == "/" else f"{namespace},"
        yield Send(f"{_MESSAGE}{_CONNECT}{self._space}{'' if auth is None else json.dumps(auth)}")
        _, _, data = yield from self._until({_CONNECT})
        return str((data or {}).get("sid", ""))

    def emit(self, event: str, *arguments: Any) -> Exchange[None]:
        """Send an event: the packet EVENT, or BINARY_EVENT and its files."""
        yield from self._send(event, arguments, "")

    def call(self, event: str, *arguments: Any) -> Exchange[Any]:
        """EVENT with an id, until the ACK of that id; what the ACK holds."""
        number = next(self._ids)
        yield from self._send(event, arguments, str(number))
        while True:
            _, acknowledged, data = yield from self._until({_ACK, _BINARY_ACK})
            if acknowledged == number:
                yield Mark(Stage.FIRST_TEXT)
                return data[0] if len(data) == 1 else data

    def await_event(self, event: str | None = None) -> Exchange[list[Any]]:
        """The arguments of the next event of that name."""
        while True:
            _, _, data = yield from self._until({_EVENT, _BINARY_EVENT})
            if event is None or data[0] == event:
                return list(data[1:])

    def chat(self, text: str) -> Exchange[Reply]:
        """The event `message`, and the next event."""
        yield from self.emit("message", text)
        answer = yield from self.await_event()
        yield Mark(Stage.FIRST_TEXT)
        return Reply(" ".join(map(str, answer)), messages=1)

    def leave(self) -> Exchange[None]:
        """DISCONNECT from the namespace."""
        yield Send(f"{_MESSAGE}{_DISCONNECT}{self._space}")

    def answer(self, data: Data) -> str | None:
        """The pong to a ping; None to anything else."""
        return f"{_PONG}{data[1:]}" if isinstance(data, str) and data.startswith(_PING) else None

    def _send(self, event: str, arguments: tuple[Any, ...], number: str) -> Exchange[None]:
        files: list[bytes] = []
        data = json.dumps(
            [event, *(_without_bytes(argument, files) for argument in arguments)],
            ensure_ascii=False,
        )
        kind = f"{_BINARY_EVENT}{len(files)}-" if files else _EVENT
        yield Send(f"{_MESSAGE}{kind}{self._space}{number}{data}")
        for file in files:
            yield Send(file)

    def _until(self, wanted: set[str]) -> Exchange[Packet]:
        while True:
            data = yield RECEIVE
            assert data is not None, "the session sends a message for each Receive"
            if reply := self.answer(data):
                yield Send(reply)
            if isinstance(data, bytes):
                raise ProtocolViolation(
                    f"the server sent binary data that no packet announced: {shown(data)}"
                )
            if not data.startswith(_MESSAGE):
                continue
            packet = _PACKET.fullmatch(data[1:])
            if packet is None:
                raise ProtocolViolation(
                    f"the server sent what is not a Socket.IO packet: {shown(data)}"
                )
            kind, body = packet["kind"], json_of(packet["data"]) if packet["data"] else None
            files = yield from _files(int(packet["files"] or 0))
            if kind == _ERROR:
                raise ProtocolViolation(f"the server refused the namespace: {body}")
            if kind in wanted:
                number = int(packet["id"]) if packet["id"] else None
                return kind, number, _with_bytes(body, files)


def _files(count: int) -> Exchange[list[bytes]]:
    """The binary messages that a packet has announced."""
    files: list[bytes] = []
    while len(files) < count:
        data = yield RECEIVE
        if not isinstance(data, bytes):
            raise ProtocolViolation(
                f"the server sent text where it had announced binary data: {shown(data)}"
            )
        files.append(data)
    return files


def _without_bytes(value: Any, files: list[bytes]) -> Any:
    match value:
        case bytes() | bytearray():
            files.append(bytes(value))
            return {"_placeholder": True, "num": len(files) - 1}
        case dict():
            return {key: _without_bytes(item, files) for key, item in value.items()}
        case list() | tuple():
            return [_without_bytes(item, files) for item in value]
    return value


def _with_bytes(value: Any, files: list[Any]) -> Any:
    match value:
        case {"_placeholder": True, "num": int(number)} if number < len(files):
            return files[number]
        case dict():
            return {key: _with_bytes(item, files) for key, item in value.items()}
        case list():
            return [_with_bytes(item, files) for item in value]
    return value

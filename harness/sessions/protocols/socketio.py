"""Socket.IO 5 in Engine.IO 4, on the WebSocket transport from the start: events,
acknowledgements, binary data.
"""

from __future__ import annotations

import json
import re
from itertools import count
from typing import Any, ClassVar, Final

from harness.errors import ProtocolViolation
from harness.sessions.contract import RECEIVE, Data, Exchange, Greeting, Mark, Reply, Send, Stage
from harness.sessions.decoding import json_of, shown

_OPEN, _CLOSE, _PING, _PONG, _MESSAGE = "0", "1", "2", "3", "4"
_CONNECT, _DISCONNECT, _EVENT, _ACK, _ERROR, _BINARY_EVENT, _BINARY_ACK = "0123456"
_PACKET: Final = re.compile(
    r"(?P<kind>[0-6])(?:(?P<files>\d+)-)?(?:(?P<space>/[^,]*),)?(?P<id>\d+)?(?P<data>.*)", re.DOTALL
)
Packet = tuple[str, int | None, Any]
"""Kind, id of the acknowledgement, data."""


class Adapter:
    """One session's side, in one namespace. The server's pings are answered whenever something
    is read.
    """

    name: ClassVar[str] = "socketio"
    default_path: ClassVar[str] = "/socket.io/?EIO=4&transport=websocket"
    actions: ClassVar[frozenset[str]] = frozenset(
        {"chat", "emit", "call", "await_event", "enter", "leave"}
    )
    turns: ClassVar[frozenset[str]] = frozenset({"chat", "call"})

    def __init__(self) -> None:
        self.playback = True
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
        """Enter a namespace, in which all that follows happens; the session's id comes back.

        Raises:
            ProtocolViolation: it is refused.
        """
        self._space = "" if namespace == "/" else f"{namespace},"
        yield Send(f"{_MESSAGE}{_CONNECT}{self._space}{'' if auth is None else json.dumps(auth)}")
        _, _, data = yield from self._until({_CONNECT})
        return str((data or {}).get("sid", ""))

    def emit(self, event: str, *arguments: Any) -> Exchange[None]:
        """Send an event; bytes among the arguments go as binary messages of their own."""
        yield from self._send(event, arguments, "")

    def call(self, event: str, *arguments: Any) -> Exchange[Any]:
        """Send an event, and wait until it is acknowledged; what it is acknowledged with comes
        back.
        """
        number = next(self._ids)
        yield from self._send(event, arguments, str(number))
        while True:
            _, acknowledged, data = yield from self._until({_ACK, _BINARY_ACK})
            if acknowledged == number:
                yield Mark(Stage.FIRST_TEXT)
                return data[0] if len(data) == 1 else data

    def await_event(self, event: str | None = None) -> Exchange[list[Any]]:
        """Wait for an event, any where none is named; its arguments come back."""
        while True:
            _, _, data = yield from self._until({_EVENT, _BINARY_EVENT})
            if event is None or data[0] == event:
                return list(data[1:])

    def chat(self, text: str) -> Exchange[Reply]:
        """The event `message`, and the next event as the reply."""
        yield from self.emit("message", text)
        answer = yield from self.await_event()
        yield Mark(Stage.FIRST_TEXT)
        return Reply(" ".join(map(str, answer)), messages=1)

    def leave(self) -> Exchange[None]:
        """Leave the namespace; the connection stays."""
        yield Send(f"{_MESSAGE}{_DISCONNECT}{self._space}")

    def answer(self, data: Data) -> str | None:
        """What is to be said to a message while the session idles."""
        return f"{_PONG}{data[1:]}" if isinstance(data, str) and data.startswith(_PING) else None

    def _send(self, event: str, arguments: tuple[Any, ...], number: str) -> Exchange[None]:
        files: list[bytes] = []
        data = json.dumps(
            [event, *(_without_bytes(one, files) for one in arguments)], ensure_ascii=False
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
            found = _PACKET.fullmatch(data[1:])
            if found is None:
                raise ProtocolViolation(f"the server sent no Socket.IO packet: {shown(data)}")
            kind, body = found["kind"], json_of(found["data"]) if found["data"] else None
            files = yield from _files(int(found["files"] or 0))
            if kind == _ERROR:
                raise ProtocolViolation(f"the server refused the namespace: {body}")
            if kind in wanted:
                return kind, int(found["id"]) if found["id"] else None, _with_bytes(body, files)


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
            return {key: _without_bytes(one, files) for key, one in value.items()}
        case list() | tuple():
            return [_without_bytes(one, files) for one in value]
    return value


def _with_bytes(value: Any, files: list[Any]) -> Any:
    match value:
        case {"_placeholder": True, "num": int(number)} if number < len(files):
            return files[number]
        case dict():
            return {key: _with_bytes(one, files) for key, one in value.items()}
        case list():
            return [_with_bytes(one, files) for one in value]
    return value

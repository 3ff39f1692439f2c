"""GraphQL over WebSocket: `graphql-transport-ws`, and `graphql-ws` of before, as the handshake
has settled it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from itertools import count
from typing import Any, ClassVar

from ...errors import ProtocolViolation
from ..contract import (
    RECEIVE,
    Action,
    Exchange,
    Greeting,
    Mark,
    Send,
    Stage,
    Timing,
)
from ..decoding import object_of
from ..session import BaseSession

LEGACY = "graphql-ws"
Message = dict[str, Any]


class Session(BaseSession):
    """What a script can do with protocol `graphql`."""

    async def execute(self, query: str, variables: Message | None = None) -> Any:
        """A query, mutation or subscription to its end, timed as a reply; the first payload comes
        back.
        """
        return await self._act(Adapter.execute, query, variables)

    async def subscribe(self, query: str, variables: Message | None = None) -> str:
        """Start an operation, and wait for nothing; its id comes back."""
        return await self._act(Adapter.subscribe, query, variables)

    async def await_result(self, number: str) -> Any:
        """The next payload of an operation."""
        return await self._act(Adapter.await_result, number)

    async def complete(self, number: str) -> None:
        """End an operation; the server is not waited for."""
        await self._act(Adapter.complete, number)


class Adapter:
    """One session's side. Pings are answered whenever something is read."""

    name: ClassVar[str] = "graphql"
    default_path: ClassVar[str] = "/graphql"
    subprotocols: ClassVar[tuple[str, ...]] = ("graphql-transport-ws", LEGACY)
    actions: ClassVar[Mapping[str, Action]] = {
        "execute": Action(Timing.REPLY, repeats=True),  # a script may need the payload
        "subscribe": Action(),
        "await_result": Action(),
        "complete": Action(),
    }
    session: ClassVar[type[BaseSession]] = Session

    def __init__(self) -> None:
        self.subprotocol = ""
        """The one that the server has chosen; set by the session after the handshake."""
        self._ids = count(1)

    def open(self) -> Exchange[Greeting]:
        """Initialise, until that is acknowledged."""
        yield _send("connection_init", payload={})
        yield from self._until({"connection_ack"})
        return Greeting()

    def execute(self, query: str, variables: Message | None = None) -> Exchange[Any]:
        """An operation to its end; its first payload."""
        number = yield from self.subscribe(query, variables)
        payload = yield from self.await_result(number)
        yield Mark(Stage.FIRST_TEXT)
        while (yield from self._until({"next", "data", "complete"}, number))["type"] != "complete":
            pass
        return payload

    def subscribe(self, query: str, variables: Message | None = None) -> Exchange[str]:
        """Start an operation, and wait for nothing; its id comes back."""
        number = str(next(self._ids))
        kind = "start" if self._is_legacy else "subscribe"
        yield _send(kind, id=number, payload={"query": query, "variables": variables or {}})
        return number

    def await_result(self, number: str) -> Exchange[Any]:
        """The next payload of an operation."""
        message = yield from self._until({"next", "data"}, number)
        return message.get("payload")

    def complete(self, number: str) -> Exchange[None]:
        """End an operation; the server is not waited for."""
        yield _send("stop" if self._is_legacy else "complete", id=number)

    def answer(self, data: str | bytes) -> str | None:
        """The pong to a ping; None to anything else."""
        return json.dumps({"type": "pong"}) if _parsed(data).get("type") == "ping" else None

    @property
    def _is_legacy(self) -> bool:
        return self.subprotocol == LEGACY

    def _until(self, wanted: set[str], number: str | None = None) -> Exchange[Message]:
        while True:
            data = yield RECEIVE
            assert data is not None, "the session sends a message for each Receive"
            if reply := self.answer(data):
                yield Send(reply)
            message = _parsed(data)
            if message.get("type") in ("error", "connection_error") and message.get("id") in (
                None,
                number,
            ):
                raise ProtocolViolation(f"the server reported an error: {message.get('payload')}")
            if message.get("type") in wanted and (number is None or message.get("id") == number):
                return message


def _send(kind: str, **more: Any) -> Send:
    return Send(json.dumps({"type": kind, **more}, ensure_ascii=False))


def _parsed(data: str | bytes) -> Message:
    return object_of(data, hint="is it a GraphQL server?")

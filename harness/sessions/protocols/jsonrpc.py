"""JSON-RPC 2.0: calls answered by id, and notifications, one object a message."""

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


class Session(BaseSession):
    """What a script can do with protocol `jsonrpc`."""

    async def call(self, method: str, params: Any = None) -> Any:
        """Call a method, timed as a reply; its result comes back.

        Raises:
            ProtocolViolation: the server answers with an error.
        """
        return await self._act(Adapter.call, method, params)

    async def notify(self, method: str, params: Any = None) -> None:
        """Tell the server something; it does not answer."""
        await self._act(Adapter.notify, method, params)

    async def await_notification(self, method: str) -> Any:
        """Wait until the server tells something; its parameters come back."""
        return await self._act(Adapter.await_notification, method)


class Adapter:
    """One session's side; notifications of the server that come in between are read past."""

    name: ClassVar[str] = "jsonrpc"
    default_path: ClassVar[str] = "/"
    actions: ClassVar[Mapping[str, Action]] = {
        "call": Action(Timing.REPLY, repeats=True),  # a script may need the result
        "notify": Action(repeats=True, optional=True),
        "await_notification": Action(),
    }
    session: ClassVar[type[BaseSession]] = Session

    def __init__(self) -> None:
        self._ids = count(1)

    def open(self) -> Exchange[Greeting]:
        """Nothing is waited for."""
        yield from ()
        return Greeting()

    def call(self, method: str, params: Any = None) -> Exchange[Any]:
        """A call and its answer, matched by id."""
        number = next(self._ids)
        yield _send(method, params, id=number)
        while True:
            message = yield from _next()
            if message.get("id") == number and "method" not in message:
                yield Mark(Stage.FIRST_TEXT)
                if "error" in message:
                    raise ProtocolViolation(
                        f"{method} was answered with the error {message['error']}"
                    )
                return message.get("result")

    def notify(self, method: str, params: Any = None) -> Exchange[None]:
        """A message without an id."""
        yield _send(method, params)

    def await_notification(self, method: str) -> Exchange[Any]:
        """The parameters of the next notification of this method."""
        while True:
            message = yield from _next()
            if message.get("method") == method:
                return message.get("params")


def _send(method: str, params: Any, **more: Any) -> Send:
    given = {} if params is None else {"params": params}
    return Send(
        json.dumps({"jsonrpc": "2.0", "method": method, **given, **more}, ensure_ascii=False)
    )


def _next() -> Exchange[dict[str, Any]]:
    data = yield RECEIVE
    return object_of(data, hint="try --protocol plain")

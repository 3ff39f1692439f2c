"""JSON-RPC 2.0: calls answered by id, and notifications, one object a message."""

from __future__ import annotations

import json
from itertools import count
from typing import Any, ClassVar

from harness.errors import ProtocolViolation
from harness.sessions.contract import RECEIVE, Exchange, Greeting, Mark, Send, Stage
from harness.sessions.decoding import object_of


class Adapter:
    """One session's side; notifications of the server that come in between are read past."""

    name: ClassVar[str] = "jsonrpc"
    default_path: ClassVar[str] = "/"
    actions: ClassVar[frozenset[str]] = frozenset({"call", "notify", "await_notification"})
    turns: ClassVar[frozenset[str]] = frozenset({"call"})

    def __init__(self) -> None:
        self.playback = True
        self._ids = count(1)

    def open(self) -> Exchange[Greeting]:
        """Nothing is waited for."""
        yield from ()
        return Greeting()

    def call(self, method: str, params: Any = None) -> Exchange[Any]:
        """Call a method; its result comes back.

        Raises:
            ProtocolViolation: the server answers with an error.
        """
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
        """Tell the server something; it does not answer."""
        yield _send(method, params)

    def await_notification(self, method: str) -> Exchange[Any]:
        """Wait until the server tells something; its parameters come back."""
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

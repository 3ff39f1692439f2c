"""Any messages: text, JSON or bytes. `request` waits for the answer that `until` wants, `chat`
for the next message.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any, ClassVar

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
from ..session import BaseSession

Until = Callable[[Data], bool] | str | None
"""Which message is the answer: the one that a function accepts, that contains a text, or any."""


class Session(BaseSession):
    """What a script can do with protocol `plain`."""

    async def chat(self, text: str, *, leave_at: Stage | str | None = None) -> Reply:
        """Send a text, timed; the next message is the reply.

        Args:
            text: what the user says.
            leave_at: `first_text` leaves the reply there, the rest unread; it is not timed then.
        """
        return await self._act_until(leave_at, Adapter.chat, text)

    async def request(self, message: Any, until: Until = None) -> Data:
        """Send text, bytes, or anything else as JSON, timed; the answer is the first message that
        `until` accepts.

        Args:
            message: what to send.
            until: a text that the answer contains, a function that accepts it, or None for any.
        """
        return await self._act(Adapter.request, message, until)


class Adapter:
    """No greeting and no shape: what is sent and what ends a reply is the script's."""

    name: ClassVar[str] = "plain"
    default_path: ClassVar[str] = "/"
    actions: ClassVar[Mapping[str, Action]] = {
        "chat": Action(Timing.REPLY, repeats=True, optional=True, if_left_out=Reply("")),
        "request": Action(Timing.REPLY, repeats=True),  # a script may need the answer
    }
    session: ClassVar[type[BaseSession]] = Session

    def open(self) -> Exchange[Greeting]:
        """Nothing is waited for."""
        yield from ()
        return Greeting()

    def chat(self, text: str) -> Exchange[Reply]:
        """One text and the next message."""
        answer = yield from self.request(text, None)
        return Reply(_text(answer), messages=1)

    def request(self, message: Any, until: Until = None) -> Exchange[Data]:
        """One message and its answer."""
        is_raw = isinstance(message, str | bytes)
        yield Send(message if is_raw else json.dumps(message, ensure_ascii=False))
        while True:
            data = yield RECEIVE
            assert data is not None, "the session sends a message for each Receive"
            yield Mark(Stage.FIRST_TEXT)
            if _is_accepted(data, until):
                return data


def _is_accepted(data: Data, until: Until) -> bool:
    if until is None:
        return True
    if isinstance(until, str):
        return until in _text(data)
    return until(data)


def _text(data: Data) -> str:
    return data if isinstance(data, str) else data.decode(errors="replace")

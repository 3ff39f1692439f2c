"""Any messages: text, JSON or bytes. `request` waits for the answer that `until` wants, `chat`
for the next message.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, ClassVar

from harness.sessions.contract import RECEIVE, Data, Exchange, Greeting, Mark, Reply, Send, Stage


class Adapter:
    """No greeting and no shape: what is sent and what ends a reply is the script's."""

    name: ClassVar[str] = "plain"
    default_path: ClassVar[str] = "/"
    actions: ClassVar[frozenset[str]] = frozenset({"chat", "request"})

    def __init__(self) -> None:
        self.playback = True

    def open(self) -> Exchange[Greeting]:
        """Nothing is waited for."""
        yield from ()
        return Greeting()

    def chat(self, text: str) -> Exchange[Reply]:
        """Send a text; the next message is the reply."""
        answer = yield from self.request(text, None)
        return Reply(
            answer if isinstance(answer, str) else answer.decode(errors="replace"), messages=1
        )

    def request(self, message: Any, until: Callable[[Data], bool] | str | None) -> Exchange[Data]:
        """Send text, bytes, or anything else as JSON; the answer is the first message that `until`
        accepts.

        A string accepts what contains it, None accepts any message.
        """
        yield Send(
            message if isinstance(message, str | bytes) else json.dumps(message, ensure_ascii=False)
        )
        while True:
            data = yield RECEIVE
            assert data is not None, "the session sends a message for each Receive"
            yield Mark(Stage.FIRST_TEXT)
            if _accepted(data, until):
                return data


def _accepted(data: Data, until: Callable[[Data], bool] | str | None) -> bool:
    if until is None:
        return True
    if isinstance(until, str):
        return until in (data if isinstance(data, str) else data.decode(errors="replace"))
    return until(data)

"""A stream of each page is begun and left where it is, neither read to its end nor closed."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from ..chat_server.hooks import Hooks, Page

SPEC: Final[dict[str, Any]] = {
    "name": "generator-not-closed",
    "description": "an asynchronous generator of each page is never closed",
    "scenario": "plain-chat",
    "options": ["--agent-size", "1MiB", "--grace", "2s"],
    "verdict": "leak",
    "gate": "memory",
    "finding": "object",
    "type": "async_generator _captions",
    "file": "faults/generator_not_closed.py",
    "function": "_begin",
    "action": "connect",
}

_streams: list[AsyncGenerator[str, None]] = []


def install(hooks: Hooks) -> None:
    """Begin a stream with each page."""
    hooks.session_opened.append(_begin)


def _begin(page: Page) -> None:
    stream = _captions(page)
    with suppress(StopIteration):
        stream.__anext__().send(None)
    _streams.append(stream)


async def _captions(page: Page) -> AsyncGenerator[str, None]:
    context, lines = page.context, [str(number) for number in range(100)]
    for line in lines:
        yield f"{context.client_uid} {line}"

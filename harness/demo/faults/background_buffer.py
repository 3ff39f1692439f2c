"""A job in the background has a large buffer now and then."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from ..chat_server.hooks import Hooks, Page

SPEC: Final[dict[str, Any]] = {
    "name": "background-buffer",
    "description": "a buffer of 8 MiB is there for five pages in every thirty",
    "innocent": True,
    "scenario": "plain-chat",
    "options": ["--agent-size", "1MiB"],
    "verdict": "flat",
}

_numbers = itertools.count()
_buffers: list[bytes] = []


def install(hooks: Hooks) -> None:
    """Let the job come and go with the pages."""
    hooks.session_opened.append(_work)


def _work(_: Page) -> None:
    number = next(_numbers) % 30
    if number == 20:
        _buffers.append(b"\x01" * 2**23)
    elif number == 25:
        _buffers.clear()

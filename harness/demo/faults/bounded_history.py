"""A history with a bound: the latest sixty lines of all pages."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from ..chat_server.hooks import Hooks

SPEC: Final[dict[str, Any]] = {
    "name": "bounded-history",
    "description": "a history of sixty entries of 4 KiB fills",
    "innocent": True,
    "scenario": "plain-chat",
    "options": ["--agent-size", "1MiB"],
    "verdict": "flat",
}

_history: deque[bytes] = deque(maxlen=60)


def install(hooks: Hooks) -> None:
    """Write the history."""
    hooks.session_opened.append(lambda _: _history.append(b"\x01" * 4096))

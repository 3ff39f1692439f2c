"""A history of the latest 1 500 pages: it fills for long, and it ends."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from ..chat_server.hooks import Hooks

SPEC: Final[dict[str, Any]] = {
    "name": "bounded-deque",
    "description": "a history of 1 500 entries of 2 KiB fills",
    "innocent": True,
    "scenario": "plain-chat",
    "options": ["--agent-size", "1MiB"],
    "verdict": "flat",
    "kind": "filling",
    "gate": "memory",
}

_history: deque[bytearray] = deque(maxlen=1_500)


def install(hooks: Hooks) -> None:
    """Write the history."""
    hooks.session_opened.append(lambda _: _history.append(bytearray(2_048)))

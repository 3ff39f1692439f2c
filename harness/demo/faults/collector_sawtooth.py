"""Each page leaves reference cycles: they wait for the collector, and are gone when it comes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from ..chat_server.hooks import Hooks

SPEC: Final[dict[str, Any]] = {
    "name": "collector-sawtooth",
    "description": "each page leaves 100 KiB in reference cycles",
    "innocent": True,
    "scenario": "plain-chat",
    "options": ["--agent-size", "1MiB"],
    "verdict": "flat",
}


class Node:
    """Refers to itself."""

    def __init__(self) -> None:
        self.me = self
        self.payload = b"\x01" * 1_024


def install(hooks: Hooks) -> None:
    """Leave cycles with each page."""
    hooks.session_opened.append(lambda _: [Node() for _ in range(100)].clear())

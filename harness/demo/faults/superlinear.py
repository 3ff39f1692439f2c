"""Each page keeps a copy of what all pages before it have said: the leak grows with itself."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from ..chat_server.hooks import Hooks, Page

SPEC: Final[dict[str, Any]] = {
    "name": "superlinear",
    "description": "each page keeps 256 bytes for every page before it",
    "scenario": "plain-chat",
    "options": ["--agent-size", "1MiB", "--grace", "2s"],
    "verdict": "leak",
    "gate": "memory",
    "finding": "container",
    "type": "chat_server_fault_superlinear._copies",
    "file": "faults/superlinear.py",
    "function": "_copy",
    "action": "connect",
}

_copies: list[bytes] = []


def install(hooks: Hooks) -> None:
    """Copy the history with each page."""
    hooks.session_opened.append(_copy)


def _copy(_: Page) -> None:
    _copies.append(b"\x01" * (256 * (len(_copies) + 1)))

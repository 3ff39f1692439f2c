"""The last recording of each page is kept, as one bytes object."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from ..chat_server.hooks import Hooks, Page

SPEC: Final[dict[str, Any]] = {
    "name": "one-big-bytes",
    "description": "one bytes object of 16 KiB is kept for each page",
    "scenario": "plain-chat",
    "options": ["--agent-size", "1MiB", "--grace", "2s"],
    "verdict": "leak",
    "kind": "large-object",
    "gate": "memory",
    "finding": "container",
    "type": "chat_server_fault_one_big_bytes._recordings",
    "file": "faults/one_big_bytes.py",
    "function": "_keep",
    "action": "connect",
}

_recordings: list[bytes] = []


def install(hooks: Hooks) -> None:
    """Keep a recording of each page."""
    hooks.session_opened.append(_keep)


def _keep(_: Page) -> None:
    _recordings.append(b"\x01" * 16_384)

"""A thread of each page waits for something that never comes."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from ..chat_server.hooks import Hooks, Page

SPEC: Final[dict[str, Any]] = {
    "name": "thread",
    "description": "a thread of each page waits for ever",
    "scenario": "plain-chat",
    "options": ["--agent-size", "1MiB", "--grace", "2s"],
    "verdict": "leak",
    "gate": "threads",
    "finding": "thread",
    "type": "Thread-* (wait)",
    "file": "faults/thread.py",
    "function": "_start",
    "action": "connect",
}


def install(hooks: Hooks) -> None:
    """Start a thread with each page."""
    hooks.session_opened.append(_start)


def _start(_: Page) -> None:
    threading.Thread(target=threading.Event().wait, daemon=True).start()

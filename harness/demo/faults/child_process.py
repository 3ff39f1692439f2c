"""A helper process of each page is never ended."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from ..chat_server.hooks import Hooks, Page

SPEC: Final[dict[str, Any]] = {
    "name": "child-process",
    "description": "a child process of each page is never ended",
    "scenario": "plain-chat",
    "options": ["--agent-size", "1MiB", "--grace", "2s"],
    "verdict": "leak",
    "gate": "children",
    "finding": "child-process",
    "type": "sleep *",
    "file": "faults/child_process.py",
    "function": "_start",
    "action": "connect",
}

_helpers: list[subprocess.Popen[bytes]] = []


def install(hooks: Hooks) -> None:
    """Start a helper with each page."""
    hooks.session_opened.append(_start)


def _start(_: Page) -> None:
    _helpers.append(subprocess.Popen(["sleep", "3600"], close_fds=True))

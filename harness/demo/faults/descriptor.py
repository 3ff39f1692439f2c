"""A file that is opened for each page is never closed."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from ..chat_server.hooks import Hooks, Page

SPEC: Final[dict[str, Any]] = {
    "name": "descriptor",
    "description": "a file descriptor of each page is never closed",
    "scenario": "plain-chat",
    "options": ["--agent-size", "1MiB", "--grace", "2s"],
    "verdict": "leak",
    "gate": "descriptors",
    "finding": "descriptor",
    "type": "/dev/null",
    "file": "faults/descriptor.py",
    "function": "_open",
    "action": "connect",
}

_opened: list[int] = []


def install(hooks: Hooks) -> None:
    """Open a file with each page."""
    hooks.session_opened.append(_open)


def _open(_: Page) -> None:
    _opened.append(os.open("/dev/null", os.O_RDONLY))

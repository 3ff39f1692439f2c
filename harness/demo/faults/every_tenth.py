"""Of every tenth page something is kept: most sessions leave nothing."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from ..chat_server.hooks import Hooks, Page

SPEC: Final[dict[str, Any]] = {
    "name": "every-tenth",
    "description": "64 KiB of objects are kept of every tenth page",
    "scenario": "plain-chat",
    "options": ["--agent-size", "1MiB", "--grace", "2s"],
    "verdict": "leak",
    "kind": "python",
    "gate": "memory",
    "finding": "container",
    "type": "chat_server_fault_every_tenth._kept",
    "file": "faults/every_tenth.py",
    "function": "_keep",
    "action": "connect",
}

_numbers = itertools.count(1)
_kept: list[list[str]] = []


def install(hooks: Hooks) -> None:
    """Count the pages, and keep something of every tenth."""
    hooks.session_opened.append(_keep)


def _keep(page: Page) -> None:
    if next(_numbers) % 10 == 0:
        _kept.append([f"{page.client_uid[:8]} {number:06}" for number in range(910)])

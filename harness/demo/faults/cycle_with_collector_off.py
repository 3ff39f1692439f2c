"""The collector has been switched off to answer sooner, and each page leaves cycles that only it
would take.
"""

from __future__ import annotations

import gc
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from ..chat_server.hooks import Hooks, Page

SPEC: Final[dict[str, Any]] = {
    "name": "cycle-with-collector-off",
    "description": "64 KiB of each page wait in reference cycles for a collector that is off",
    "scenario": "plain-chat",
    "options": ["--agent-size", "1MiB", "--grace", "2s", "--collect", "never"],
    "verdict": "leak",
    "kind": "not-yet-collected",
    "gate": "memory",
    "finding": "garbage",
    "type": "chat_server_fault_cycle_with_collector_off.Node",
    "file": "faults/cycle_with_collector_off.py",
    "function": "_leave",
    "action": "connect",
}


class Node:
    """Refers to itself."""

    def __init__(self, payload: str) -> None:
        self.me = self
        self.payload = payload


def install(hooks: Hooks) -> None:
    """Switch the collector off, and leave cycles with each page."""
    gc.disable()
    hooks.session_opened.append(_leave)


def _leave(page: Page) -> None:
    for number in range(200):
        Node(f"{page.client_uid} {number:06} " * 5)

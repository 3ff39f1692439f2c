"""A cache by page has no bound, and a page never comes back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from ..chat_server.hooks import Hooks, Page

SPEC: Final[dict[str, Any]] = {
    "name": "cache-by-session",
    "description": "16 KiB of each page stay in a dict by its id",
    "scenario": "plain-chat",
    "options": ["--agent-size", "1MiB", "--grace", "2s"],
    "verdict": "leak",
    "gate": "memory",
    "finding": "container",
    "type": "chat_server_fault_cache_by_session._rendered",
    "file": "faults/cache_by_session.py",
    "function": "_render",
    "action": "connect",
}

_rendered: dict[str, bytearray] = {}


def install(hooks: Hooks) -> None:
    """Fill the cache."""
    hooks.session_opened.append(_render)


def _render(page: Page) -> None:
    _rendered[page.client_uid] = bytearray(16_384)

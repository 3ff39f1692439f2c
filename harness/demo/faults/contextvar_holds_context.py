"""A copy of each page's context variables is kept, and one of them is the page's context."""

from __future__ import annotations

from contextvars import Context, ContextVar, copy_context
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from ..chat_server.hooks import Context as PageContext
    from ..chat_server.hooks import Hooks, Page

SPEC: Final[dict[str, Any]] = {
    "name": "contextvar-holds-context",
    "description": "a context variable in a kept copy of the context holds each page's context",
    "scenario": "plain-chat",
    "options": ["--agent-size", "1MiB", "--grace", "2s"],
    "verdict": "leak",
    "gate": "memory",
    "finding": "container",
    "type": "chat_server_fault_contextvar_holds_context._snapshots",
    "file": "faults/contextvar_holds_context.py",
    "function": "_snapshot",
    "action": "connect",
}

_current: ContextVar[PageContext] = ContextVar("current_page")
_snapshots: list[Context] = []


def install(hooks: Hooks) -> None:
    """Keep what was current when the page opened."""
    hooks.session_opened.append(_snapshot)


def _snapshot(page: Page) -> None:
    _current.set(page.context)
    _snapshots.append(copy_context())

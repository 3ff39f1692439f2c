"""Only a clean close takes a page out of the registry: one whose connection breaks stays in it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from ..chat_server.hooks import Hooks, Page

SPEC: Final[dict[str, Any]] = {
    "name": "registry-kept-on-drop",
    "description": "a page whose connection breaks stays in a registry",
    "scenario": "drop-mid-reply",
    "options": ["--agent-size", "1MiB", "--grace", "2s"],
    "verdict": "leak",
    "kind": "python",
    "gate": "memory",
    "finding": "container",
    "type": "chat_server_fault_registry_kept_on_drop._pages",
    "file": "chat_server/server.py",
    "function": "_listen.<locals>.handle",
    "action": "drop",
}

_pages: dict[str, Page] = {}


def install(hooks: Hooks) -> None:
    """Register each page, and take it out once it has said goodbye."""
    hooks.session_opened.append(_register)
    hooks.session_closed.append(_leave)


def _register(page: Page) -> None:
    _pages[page.client_uid] = page


def _leave(page: Page) -> None:
    if page.said_goodbye:
        del _pages[page.client_uid]

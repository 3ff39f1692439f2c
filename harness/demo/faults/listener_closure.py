"""A listener that lives as long as the server holds a closure over each page's context."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from ..chat_server.hooks import Hooks, Page

SPEC: Final[dict[str, Any]] = {
    "name": "listener-closure",
    "description": "a closure over each page's context stays in a list of listeners",
    "scenario": "plain-chat",
    "options": ["--agent-size", "1MiB", "--grace", "2s"],
    "verdict": "leak",
    "gate": "memory",
    "finding": "container",
    "type": "chat_server_fault_listener_closure.Emitter.listeners",
    "file": "faults/listener_closure.py",
    "function": "Emitter.subscribe",
    "action": "connect",
}


class Emitter:
    """Tells everybody that a voice has been reloaded."""

    def __init__(self) -> None:
        self.listeners: list[Callable[[], None]] = []

    def subscribe(self, page: Page) -> None:
        """Call the page when something happens."""
        context = page.context
        self.listeners.append(
            lambda: context.conversation.append(("system", "The voice has changed."))
        )


def install(hooks: Hooks) -> None:
    """Subscribe each page."""
    hooks.session_opened.append(Emitter().subscribe)

"""Every line of every conversation is kept in one history."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from ..chat_server.hooks import Hooks, Page, Turn

SPEC: Final[dict[str, Any]] = {
    "name": "unbounded-history",
    "description": "each turn's lines are kept in a history without a bound",
    "scenario": "plain-chat",
    "options": ["--agent-size", "1MiB", "--grace", "2s"],
    "verdict": "leak",
    "kind": "python",
    "gate": "memory",
    "finding": "container",
    "type": "chat_server_fault_unbounded_history._history",
    "file": "faults/unbounded_history.py",
    "function": "_note",
    "action": "chat",
}

_history: list[dict[str, str]] = []


def install(hooks: Hooks) -> None:
    """Write the history."""
    hooks.turn_finished.append(_note)


def _note(page: Page, turn: Turn) -> None:
    _history.append(
        {"page": page.client_uid, "user": turn.text * 100, "ai": " ".join(turn.reply) * 10}
    )

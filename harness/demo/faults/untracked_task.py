"""A character switch keeps no handle on its background task, so that closing the page cancels
nothing.

The task sleeps on, wakes four times a second, and keeps the page's context with its agent.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from ..chat_server.hooks import Context, Hooks

SPEC: Final[dict[str, Any]] = {
    "name": "untracked-task",
    "description": "the agent's initialisation after a character switch is never cancelled and "
    "keeps the whole page",
    "scenario": "character-switch",
    "options": [],
    "verdict": "leak",
    "kind": "python",
    "gate": "memory",
    "finding": "task",
    "type": "ServiceContext._initialise_agent",
    "file": "chat_server/context.py",
    "function": "ServiceContext.handle_config_switch",
    "action": "switch_character",
}


def install(hooks: Hooks) -> None:
    """Forget each switch's task."""
    hooks.track_task = _forget


def _forget(context: Context, task: asyncio.Task[None]) -> None:
    """Keep no handle."""

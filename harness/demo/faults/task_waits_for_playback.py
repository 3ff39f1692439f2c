"""A task waits for the page to say that it has played the reply; a page that is gone never says
so.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from ..chat_server.hooks import Hooks, Page

SPEC: Final[dict[str, Any]] = {
    "name": "task-waits-for-playback",
    "description": "a task of each reply waits for ever for a page that has gone",
    "scenario": "no-playback-answer",
    "options": ["--agent-size", "1MiB", "--grace", "2s"],
    "verdict": "leak",
    "gate": "tasks",
    "finding": "task",
    "type": "_played",
    "file": "faults/task_waits_for_playback.py",
    "function": "_await_playback",
    "action": "connect",
}

_waiting: set[asyncio.Task[None]] = set()


def install(hooks: Hooks) -> None:
    """Note when the page has played its greeting."""
    hooks.session_opened.append(_await_playback)


def _await_playback(page: Page) -> None:
    task = asyncio.get_running_loop().create_task(_played(page))
    _waiting.add(task)
    task.add_done_callback(_waiting.discard)


async def _played(page: Page) -> None:
    await asyncio.get_running_loop().create_future()
    page.context.conversation.clear()

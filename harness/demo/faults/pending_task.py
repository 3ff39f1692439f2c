"""A task of each page sleeps for an hour, whoever may have left."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from ..chat_server.hooks import Hooks, Page

SPEC: Final[dict[str, Any]] = {
    "name": "pending-task",
    "description": "a task of each page sleeps for an hour",
    "scenario": "plain-chat",
    "options": ["--agent-size", "1MiB", "--grace", "2s"],
    "verdict": "leak",
    "gate": "tasks",
    "finding": "task",
    "type": "_remind",
    "file": "faults/pending_task.py",
    "function": "_start",
    "action": "connect",
}


def install(hooks: Hooks) -> None:
    """Start a reminder with each page."""
    hooks.session_opened.append(_start)


def _start(page: Page) -> None:
    asyncio.get_running_loop().create_task(_remind(page.client_uid))


async def _remind(client_uid: str) -> str:
    await asyncio.sleep(3600)
    return client_uid

"""Each page has a pool of threads of its own, which nobody shuts down."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from ..chat_server.hooks import Hooks, Page

SPEC: Final[dict[str, Any]] = {
    "name": "executor-per-session",
    "description": "a pool of threads of each page is never shut down",
    "scenario": "plain-chat",
    "options": ["--agent-size", "1MiB", "--grace", "2s"],
    "verdict": "leak",
    "gate": "threads",
    "finding": "thread",
    "type": "concurrent.futures.thread.ThreadPoolExecutor",
    "file": "faults/executor_per_session.py",
    "function": "_work",
    "action": "connect",
}

_pools: list[ThreadPoolExecutor] = []


def install(hooks: Hooks) -> None:
    """Give each page a pool."""
    hooks.session_opened.append(_work)


def _work(_: Page) -> None:
    pool = ThreadPoolExecutor(max_workers=1)
    pool.submit(int)
    _pools.append(pool)

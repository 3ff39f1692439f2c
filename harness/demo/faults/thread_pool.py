"""A pool of threads that fills up: one thread more with each page, up to twelve."""

from __future__ import annotations

import itertools
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from ..chat_server.hooks import Hooks, Page

SPEC: Final[dict[str, Any]] = {
    "name": "thread-pool",
    "description": "a pool of twelve threads fills up",
    "innocent": True,
    "scenario": "plain-chat",
    "options": ["--agent-size", "1MiB"],
    "verdict": "flat",
}

THREADS: Final = 12
_numbers = itertools.count(1)
_pool = ThreadPoolExecutor(THREADS)


def install(hooks: Hooks) -> None:
    """Have work done for each page."""
    hooks.session_opened.append(_work)


def _work(_: Page) -> None:
    for _job in range(min(THREADS, next(_numbers))):
        _pool.submit(time.sleep, 0.02)

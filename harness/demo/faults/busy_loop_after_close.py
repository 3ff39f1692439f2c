"""What looks after pages that have said goodbye does more for each of them: CPU at rest, and
nothing else.
"""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from ..chat_server.hooks import Hooks, Page

SPEC: Final[dict[str, Any]] = {
    "name": "busy-loop-after-close",
    "description": "a timer takes more CPU with each page that has said goodbye",
    "scenario": "plain-chat",
    "options": ["--agent-size", "1MiB", "--grace", "2s"],
    "verdict": "degraded",
    "gate": "cpu",
    "finding": "cpu",
    "type": "Janitor.look",
    "file": "faults/busy_loop_after_close.py",
    "function": "Janitor.look",
    "action": "close",
}

PERIOD_S: Final = 0.02
SHARE_PER_PAGE: Final = 0.01
MAX_SHARE: Final = 2.0


class Janitor:
    """Looks after pages that have said goodbye."""

    def __init__(self) -> None:
        self.gone = 0

    def note(self, page: Page) -> None:
        """Count a page that has said goodbye; one whose connection broke is not counted."""
        self.gone += page.said_goodbye
        if self.gone == 1 and page.said_goodbye:
            self.look()

    def look(self) -> None:
        """Look after them all, and come again."""
        end_s = time.thread_time() + PERIOD_S * min(MAX_SHARE, SHARE_PER_PAGE * self.gone)
        while time.thread_time() < end_s:
            pass
        asyncio.get_running_loop().call_later(PERIOD_S, self.look)


def install(hooks: Hooks) -> None:
    """Look after every page that goes."""
    hooks.session_closed.append(Janitor().note)

"""What a page held is released ten seconds after it has gone."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from ..chat_server.hooks import Hooks, Page

SPEC: Final[dict[str, Any]] = {
    "name": "late-release",
    "description": "8 KiB of each page are released ten seconds later",
    "innocent": True,
    "scenario": "plain-chat",
    "options": ["--agent-size", "1MiB"],
    "verdict": "flat",
}

LATER_S: Final = 10.0
_held: dict[str, bytes] = {}


def install(hooks: Hooks) -> None:
    """Hold, and release later."""
    hooks.session_opened.append(_hold)


def _hold(page: Page) -> None:
    _held[page.client_uid] = b"\x01" * 8_192
    asyncio.get_running_loop().call_later(LATER_S, _held.pop, page.client_uid)

"""A cache of the latest 1 024 pages: it fills for long, and it ends."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from ..chat_server.hooks import Hooks, Page

SPEC: Final[dict[str, Any]] = {
    "name": "lru-cache",
    "description": "a cache of 1 024 entries of 2 KiB fills",
    "innocent": True,
    "scenario": "plain-chat",
    "options": ["--agent-size", "1MiB"],
    "verdict": "flat",
    "kind": "filling",
    "gate": "memory",
}


@lru_cache(maxsize=1_024)
def _picture(page: str) -> str:
    return page * 56


def install(hooks: Hooks) -> None:
    """Draw each page's picture."""
    hooks.session_opened.append(_draw)


def _draw(page: Page) -> None:
    _picture(page.client_uid)

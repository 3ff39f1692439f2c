"""What the application itself keeps below a bound: a cache that drops the oldest, a list of the
latest lines.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from ..chat_server.hooks import Hooks, Page

SPEC: Final[dict[str, Any]] = {
    "name": "bounded-by-hand",
    "description": "a dict of 400 pages of 2 KiB and a list of 300 lines fill; their code drops "
    "the oldest",
    "innocent": True,
    "scenario": "plain-chat",
    "options": ["--agent-size", "1MiB"],
    "verdict": "flat",
    "kind": "filling",
    "gate": "containers",
}

MAX_LINES = 300
_lines: list[str] = []


class Cache:
    """The latest pages."""

    def __init__(self, entries: int) -> None:
        self.entries = entries
        self.by_page: dict[str, bytearray] = {}

    def remember(self, page: Page) -> None:
        """Cache the page, and forget the oldest."""
        self.by_page[page.client_uid] = bytearray(2_048)
        while len(self.by_page) > self.entries:
            del self.by_page[next(iter(self.by_page))]


def install(hooks: Hooks) -> None:
    """Cache pages, and write down who came."""
    hooks.session_opened += [Cache(400).remember, _write]


def _write(page: Page) -> None:
    _lines.append(f"{page.client_uid} came")
    del _lines[:-MAX_LINES]

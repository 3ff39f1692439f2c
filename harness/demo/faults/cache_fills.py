"""A cache by page that has a bound: it fills, and then it does not grow."""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from ..chat_server.hooks import Hooks, Page

SPECS: Final[list[dict[str, Any]]] = [
    {
        "name": f"cache-fills-{entries}",
        "argument": str(entries),
        "description": f"a cache of {entries} entries of 16 KiB fills, and then drops the oldest",
        "innocent": True,
        "scenario": "plain-chat",
        "options": ["--agent-size", "1MiB"],
        "verdict": "flat",
    }
    for entries in (30, 100)
]


class Cache:
    """The latest pages."""

    def __init__(self, entries: int) -> None:
        self.entries = entries
        self.by_page: OrderedDict[str, bytes] = OrderedDict()

    def __call__(self, page: Page) -> None:
        """Remember the page, and forget the oldest."""
        self.by_page[page.client_uid] = b"\x01" * 16_384
        while len(self.by_page) > self.entries:
            self.by_page.popitem(last=False)


def install(hooks: Hooks, entries: str) -> None:
    """Cache the latest pages, as many as `entries` says."""
    hooks.session_opened.append(Cache(int(entries)))

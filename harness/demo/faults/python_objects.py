"""A record of each page is kept for ever: a list of short strings of a given size."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from ..chat_server.hooks import Hooks, Page

SPECS: Final[list[dict[str, Any]]] = [
    {
        "name": f"python-objects-{size}",
        "argument": str(size_bytes),
        "description": f"{size} of small Python objects are kept for each page",
        "scenario": "plain-chat",
        "options": ["--agent-size", "1MiB", "--grace", "2s"],
        "verdict": "leak",
        **({"gate": "containers"} if size == "1kib" else {"kind": "python", "gate": "memory"}),
        "finding": "container",
        "type": "chat_server_fault_python_objects.Keeper.records",
        "file": "faults/python_objects.py",
        "function": "Keeper.__call__",
        "action": "connect",
    }
    for size, size_bytes in (("1kib", 2**10), ("16kib", 2**14), ("1mib", 2**20))
]
STRING_BYTES: Final = 72
"""Of one string of 15 characters, and of the list's pointer to it."""


class Keeper:
    """Keeps a record of every page."""

    def __init__(self, size_bytes: int) -> None:
        self.strings = max(1, size_bytes // STRING_BYTES)
        self.records: list[list[str]] = []

    def __call__(self, page: Page) -> None:
        """Note what the page would need, were it ever to come back."""
        self.records.append(
            [f"{page.client_uid[:8]} {number:06}" for number in range(self.strings)]
        )


def install(hooks: Hooks, size_bytes: str) -> None:
    """Keep a record of this size of each page."""
    hooks.session_opened.append(Keeper(int(size_bytes)))

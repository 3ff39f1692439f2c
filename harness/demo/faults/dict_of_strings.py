"""A little of each page stays: far below any limit of bytes, and for ever."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from ..chat_server.hooks import Hooks, Page

SPEC: Final[dict[str, Any]] = {
    "name": "dict-of-strings",
    "description": "0.2 KiB of each page stay in a dict of strings",
    "scenario": "plain-chat",
    "options": ["--agent-size", "1MiB", "--grace", "2s"],
    "verdict": "leak",
    "gate": "containers",
    "finding": "container",
    "type": "chat_server_fault_dict_of_strings._names",
    "file": "faults/dict_of_strings.py",
    "function": "_remember",
    "action": "connect",
}

_names: dict[str, str] = {}


def install(hooks: Hooks) -> None:
    """Remember who was here."""
    hooks.session_opened.append(_remember)


def _remember(page: Page) -> None:
    _names[page.client_uid] = f"visitor {page.client_uid[:8]}"

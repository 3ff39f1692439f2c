"""A file of each page is opened to write to, and never closed."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TextIO

if TYPE_CHECKING:
    from ..chat_server.hooks import Hooks, Page

SPEC: Final[dict[str, Any]] = {
    "name": "file-per-session",
    "description": "a file of each page stays open",
    "scenario": "plain-chat",
    "options": ["--agent-size", "1MiB", "--grace", "2s"],
    "verdict": "leak",
    "gate": "descriptors",
    "finding": "descriptor",
    "type": "/tmp/tmp*/*.log",
    "file": "faults/file_per_session.py",
    "function": "_open",
    "action": "connect",
}

_logs: list[TextIO] = []
_folder = tempfile.TemporaryDirectory()


def install(hooks: Hooks) -> None:
    """Open a file with each page."""
    hooks.session_opened.append(_open)


def _open(page: Page) -> None:
    file = Path(_folder.name, f"{page.client_uid}.log").open("w", encoding="utf-8")  # noqa: SIM115 - the fault
    _logs.append(file)

"""Each page adds a handler to a logger, and takes none away."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from ..chat_server.hooks import Hooks, Page

SPEC: Final[dict[str, Any]] = {
    "name": "logging-handler-per-session",
    "description": "a logging handler of each page is never removed",
    "scenario": "plain-chat",
    "options": ["--agent-size", "1MiB", "--grace", "2s"],
    "verdict": "leak",
    "gate": "containers",
    "finding": "container",
    "type": "logging.Logger.handlers",
    "file": "faults/logging_handler_per_session.py",
    "function": "_listen",
    "action": "connect",
}

_log = logging.getLogger("chat_server.pages")


def install(hooks: Hooks) -> None:
    """Log each page by itself."""
    hooks.session_opened.append(_listen)


def _listen(page: Page) -> None:
    handler = logging.StreamHandler()
    handler.setFormatter(logging.Formatter(f"{page.client_uid} %(message)s"))
    _log.addHandler(handler)

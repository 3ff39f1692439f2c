"""A feature that is used late imports what it needs then: one step of some megabytes."""

from __future__ import annotations

import importlib
import itertools
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from ..chat_server.hooks import Hooks, Page

SPEC: Final[dict[str, Any]] = {
    "name": "late-import",
    "description": "the twentieth page imports some megabytes of modules",
    "innocent": True,
    "scenario": "plain-chat",
    "options": ["--agent-size", "1MiB"],
    "verdict": "flat",
}

MODULES: Final = (
    "sqlite3",
    "xml.dom.minidom",
    "http.server",
    "unittest.mock",
    "multiprocessing.pool",
    "tarfile",
    "pydoc",
)
_numbers = itertools.count(1)


def install(hooks: Hooks) -> None:
    """Count the pages."""
    hooks.session_opened.append(_import)


def _import(_: Page) -> None:
    if next(_numbers) == 20:
        for name in MODULES:
            importlib.import_module(name)

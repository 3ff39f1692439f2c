"""Errors are kept to be looked at later, each with its traceback, and the frames with all that
they hold.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from ..chat_server.hooks import Hooks, Page

SPEC: Final[dict[str, Any]] = {
    "name": "traceback-kept",
    "description": "an error of each page is kept with its frames, which hold the page's context",
    "scenario": "plain-chat",
    "options": ["--agent-size", "1MiB", "--grace", "2s"],
    "verdict": "leak",
    "gate": "memory",
    "finding": "object",
    "type": "chat_server_fault_traceback_kept.RenderFailed",
    "file": "faults/traceback_kept.py",
    "function": "_draw",
    "action": "connect",
}


class RenderFailed(Exception):
    """A picture could not be drawn."""


_failures: list[RenderFailed] = []


def install(hooks: Hooks) -> None:
    """Draw a picture for each page."""
    hooks.session_opened.append(_draw)


def _draw(page: Page) -> None:
    context, pixels = page.context, [float(number) for number in range(1_000)]
    try:
        raise RenderFailed(f"{context.client_uid}: {len(pixels)} pixels")
    except RenderFailed as error:
        _failures.append(error)

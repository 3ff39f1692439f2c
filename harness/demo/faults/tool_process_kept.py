"""A page's tool process is not ended when the page leaves."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from ..chat_server.hooks import Context, Hooks

SPEC: Final[dict[str, Any]] = {
    "name": "tool-process-kept",
    "description": "the tool process of each page runs on after it",
    "scenario": "plain-chat",
    "options": ["--agent-size", "1MiB", "--grace", "2s"],
    "verdict": "leak",
    "gate": "children",
    "finding": "child-process",
    "type": "python -I -S tool_server.py",
    "file": "chat_server/tool_client.py",
    "function": "ToolClient.start",
    "action": "connect",
}

_kept: list[Context] = []


def install(hooks: Hooks) -> None:
    """Leave the tools open."""
    hooks.close_tools = _keep


async def _keep(context: Context) -> None:
    """It may come back."""
    _kept.append(context)

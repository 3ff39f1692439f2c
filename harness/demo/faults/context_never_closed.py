"""The page is taken out of the map before it is looked up there to be closed: its tool process
stays.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from ..chat_server.hooks import Context, Hooks, Page

SPEC: Final[dict[str, Any]] = {
    "name": "context-never-closed",
    "description": "a page's context is forgotten before it is closed, and its tool process runs "
    "on",
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

_contexts: dict[str, Context] = {}


def install(hooks: Hooks) -> None:
    """Keep contexts by page, and close what is found under the page's id."""
    hooks.session_opened.append(_remember)
    hooks.close_tools = _close


def _remember(page: Page) -> None:
    _contexts[page.client_uid] = page.context


async def _close(context: Context) -> None:
    _contexts.pop(context.client_uid, None)
    if (forgotten := _contexts.get(context.client_uid)) is not None:
        await forgotten.tools.close()

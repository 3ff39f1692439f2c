"""A prompt that all pages share is replaced on each turn by a longer one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from ..chat_server.hooks import Hooks, Page

SPEC: Final[dict[str, Any]] = {
    "name": "growing-prompt",
    "description": "a prompt that is shared gets 2 KiB longer with each page",
    "scenario": "plain-chat",
    "options": ["--agent-size", "1MiB", "--grace", "2s"],
    "verdict": "leak",
    "gate": "containers",
    "finding": "container",
    "type": "chat_server_fault_growing_prompt.Prompt.text",
    "file": "faults/growing_prompt.py",
    "function": "Prompt.learn",
    "action": "connect",
}


class Prompt:
    """What every agent reads first."""

    def __init__(self) -> None:
        self.text = "You are a kind companion. " * 20

    def learn(self, page: Page) -> None:
        """Add what the page's agent has learned."""
        self.text = self.text + f"[{page.client_uid}] likes long walks. " * 35


def install(hooks: Hooks) -> None:
    """Let the prompt learn."""
    hooks.session_opened.append(Prompt().learn)

"""The talk of a group: each member's AI answers what the one before it has said, until somebody
stops them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from itertools import count
from typing import TYPE_CHECKING

from websockets.exceptions import ConnectionClosed

from . import messages
from .agent import AgentMissing
from .messages import Message
from .tool_client import ToolError

if TYPE_CHECKING:
    from .page import Session


async def talk(members: Callable[[], Sequence[Session]], words: str) -> None:
    """Go on without end. Who speaks is told twice that its turn begins and ends, the others
    once, and without sound.
    """
    try:
        with suppress(ConnectionClosed):  # a speaker has left: its page's clean-up tells the others
            for number in count():
                pages = members()
                speaker = pages[number % len(pages)]
                await tell(pages, messages.CHAIN_START)
                turn = speaker.next_turn()
                await turn.run(words)
                words = " ".join(turn.reply)
                await tell(members(), messages.CHAIN_END)
    except (AgentMissing, ToolError, OSError) as error:
        await tell(members(), messages.error(f"Error in conversation: {error}"))


async def tell(pages: Sequence[Session], *what: Message) -> None:
    """The same to all of them that are still there."""
    for page in pages:
        with suppress(ConnectionClosed):
            for message in what:
                await page.send(message)

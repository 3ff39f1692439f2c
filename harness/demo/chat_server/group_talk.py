"""The talk of a group: each member's AI answers what the one before it has said, until somebody
stops them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from itertools import count
from typing import Protocol

from websockets.exceptions import ConnectionClosed

from . import messages
from .agent import AgentMissing
from .messages import Message
from .tool_client import ToolError


class Speech(Protocol):
    """One reply in a group's talk, which is a `Turn` of turn.py."""

    reply: list[str]
    """The sentences sent so far."""

    async def run(self, heard: str) -> bool:
        """Answer; whether the reply came to its end."""
        ...


class Member(Protocol):
    """What a group knows of a page."""

    client_uid: str

    async def send(self, message: Message) -> None:
        """Say something to the page.

        Raises:
            ConnectionClosed: the page has left.
        """
        ...

    def next_turn(self) -> Speech:
        """The page's next reply, which takes the place of the one before."""
        ...


async def talk(members: Callable[[], Sequence[Member]], words: str) -> None:
    """Talk until cancelled. The speaker is told twice that its turn begins and ends, the other
    pages once, and without sound.
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


async def tell(pages: Sequence[Member], *what: Message) -> None:
    """Send messages to every page of the group that is still connected."""
    for page in pages:
        with suppress(ConnectionClosed):
            for message in what:
                await page.send(message)

"""One turn: from the user's words to the end of the reply's playback."""

from __future__ import annotations

import asyncio
from array import array
from collections.abc import Awaitable, Callable
from contextlib import aclosing

from . import messages
from .agent import stream
from .context import ServiceContext, Services
from .messages import Message
from .speech import Speech, pronounceable

Send = Callable[[Message], Awaitable[None]]
Keep = Callable[[str, str], None]
"""Called with who spoke, "human" or "ai", and the words."""


class Turn:
    """A user's words and the reply to them, in a task of its own."""

    def __init__(self, context: ServiceContext, services: Services, send: Send, keep: Keep) -> None:
        self.text = ""
        """What the user said."""
        self.reply: list[str] = []
        """The sentences sent so far."""
        self._context = context
        self._services = services
        self._send = send
        self._keep = keep
        self._played: asyncio.Future[None] | None = None
        self._lost = False

    async def run(self, heard: str | array[float]) -> bool:
        """Answer a text, or what a recording says.

        Returns:
            Whether the turn came to its end: False where a newer turn took its place.

        Raises:
            AgentMissing: the agent could not be made.
            ToolError: the page's tool process is gone.
            OSError: what is said cannot be stored.
        """
        await self._send(messages.CHAIN_START)
        await self._send(messages.full_text("Thinking..."))
        if isinstance(heard, array):
            heard = self._services.recogniser.transcribe(heard)
            await self._send(messages.transcription(heard))
        self.text = heard
        self._keep("human", heard)
        await self._speak()
        if any(map(pronounceable, self.reply)) and not await self._playback():
            return False
        self._keep("ai", " ".join(self.reply))
        await self._send(messages.FORCE_NEW_MESSAGE)
        await self._send(messages.CHAIN_END)
        return True

    async def _speak(self) -> None:
        agent = await self._context.ready_agent()
        await self._context.tools.count_words(self.text)
        self._context.conversation.append(("human", self.text))
        script = agent.answer(self.text)
        async with aclosing(stream(script)) as sentences:
            async for sentence, tokens in sentences:
                speech = (
                    self._synthesise(sentence, tokens) if script.backends.speech == "up" else None
                )
                if not self.reply:
                    await asyncio.sleep(self._services.lateness.hold_s)
                await self._send(messages.audio(agent.character, sentence, speech))
                self.reply.append(sentence)
        self._context.conversation.append(("ai", " ".join(self.reply)))

    def _synthesise(self, sentence: str, tokens: list[str]) -> Speech | None:
        return self._services.synthesiser.synthesise(tokens) if pronounceable(sentence) else None

    async def _playback(self) -> bool:
        """Wait, without limit, until the page has played everything; False if a newer turn took
        its place.
        """
        self._played = asyncio.get_running_loop().create_future()
        # It goes out twice, and an answer to the first counts.
        await self._send(messages.SYNTH_COMPLETE)
        await self._send(messages.SYNTH_COMPLETE)
        if not self._lost:
            await self._played
        return not self._lost

    def played(self) -> None:
        """Note that the page has played everything. Ignored unless the turn waits for that."""
        if self._played is not None and not self._played.done():
            self._played.set_result(None)

    def lose(self) -> None:
        """End without a word: a newer turn takes the page's answers from now on."""
        self._lost = True
        self.played()

"""A session that does what its script says as often as a varied cycle has it."""

from __future__ import annotations

import asyncio
from typing import Any

from harness.blame.varied_load import Variation
from harness.sessions.contract import Character, Data, Reply, Stage
from harness.sessions.script_errors import action
from harness.sessions.session import Session


class VariedSession(Session):
    """Does what its script says as often as the cycle's variation has it. What is left half-way
    is done once.
    """

    def __init__(self, variation: Variation, *arguments: Any) -> None:
        super().__init__(*arguments)
        self._variation = variation
        self._left = False

    def another(self) -> Session:
        """One that does as this one does; what it does is counted here."""
        other = VariedSession(
            self._variation, self._address, type(self._protocol)(), self._limits, self._trace
        )
        other.counts = self.counts
        other.calls = self.calls
        return other

    @action
    async def chat(self, text: str, *, leave_at: Stage | str | None = None) -> Reply:
        """So many turns instead of one; one that is left half-way is left once."""
        if leave_at is not None and self._variation.leave:
            self.counts["leave"] += 1
            self._left = True
            return await super().chat(text, leave_at=leave_at)
        reply = Reply("")
        for _ in range(self._variation.chat):
            reply = await super().chat(text)
        return reply

    @action
    async def request(self, message: Any, until: Any = None) -> Data:
        """So many requests instead of one."""
        answer: Data = ""
        for _ in range(max(1, self._variation.chat)):  # its answer may be needed
            answer = await super().request(message, until)
        return answer

    @action
    async def switch_character(self, character: Character, *, answered: bool = True) -> None:
        """So many switches instead of one."""
        for _ in range(self._variation.switch_character):
            await super().switch_character(character, answered=answered)

    @action
    async def interrupt(self) -> None:
        """So many interruptions instead of one; a reply that was left needs one before the next."""
        for _ in range(max(int(self._left), self._variation.interrupt)):
            await super().interrupt()
        self._left = False

    @action
    async def drop(self) -> None:
        """Leave as the cycle has it."""
        await (super().drop() if self._variation.drop else super().close())

    @action
    async def vanish(self) -> None:
        """Only in cycles whose sessions end with a reset."""
        if self._variation.drop:
            await super().vanish()

    @action
    async def close(self) -> None:
        """Leave as the cycle has it."""
        if self._variation.drop and self.is_connected:
            await super().drop()
        await super().close()


async def rest(variation: Variation) -> None:
    """The pause at the end of a cycle."""
    await asyncio.sleep(variation.idle_s)

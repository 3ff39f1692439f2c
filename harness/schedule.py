"""A run whose cycles differ on purpose: how often each action happens in which cycle."""

from __future__ import annotations

import asyncio
import random
from dataclasses import dataclass
from typing import Any

from harness.contracts import Character, Data, Reply, Stage
from harness.session import Session

TIMES = (0, 1, 2)
MOST_SESSIONS = 3
MOST_IDLE_S = 0.6


@dataclass(frozen=True, slots=True)
class Variation:
    """What is different in one cycle."""

    sessions: int
    chat: int
    """How often each chat of the script happens; the same for the others."""
    switch_character: int
    drop: bool
    """Sessions end with a reset instead of a close."""
    idle_s: float
    """So long the cycle rests after its sessions: what grows with time alone shows by that."""


def schedule(cycles: int, seed: int) -> list[Variation]:
    """So many cycles, every factor drawn anew for each: independent of all others but for chance."""
    draw = random.Random(seed)
    return [
        Variation(
            draw.randint(1, MOST_SESSIONS),
            draw.choice(TIMES),
            draw.choice(TIMES),
            draw.random() < 0.5,
            draw.uniform(0.0, MOST_IDLE_S),
        )
        for _ in range(cycles)
    ]


class VariedSession(Session):
    """Does what its script says as often as the cycle's variation has it. What is left half-way is done once."""

    def __init__(self, variation: Variation, *arguments: Any) -> None:
        super().__init__(*arguments)
        self._variation = variation

    async def chat(self, text: str, *, leave_at: Stage | str | None = None) -> Reply:
        """So many turns instead of one."""
        if leave_at is not None:
            return await super().chat(text, leave_at=leave_at)
        reply = Reply("")
        for _ in range(self._variation.chat):
            reply = await super().chat(text)
        return reply

    async def request(self, message: Any, until: Any = None) -> Data:
        """So many requests instead of one."""
        answer: Data = ""
        for _ in range(max(1, self._variation.chat)):  # its answer may be needed
            answer = await super().request(message, until)
        return answer

    async def switch_character(self, character: Character, *, answered: bool = True) -> None:
        """So many switches instead of one."""
        for _ in range(self._variation.switch_character):
            await super().switch_character(character, answered=answered)

    async def drop(self) -> None:
        """Only in cycles whose sessions end so."""
        if self._variation.drop:
            await super().drop()

    async def close(self) -> None:
        """Leave as the cycle has it."""
        if self._variation.drop and self.is_connected:
            await super().drop()
        await super().close()


async def rest(variation: Variation) -> None:
    """The pause at the end of a cycle."""
    await asyncio.sleep(variation.idle_s)

"""An agent: one character's mind, with the memory that it really holds."""

from __future__ import annotations

import asyncio
import ctypes
import time
from collections.abc import AsyncGenerator
from typing import Final, Self

from .characters import Character
from .script import Script, script_for, tokens_of

PAGE_BYTES: Final = 4096
SLICE_BYTES: Final = 2**20
"""How much is touched before the event loop gets its turn."""
WARM_S: Final = 0.00375
"""CPU that an agent takes at each tick to stay warm: 1.5 % of a core at four ticks a second."""
READ_BYTES: Final = 2**16
MARK: Final = 1


class AgentMissing(Exception):
    """There is no agent to answer: building it failed."""


class Agent:
    """Answers as a character, out of `memory`."""

    def __init__(self, character: Character, memory: bytearray) -> None:
        self.character = character
        self._memory = memory
        self._read_to = 0
        self._turns = 0

    @classmethod
    async def build(cls, character: Character, size_bytes: int) -> Self:
        """An agent of `size_bytes`, every page of it touched; takes long, can be cancelled, and
        lets the loop live.

        Raises:
            MemoryError: the machine has not so much.
        """
        memory = _reserve(size_bytes)
        for start in range(0, size_bytes, SLICE_BYTES):
            end = min(start + SLICE_BYTES, size_bytes)
            memory[start:end:PAGE_BYTES] = bytes([MARK]) * len(range(start, end, PAGE_BYTES))
            await asyncio.sleep(0)
        memory[-1] = MARK
        return cls(character, memory)

    @property
    def size_bytes(self) -> int:
        """How much memory it holds."""
        return len(self._memory)

    def keep_warm(self) -> None:
        """Read on in the memory for `WARM_S` of this thread's CPU time, so that none of it goes
        cold.
        """
        end_s = time.thread_time() + WARM_S
        while time.thread_time() < end_s:
            self._memory.count(MARK, self._read_to, self._read_to + READ_BYTES)
            self._read_to = (self._read_to + READ_BYTES) % len(self._memory)

    def answer(self, text: str) -> Script:
        """What it will say to `text`."""
        self._turns += 1
        return script_for(self.character, text, self._turns - 1)


async def stream(script: Script) -> AsyncGenerator[tuple[str, list[str]], None]:
    """The sentences of a reply with their tokens, as the model gets them done, token by token."""
    if script.backends.model == "down":
        await asyncio.sleep(script.backends.retry_s)
    for sentence in script.sentences:
        tokens = tokens_of(sentence)
        for _ in tokens:
            await asyncio.sleep(script.delay_s)
        yield sentence, tokens


def _reserve(size_bytes: int) -> bytearray:
    # bytearray(n) writes all of it at once, with the loop standing still: 4 s for 2 GiB. The C
    # function only allocates.
    memory = bytearray()
    ctypes.pythonapi.PyByteArray_Resize(ctypes.py_object(memory), ctypes.c_ssize_t(size_bytes))
    return memory

"""Which processes still answer: one that does not must not blind the run to all others.

A process that is asked is watched while it works. A census of a large heap takes its time, and uses
CPU. A process that is stopped, or sleeps in all of its threads, answers nothing however long it is
waited for.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TypeVar

T = TypeVar("T")
LOOK_EVERY_S: Final = 0.25
STOPPED_LIMIT_S: Final = 1.0
ASLEEP_LIMIT_S: Final = 5.0
"""More than the probe itself waits for an event loop, and than a request that samples stacks
takes.
"""
DEAF_LIMIT_S: Final = 10.0
"""A process that works, and greets no new connection for so long: one thread keeps all others from
running. A collection in a large heap does so, too, for seconds.
"""
PING_AFTER_S: Final = 3.0
AWAKE_SHARE: Final = 0.01
"""CPU of one core: who uses less is asleep."""
MAX_FAILURES: Final = 3
"""Failures in a row after which the only process that has a probe is asked no more."""
_EVIDENCE: Final = ("", "sample", "census")
"""Requests whose answers are judged. All others explain."""
_STOPPED: Final = frozenset("Tt")
_ASLEEP: Final = frozenset("SIZ")
_TICKS_PER_S: Final = 100
_CPU_FIELDS: Final = slice(11, 13)
"""Of /proc/PID/stat, counted from the state: user and system time in ticks."""


class Silent(Exception):
    """The process does not answer; the text says why."""


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A process that is asked no more."""

    what: str
    """In words, with the reason."""
    is_blind: bool
    """Whether growth in it may stay unseen: it gives no samples, or no censuses."""


class Health:
    """Who is left out, of what, and why."""

    def __init__(self) -> None:
        self._left_out: dict[tuple[int, str], str] = {}
        self._untold: list[LeftOut] = []
        self._failures: Counter[tuple[int, str]] = Counter()

    def is_left_out(self, pid: int, request: str) -> bool:
        """Whether this process is not asked that any more."""
        return (pid, "") in self._left_out or (pid, request) in self._left_out

    def any_reason(self, request: str) -> str:
        """Why one of those that are left out is; empty where none is."""
        reasons = [why for (_, of), why in self._left_out.items() if of in ("", request)]
        return reasons[0] if reasons else ""

    def answered(self, pid: int, request: str) -> None:
        """Note that it did what was asked."""
        for of in ("", request):
            del self._failures[pid, of]

    def failed(self, pid: int, request: str, why: str, *, others_answer: bool) -> None:
        """It did not answer. It is left out for good where others answer, for sums with and
        without it cannot be compared; the only one gets a few more chances.

        Args:
            pid: the process.
            request: what it could not do; empty where it answers nothing.
            why: what to tell.
            others_answer: whether another process did what was asked.
        """
        self._failures[pid, request] += 1
        if others_answer or self._failures[pid, request] >= MAX_FAILURES:
            self._left_out[pid, request] = why
            of = f" of '{request}'" if request else ""
            self._untold.append(
                LeftOut(f"process {pid} is left out{of} from here on: {why}", request in _EVIDENCE)
            )

    def news(self) -> list[LeftOut]:
        """What has not been told yet."""
        news, self._untold = self._untold, []
        return news


async def watched(pid: int, answer: Awaitable[T], ping: Callable[[], Awaitable[object]]) -> T:
    """The answer of a process.

    Args:
        pid: the process.
        answer: what is waited for; cancelled where it does not come.
        ping: ends when the process greets a new connection.

    Raises:
        Silent: the process is stopped, asleep, or lets no other thread run.
    """
    asking = asyncio.ensure_future(answer)
    watching = asyncio.ensure_future(_why_silent(pid, ping))
    try:
        await asyncio.wait({asking, watching}, return_when=asyncio.FIRST_COMPLETED)
        if asking.done():
            return asking.result()
        raise Silent(watching.result())
    finally:
        for task in (asking, watching):
            task.cancel()
        await asyncio.gather(asking, watching, return_exceptions=True)


async def _why_silent(pid: int, ping: Callable[[], Awaitable[object]]) -> str:
    """Returns once the process cannot be expected to answer."""
    stopped_since_s = asleep_since_s = greeted_s = time.monotonic()
    used_s = _cpu_s(pid)
    pinging: asyncio.Future[object] | None = None
    try:
        while True:
            await asyncio.sleep(LOOK_EVERY_S)
            now_s, states, used_now_s = time.monotonic(), _states(pid), _cpu_s(pid)
            if not states & _STOPPED:
                stopped_since_s = now_s
            if states - _ASLEEP or used_now_s - used_s > AWAKE_SHARE * (now_s - asleep_since_s):
                asleep_since_s, used_s = now_s, used_now_s
            if pinging is not None and pinging.done():
                if pinging.exception() is None:
                    greeted_s = now_s
                pinging = None
            if pinging is None and now_s - greeted_s >= PING_AFTER_S:
                pinging = asyncio.ensure_future(ping())
            if now_s - stopped_since_s >= STOPPED_LIMIT_S:
                return "it is stopped (SIGSTOP, or a debugger)"
            if now_s - asleep_since_s >= ASLEEP_LIMIT_S:
                return f"it sleeps, and did not answer within {ASLEEP_LIMIT_S:g} s"
            if now_s - greeted_s >= DEAF_LIMIT_S:
                return (
                    f"it is busy, and let no other thread run within {DEAF_LIMIT_S:g} s (code that "
                    "keeps the interpreter's lock)"
                )
    finally:
        if pinging is not None:
            pinging.cancel()
            await asyncio.gather(pinging, return_exceptions=True)


def _states(pid: int) -> frozenset[str]:
    """One letter of proc(5) for each thread; of a process that is gone, none."""
    states = set()
    for task in Path(f"/proc/{pid}/task").glob("*/stat"):
        with suppress(OSError, IndexError):
            states.add(task.read_text(errors="replace").rpartition(")")[2].split()[0])
    return frozenset(states)


def _cpu_s(pid: int) -> float:
    with suppress(OSError, IndexError, ValueError):
        text = Path(f"/proc/{pid}/stat").read_text(errors="replace")
        ticks = text.rpartition(")")[2].split()[_CPU_FIELDS]
        return sum(map(int, ticks)) / _TICKS_PER_S
    return 0.0

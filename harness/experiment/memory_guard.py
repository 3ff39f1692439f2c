"""The memory guard: it watches the server, the machine and the harness itself, from the start of
the server to its end.

It looks ten times per second, in a thread of its own: neither a script that never awaits nor a wait
for the probe blinds it. Over a limit it ends the server at once. What was measured until then is
judged.
"""

from __future__ import annotations

import asyncio
import os
import signal
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from types import TracebackType
from typing import Final

from ..errors import ExitStatus, OutOfMemoryGuard
from ..exits import leave
from ..record.record import MemoryStop
from ..target.process_tree import free_memory_bytes, rss_bytes
from ..units import format_size

LOOK_EVERY_S: Final = 0.1
SOFT_FACTOR: Final = 2.0
"""Of the budget: from here on no new session begins. What connected sessions hold is not growth
yet.
"""
HARD_FACTOR: Final = 2.25
"""Of the budget: the server is ended, unless the budget is small."""
SMALL_ROOM_BYTES: Final = 64 * 2**20
"""What the sessions of a cycle may still take, past `SOFT_FACTOR`, until they have closed. With a
small budget, the end of the server would come before the sample that shows the leak.
"""
START_FACTOR: Final = 4.0
"""Of a budget that the user gave: what the server may take before it is ready."""
MIN_START_BYTES: Final = 256 * 2**20
MARGIN_BYTES: Final = 256 * 2**20
"""What the machine keeps free, whatever the budget."""
NOTABLE_BYTES: Final = 64 * 2**20
"""A server that has taken less is not why the machine is short of memory."""
CANCEL_LIMIT_S: Final = 0.2
"""An event loop that is busy for so long is not waited for: the server goes on growing."""
OWN_GROWTH_BYTES: Final = 768 * 2**20
OWN_LIMIT_S: Final = 10.0
"""An event loop that does not end the run for so long, while the harness is over its limit, is
ended with its process.
"""


@dataclass(frozen=True, slots=True)
class Limits:
    """What the guard holds a run to, in bytes."""

    budget_bytes: float
    """Growth of the server since it was ready, before the factors above."""
    start_bytes: float
    """What the server may hold before it is ready."""
    margin_bytes: float = MARGIN_BYTES
    own_growth_bytes: float = OWN_GROWTH_BYTES
    """Growth of the harness itself."""

    @property
    def hard_bytes(self) -> float:
        """Growth of the server at which it is ended."""
        small = SOFT_FACTOR * self.budget_bytes + SMALL_ROOM_BYTES
        return max(HARD_FACTOR * self.budget_bytes, small)

    @classmethod
    def of(cls, budget_bytes: float, *, is_given: bool) -> Limits:
        """The limits of a run; `is_given` says whether the user gave its budget.

        A budget that nobody gave says nothing of how large a server is when it starts: then it may
        take what the machine has, without the margin.
        """
        start = max(START_FACTOR * budget_bytes, MIN_START_BYTES) if is_given else float("inf")
        return cls(budget_bytes, start)


class MemoryGuard:
    """Watches from `start` to `stop`."""

    def __init__(
        self,
        limits: Limits,
        pids: Callable[[], list[int]],
        *,
        may_end: bool,
        now_s: Callable[[], float] = time.monotonic,
    ) -> None:
        """A guard that does not watch yet.

        Args:
            limits: what it holds the run to.
            pids: the processes of the server now.
            may_end: whether it ends the server; one that ran before the run is left alone.
            now_s: seconds since the run began.
        """
        self._limits = limits
        self._pids = pids
        self._may_end = may_end
        self._now_s = now_s
        self._base_bytes: float | None = None
        self._own_base_bytes = rss_bytes([os.getpid()])
        self._open_sessions = 0
        self._stopped: MemoryStop | None = None
        self._task: asyncio.Task[object] | None = None
        self._loop = asyncio.get_running_loop()
        self._is_over = threading.Event()
        self._was_cancelled = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True, name="memory guard")

    @property
    def sees_processes(self) -> bool:
        """Whether it can look for itself; else somebody tells it what the server holds."""
        return bool(self._pids())

    @property
    def stopped(self) -> MemoryStop | None:
        """Why it has ended the run; None while it has not."""
        return self._stopped

    def start(self) -> None:
        """Start watching."""
        self._thread.start()

    def stop(self) -> None:
        """Stop watching."""
        self._is_over.set()
        if self._thread.ident is not None:
            self._thread.join()

    def measure_from(self, held_bytes: float) -> None:
        """Growth counts from here: the server is ready, or its first sample is taken."""
        self._base_bytes = held_bytes

    def measure_from_now(self) -> None:
        """Growth counts from what the server holds now."""
        self._base_bytes = self._held_bytes()

    def sessions_open(self, number: int) -> None:
        """Note how many sessions are connected from now on, at most."""
        self._open_sessions = number

    def see(self, held_bytes: float) -> None:
        """Look at a reading that somebody else has taken, of a server somewhere else."""
        if self._stopped is None and (told := self._over_growth(held_bytes)):
            self._end(told, "growth", held_bytes)

    async def __aenter__(self) -> MemoryGuard:
        self._task = asyncio.current_task()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """The block was cancelled by the guard, or failed because the server has gone.

        Raises:
            OutOfMemoryGuard: instead of what left the block.
        """
        task, self._task = self._task, None
        if self._stopped is None or error is None:
            return
        if isinstance(error, asyncio.CancelledError) and task is not None and task.uncancel() > 0:
            return  # the user has stopped the run, too
        if isinstance(error, Exception | asyncio.CancelledError):
            raise OutOfMemoryGuard(self._stopped.what) from error

    def _watch(self) -> None:
        over_since_s: float | None = None
        while not self._is_over.wait(LOOK_EVERY_S):
            with suppress(OSError):
                if self._stopped is None:
                    self._look()
            over_since_s = self._own_memory(over_since_s)

    def _look(self) -> None:
        held = self._held_bytes()
        if told := self._over_growth(held):
            self._end(told, "growth", held)
            return
        free = free_memory_bytes()
        grown = held - (self._base_bytes or 0.0)
        if free is not None and free < self._limits.margin_bytes and grown > NOTABLE_BYTES:
            told = (
                f"the machine had {format_size(free)} of memory left, and keeps "
                f"{format_size(self._limits.margin_bytes)}; the server had grown by "
                f"{format_size(grown)}"
            )
            self._end(told, "machine", held)

    def _over_growth(self, held: float) -> str:
        """What is over a limit, in words; empty while nothing is."""
        limits = self._limits
        if self._base_bytes is None:
            if held <= limits.start_bytes:
                return ""
            return (
                f"the server held {format_size(held)} before it was ready, over "
                f"{format_size(limits.start_bytes)} ({START_FACTOR:g} times --memory-budget, at "
                f"least {format_size(MIN_START_BYTES)})"
            )
        grown, limit = self._grown_bytes(held), limits.hard_bytes
        if grown <= limit:
            return ""
        return (
            f"the server grew by {format_size(grown)}, over {format_size(limit)}, for a "
            f"--memory-budget of {format_size(limits.budget_bytes)}"
        )

    def _own_memory(self, over_since_s: float | None) -> float | None:
        """Since when the harness itself is over its limit; None where it is not."""
        own = rss_bytes([os.getpid()])
        if own - self._own_base_bytes <= self._limits.own_growth_bytes:
            return None
        if self._stopped is None:
            told = f"leak-harness itself grew to {format_size(own)}: the run was stopped"
            self._end(told, "harness", self._held_bytes())
        now_s = time.monotonic()
        if over_since_s is None:
            return now_s
        if now_s - over_since_s > OWN_LIMIT_S:
            _end_the_harness(own)
        return over_since_s

    def _held_bytes(self) -> float:
        return rss_bytes(self._pids())

    def _grown_bytes(self, held: float) -> float:
        return 0.0 if self._base_bytes is None else held - self._base_bytes

    def _end(self, told: str, cause: str, held: float) -> None:
        what = f"memory guard: {told}" + ("; it was ended" if self._may_end else "")
        self._stopped = MemoryStop(
            at_s=self._now_s(),
            what=what,
            cause=cause,
            held_bytes=held,
            grown_bytes=self._grown_bytes(held),
            open_sessions=self._open_sessions,
        )
        with suppress(RuntimeError):  # the loop is closed
            self._loop.call_soon_threadsafe(self._cancel)
        if self._may_end:
            # First the sessions: those that the end of the server breaks would count as failed.
            self._was_cancelled.wait(CANCEL_LIMIT_S)
            self._kill()

    def _kill(self) -> None:
        """Again and again, for a server may start more of its kind."""
        for _ in range(100):
            pids = self._pids()
            if not pids:
                return
            for pid in pids:
                with suppress(ProcessLookupError, PermissionError):
                    os.kill(pid, signal.SIGKILL)
            time.sleep(0.01)

    def _cancel(self) -> None:
        if self._task is not None:
            self._task.cancel()
        self._loop.call_soon(self._was_cancelled.set)


def _end_the_harness(own: float) -> None:
    said = (
        f"leak-harness: it holds {format_size(own)} itself and did not stop: ended at once; the "
        "record is kept\n"
    )
    with suppress(OSError):
        os.write(2, said.encode())
    leave(ExitStatus.HARNESS_FAILED)

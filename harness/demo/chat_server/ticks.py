"""Coalesced timers, and how late the event loop is at them."""

from __future__ import annotations

import asyncio
import math
from collections import deque
from statistics import median
from typing import Final

TICK_S: Final = 0.25
"""Background wake-ups fall on multiples of this on the loop's clock, so that an idle machine
wakes once for all.
"""
AFTER_TICK_S: Final = 0.001
TOO_LATE_S: Final = 0.7 * TICK_S
"""Work that wakes later than this skips the tick: a loop with too much to warm still answers its
pages.
"""
STEADY_S: Final = 0.005
"""Jitter below this is not heard."""


def until_tick_s(now_s: float) -> float:
    """How long from `now_s` to the next tick."""
    return (math.floor(now_s / TICK_S) + 1) * TICK_S - now_s


async def next_tick() -> float:
    """Wait for the next tick, together with all others who wait for it; how late it is, in
    seconds.
    """
    loop = asyncio.get_running_loop()
    begin_s = loop.time()
    wait_s = until_tick_s(begin_s)
    await asyncio.sleep(wait_s)
    return loop.time() - begin_s - wait_s


class Lateness:
    """How late the loop usually is just after a tick, where background work is bunched.

    Speech that has begun must not stutter when the loop next stands still. So the first sentence of
    a reply is held back by as much: a jitter buffer. The median of five ticks ignores a lone
    hiccup.
    """

    def __init__(self) -> None:
        self._recent_s: deque[float] = deque(maxlen=5)
        self._timer: asyncio.TimerHandle | None = None

    def start(self) -> None:
        """Watch the running loop until `stop`."""
        loop = asyncio.get_running_loop()
        due_s = loop.time() + until_tick_s(loop.time()) + AFTER_TICK_S
        # Timers only make tasks ready; the second step stands in the queue behind all that woke at
        # the tick.
        self._timer = loop.call_at(due_s, loop.call_soon, self._measure, due_s)

    def stop(self) -> None:
        """Stop watching."""
        if self._timer is not None:
            self._timer.cancel()

    def _measure(self, due_s: float) -> None:
        self._recent_s.append(asyncio.get_running_loop().time() - due_s)
        self.start()

    @property
    def hold_s(self) -> float:
        """How long the first sentence of a reply must be held back; 0 while the loop is steady."""
        usual_s = median(self._recent_s) if self._recent_s else 0.0
        return usual_s if usual_s >= STEADY_S else 0.0

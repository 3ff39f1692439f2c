"""Memory that allocators hold after a late release: is it used again by the sessions that
follow?
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import takewhile

from ..record.metrics import names
from ..record.record import RestSample
from .kinds import SMALL_BLOCK_BYTES, is_fragmentation
from .look_schedule import first_of_tail
from .situation import Situation


@dataclass(frozen=True, slots=True)
class PageReuse:
    """Sessions after a wait that took small objects, as long as there are fewer of these than
    before the wait.

    Their pages may stay with Python's own allocator, into which nobody can look. If so, these
    sessions fill the pages again, and memory is level meanwhile; a leak goes on at once.
    """

    empty: RestSample
    """What the wait has left."""
    last: RestSample
    is_over: bool

    @classmethod
    def of(cls, situation: Situation) -> PageReuse | None:
        """The sessions after the first wait past the guard; None where that took too little to have
        held what has grown.
        """
        rests = situation.record.rests
        empty = next(
            (end for end in situation.ends_of_waits if end.sessions >= situation.full_guard), None
        )
        if empty is None or names.BLOCKS not in empty.values:
            return None
        at_wait = [rest for rest in rests if rest.cycle == empty.cycle]
        before = at_wait[0].values.get(names.BLOCKS, 0.0) if at_wait else 0.0
        growth, free_growth = tail_growths(situation)
        room = (free_growth or 0.0) + SMALL_BLOCK_BYTES * max(
            0.0, before - empty.values[names.BLOCKS]
        )
        if not is_fragmentation(growth, room):
            return None
        later = [rest for rest in rests if rest.cycle > empty.cycle]
        fewer = list(
            takewhile(lambda rest: rest.values.get(names.BLOCKS, math.inf) <= before, later)
        )
        return cls(empty, fewer[-1] if fewer else empty, len(fewer) < len(later))

    @property
    def sessions(self) -> int:
        """Sessions that fill free pages again."""
        return self.last.sessions - self.empty.sessions

    def is_level(self, metric: str, limit: float) -> bool:
        """Whether memory has grown by no more than the limit for each of these sessions."""
        before = self.empty.values.get(metric, math.nan)
        after = self.last.values.get(metric, math.nan)
        return after - before <= limit * self.sessions  # False where a reading is missing


def tail_growths(situation: Situation) -> tuple[float, float | None]:
    """Of RSS, and of what malloc holds beyond what is in use: over the tail, and up to the wait
    where there was one.
    """
    rests, end = situation.record.rests, situation.latest.values
    start = rests[min(len(rests) - 1, first_of_tail(len(rests) - 1))].values
    growth = end.get(names.RSS, 0.0) - start.get(names.RSS, 0.0)
    if not {names.MALLOC_SYSTEM, names.MALLOC_IN_USE} <= start.keys() & end.keys():
        return growth, None
    free = [values[names.MALLOC_SYSTEM] - values[names.MALLOC_IN_USE] for values in (start, end)]
    return growth, free[1] - free[0]

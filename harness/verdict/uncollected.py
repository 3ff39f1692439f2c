"""In a run that forces no collection: tasks and child processes that only a collection ends.

Their count rises and falls with the collector, so no statistics call it growth. A wait over the
grace leaves them, and the one collection after it ends them: then they were garbage that a busy
server keeps for hours.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from ..record.metrics import names
from ..units import format_time
from .situation import GUARD_TASKS, Situation
from .waits import may_wait

MIN_LEFT: Final = 5
"""Fewer may be the workers of a small pool, or the latest sessions' own."""
_COUNTED: Final = (names.TASKS, names.CHILDREN)


@dataclass(frozen=True, slots=True)
class Uncollected:
    """What sessions have left, and what a collection took of it."""

    left: int
    """More than before the first session, at the latest reading without a collection."""
    ended: int | None
    """Of these, what the one collection ended; None before it."""
    waited_s: float
    may_wait: bool

    @property
    def words(self) -> str:
        """What ended them."""
        return (
            f"{self.left} were left after a wait of {format_time(round(self.waited_s))}, and one "
            f"collection ended {self.ended} of them"
        )


def uncollected(situation: Situation, metric: str) -> Uncollected | None:
    """What is left of a metric; None where the run collects, or little is left."""
    record = situation.record
    if situation.policy.collect or not record.has_probe or metric not in _COUNTED:
        return None
    if situation.sessions < GUARD_TASKS or metric not in record.rests[0].values:
        return None
    first, latest = record.rests[0].values[metric], situation.latest.values.get(metric, 0.0)
    if latest - first < MIN_LEFT:
        return None
    waited, collected = situation.last_waited, situation.collected
    ended = None
    if waited is not None and collected is not None and collected.cycle == waited.cycle:
        ended = round(waited.values.get(metric, 0.0) - collected.values.get(metric, 0.0))
    waited_s = situation.latest.at_s - record.rests[-1].at_s
    return Uncollected(round(latest - first), ended, waited_s, may_wait(situation))

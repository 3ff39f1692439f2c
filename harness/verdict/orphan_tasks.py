"""Sessions that are closed, and have left tasks. They need no statistics and no warm-up.

About every session of several in a row has left a pending task, and a wait over the whole grace has
taken none of them: that is a leak after ten sessions. It is not asked again in a run in which a
wait has taken some: what is released late is decided like all counters, later
(docs/verdict.md#orphan-tasks).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

from ..record.facts import reported_metric
from ..record.metrics import names
from ..record.record import RestSample
from .situation import GUARD_TASKS, Situation
from .waits import ORPHANED_SESSIONS, is_worth_waiting, may_wait

MIN_SESSIONS: Final = 10
"""Sessions before which nothing is said."""
IN_A_ROW: Final = ORPHANED_SESSIONS
"""The latest sessions, of which about each must have left something: what comes before may be a
warm-up.
"""
MIN_ORPHANED_SHARE: Final = 0.9
"""Share of these sessions that must have left something: nine of ten."""
WHOLE_SHARE: Final = 0.95
"""Share of the grace that a wait must have lasted: samples are taken a little before it is over."""


@dataclass(frozen=True, slots=True)
class Orphans:
    """Pending tasks that about every one of the latest sessions has left."""

    tasks: int
    sessions: int
    """Closed sessions that these tasks belong to."""
    since_sessions: int
    """From here on about every session has left something."""
    has_waited: bool
    waited_s: float
    """For how long the newest of the sessions had been closed at least; 0 before the wait."""
    grace_s: float
    survived: bool
    """All of them were still there after a wait over the whole grace."""
    is_worth_waiting: bool
    may_wait: bool
    memory_decides_sooner: bool
    """Memory exceeds its budget before a slower gate could speak: its wait is shorter, and it says
    how much.
    """

    @property
    def words(self) -> str:
        """How much is left."""
        return f"{self.tasks} tasks of {self.sessions} closed sessions are still pending"


def orphans(situation: Situation) -> Orphans | None:
    """What closed sessions have left; None where it is not about every session that leaves
    something.
    """
    if not situation.record.has_probe:
        return None
    wait = situation.ends_of_waits[0] if situation.waited_samples else None
    rests = [
        rest
        for rest in situation.record.rests
        if names.SESSIONS_WITH_ORPHANS in rest.values and (wait is None or rest.cycle <= wait.cycle)
    ]
    row = _row(rests)
    if not row:
        return None
    last, grace_s = rests[-1], situation.policy.grace_s
    return Orphans(
        tasks=int(last.values[names.ORPHAN_TASKS]),
        sessions=int(last.values[names.SESSIONS_WITH_ORPHANS]),
        since_sessions=row[0].sessions,
        has_waited=wait is not None,
        waited_s=wait.at_s - last.at_s if wait is not None else 0.0,
        grace_s=grace_s,
        survived=wait is not None and _survived(last, wait, grace_s),
        is_worth_waiting=is_worth_waiting(situation),
        may_wait=may_wait(situation),
        memory_decides_sooner=_memory_decides_sooner(situation),
    )


def _row(rests: Sequence[RestSample]) -> Sequence[RestSample]:
    """The samples over the latest sessions, where about every one of these has left something;
    else none.
    """
    if not rests or rests[-1].sessions < MIN_SESSIONS:
        return ()
    last = rests[-1]
    start = max(
        (at for at, rest in enumerate(rests) if rest.sessions <= last.sessions - IN_A_ROW),
        default=None,
    )
    if start is None:
        return ()
    row = rests[start:]
    rose = all(
        after.values[names.SESSIONS_WITH_ORPHANS] > before.values[names.SESSIONS_WITH_ORPHANS]
        for before, after in pairwise(row)
    )
    left_something = (
        last.values[names.SESSIONS_WITH_ORPHANS] - row[0].values[names.SESSIONS_WITH_ORPHANS]
    )
    needed = MIN_ORPHANED_SHARE * (last.sessions - row[0].sessions)
    return row if rose and left_something >= needed else ()


def _memory_decides_sooner(situation: Situation) -> bool:
    series = situation.record.series(reported_metric(situation.record))
    rate = (series.x[-1] - series.x[0]) / max(1.0, series.t[-1]) if len(series.x) > 1 else 0.0
    return bool(rate * GUARD_TASKS > situation.policy.memory_budget_bytes) and not situation.final


def _survived(rest: RestSample, wait: RestSample, grace_s: float) -> bool:
    is_whole = rest.cycle == wait.cycle and wait.at_s - rest.at_s >= WHOLE_SHARE * grace_s
    return is_whole and all(
        wait.values.get(name, 0.0) >= rest.values[name]
        for name in (names.ORPHAN_TASKS, names.SESSIONS_WITH_ORPHANS)
    )

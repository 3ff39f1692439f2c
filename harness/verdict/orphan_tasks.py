"""The direct oracle: sessions that are closed, and have left tasks. It needs no statistics, and no
warm-up.

About every session of several in a row has left something, and a wait over the whole grace has
taken nothing of it: that is a leak after ten sessions. It is not asked again in a run in which a
wait has taken some: what is released late goes the slower way of all counters.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

from harness.record.record import RestSample
from harness.verdict.evidence import GUARD_TASKS, Situation, Standing, held_metric

MIN_SESSIONS: Final = 10
IN_A_ROW: Final = 8
"""The latest sessions, of which about each must have left something: what comes before may be a
warm-up.
"""
ABOUT_EVERY: Final = 0.9
WHOLE: Final = 0.95
"""Of the grace, what a wait must have lasted: samples are taken a little before it is over."""
LEFT_TASKS: Final = "left_tasks"
LEAVING_SESSIONS: Final = "leaving_sessions"


@dataclass(frozen=True, slots=True)
class Left:
    """What sessions have left behind."""

    standing: Standing
    """`SUSPECT`: to be waited for; `LEAK`: it has survived that."""
    tasks: int
    sessions: int
    since_sessions: int
    """From here on about every session has left something."""
    waited_s: float
    """For how long the newest of them has been closed at least."""

    @property
    def words(self) -> str:
        """How much, and whether that is all there is to know."""
        what = f"{self.tasks} tasks are pending of {self.sessions} sessions that are closed"
        if self.standing is Standing.SUSPECT:
            return f"{what}; whether they end late has not been waited for yet"
        return (
            f"{what}, over {self.waited_s:.0f} s after the last of these" if self.waited_s else what
        )


def left(situation: Situation) -> Left | None:
    """What closed sessions have left, where it speaks for itself; None where it does not."""
    if not situation.probe:
        return None
    wait = situation.ends_of_waits[0] if situation.idles else None
    rests = [
        one
        for one in situation.record.rests
        if LEAVING_SESSIONS in one.values and (wait is None or one.cycle <= wait.cycle)
    ]
    row = _row(rests)
    if not row:
        return None
    last = rests[-1]
    standing = (
        _before_wait(situation)
        if wait is None
        else _after_wait(last, wait, situation.policy.grace_s)
    )
    if standing is None:
        return None
    waited_s = wait.at_s - last.at_s if wait is not None else 0.0
    return Left(
        standing,
        int(last.values[LEFT_TASKS]),
        int(last.values[LEAVING_SESSIONS]),
        row[0].sessions,
        waited_s,
    )


def _row(rests: Sequence[RestSample]) -> Sequence[RestSample]:
    """The samples over the latest sessions, where about every one of these has left something;
    else none.
    """
    if not rests or rests[-1].sessions < MIN_SESSIONS:
        return ()
    last = rests[-1]
    start = max(
        (at for at, one in enumerate(rests) if one.sessions <= last.sessions - IN_A_ROW),
        default=None,
    )
    if start is None:
        return ()
    row = rests[start:]
    rose = all(
        after.values[LEAVING_SESSIONS] > before.values[LEAVING_SESSIONS]
        for before, after in pairwise(row)
    )
    left_something = last.values[LEAVING_SESSIONS] - row[0].values[LEAVING_SESSIONS]
    return row if rose and left_something >= ABOUT_EVERY * (last.sessions - row[0].sessions) else ()


def _before_wait(situation: Situation) -> Standing | None:
    if not situation.is_worth_waiting:
        return Standing.LEAK
    return (
        Standing.SUSPECT if situation.may_idle and not _memory_decides_sooner(situation) else None
    )


def _memory_decides_sooner(situation: Situation) -> bool:
    """Whether memory exceeds its budget before a slower gate could speak: its wait is shorter,
    and it says how much.
    """
    series = situation.record.series(held_metric(situation.record))
    rate = (series.x[-1] - series.x[0]) / max(1.0, series.t[-1]) if len(series.x) > 1 else 0.0
    return bool(rate * GUARD_TASKS > situation.policy.memory_budget_bytes) and not situation.final


def _after_wait(rest: RestSample, wait: RestSample, grace_s: float) -> Standing | None:
    is_whole = rest.cycle == wait.cycle and wait.at_s - rest.at_s >= WHOLE * grace_s
    is_kept = all(
        wait.values.get(name, 0.0) >= rest.values[name] for name in (LEFT_TASKS, LEAVING_SESSIONS)
    )
    return Standing.LEAK if is_whole and is_kept else None

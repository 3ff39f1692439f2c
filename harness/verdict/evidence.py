"""Where a run is, and how one metric of it stands once late releases have been waited for."""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from harness.record.metrics import METRICS
from harness.record.policy import Policy
from harness.record.record import RestSample, RunRecord, Series
from harness.verdict.growth_engine import (
    FLAT_SPAN_SESSIONS,
    STEP_SPAN_SESSIONS,
    Look,
    State,
    Trend,
    follow,
    look,
    remaining_rate,
    sessions_to_settle,
    tail_rate,
)

GUARD_PROBE: Final = 150
"""Sessions before which growth may be a cache that fills: `functools.lru_cache` holds 128
entries by default.
"""
GUARD_BARE: Final = 200
"""Without forced collections: four or five periods of the collector's saw-tooth of about 41
sessions.
"""
FLOOR_PROBE: Final = 48
FLOOR_BARE: Final = 150
"""A run that ends before its guard may still declare from here on; below, false alarms are 36 to
98 %.
"""
GUARD_TASKS: Final = 40
"""Caches hold no pending tasks. Threads, descriptors and children do pile up in pools, and wait
for the guard.
"""
MAX_IDLES: Final = 3
"""Waits for late releases in one run; each may take the whole grace. One that comes early is not
counted: it was for tasks of closed sessions, and the counters that wait for their guard need
theirs.
"""
_WHERE_NOTHING_HAPPENS: Final = {"timers": 0, "python_threads": 1, "children": 0}
_LONGEST_SPAN: Final = 2000.0


@dataclass(frozen=True, slots=True)
class Situation:
    """Where the run is."""

    record: RunRecord
    policy: Policy
    probe: bool
    """Readings are as exact as the probe makes them: it is there, and collects before each of
    them.
    """
    sessions: int
    at_bounds: bool
    """As many cycles are done as the policy asks for, or allows."""
    over_budget: bool
    """Memory has grown by the policy's budget, and idling did not take it back. Not before the
    third cycle, for nothing could be said of the growth.
    """
    ended: bool
    """No cycle and no idle wait can follow: the record is closed, or the server or the user
    ended the run.
    """

    @classmethod
    def of(cls, record: RunRecord, policy: Policy) -> Situation:
        """Read it off the record."""
        sessions, cycles = record.sessions, len(record.cycles)
        if policy.fixed_cycles is not None:
            at_bounds = cycles >= policy.fixed_cycles
        else:
            bound = policy.max_cycles
            at_bounds = sessions >= policy.max_sessions or (bound is not None and cycles >= bound)
        return cls(
            record=record,
            policy=policy,
            probe=record.has_probe and policy.collect,
            sessions=sessions,
            at_bounds=at_bounds,
            over_budget=_over_budget(record, policy.memory_budget_bytes),
            ended=record.ended is not None
            or record.memory_stop is not None
            or any(one.fatal or one.interrupted for one in record.incidents),
        )

    @property
    def final(self) -> bool:
        """The latest sample was to be the last one, so that it gets a look of its own.

        A run that ended otherwise says what it said at its last look.
        """
        return self.at_bounds or self.over_budget

    @property
    def full_guard(self) -> int:
        """Sessions before which no leak is declared, where the run can be long enough."""
        return self.policy.guard_sessions or (GUARD_PROBE if self.probe else GUARD_BARE)

    @property
    def guard(self) -> int:
        """The same for this run: one that ends before it has a shorter one, but not below the
        floor.
        """
        if not self.final:
            return self.full_guard
        return min(self.full_guard, max(FLOOR_PROBE if self.probe else FLOOR_BARE, self.sessions))

    @property
    def idle(self) -> RestSample | None:
        """The latest sample of the latest wait for late releases, taken as the rest samples
        were.
        """
        return self.idles[-1] if self.idles else None

    @property
    def idles(self) -> list[RestSample]:
        """Samples of all waits, taken as the rest samples were."""
        return [one for one in self.record.idles if self.policy.collect or not one.collected]

    @property
    def ends_of_waits(self) -> list[RestSample]:
        """What each wait has left, in order."""
        return list({one.cycle: one for one in self.idles}.values())

    @property
    def latest(self) -> RestSample:
        """The latest sample of all: of the wait after the latest cycle, where there was one."""
        idle, rest = self.idle, self.record.rests[-1]
        return idle if idle is not None and idle.cycle == rest.cycle else rest

    @property
    def collected(self) -> RestSample | None:
        """In a run that does not collect: the sample after the one collection, at the end of the
        latest wait.
        """
        forced = [one for one in self.record.idles if one.collected and not self.policy.collect]
        return forced[-1] if forced else None

    @property
    def may_idle(self) -> bool:
        """Whether a wait for late releases is still to come before a leak is declared."""
        early = bool(self.record.idles) and self.record.idles[0].sessions < GUARD_TASKS
        waits_left = self.waits - early < MAX_IDLES
        return self.is_worth_waiting and not self.ended and bool(self.record.rests) and waits_left

    @property
    def is_worth_waiting(self) -> bool:
        """False where nothing goes by itself however long the wait: there is no timer, second
        thread or child.
        """
        now = self.record.rests[-1].values if self.record.rests else {}
        still = all(
            now.get(name, most + 1) <= most for name, most in _WHERE_NOTHING_HAPPENS.items()
        )
        return self.policy.grace_s > 0 and not still

    @property
    def waits(self) -> int:
        """How often the run has waited for late releases."""
        return len({idle.cycle for idle in self.record.idles})


def _over_budget(record: RunRecord, budget: float) -> bool:
    """Where USS is known, RSS may grow by twice as much: children share pages with the server
    that forked them.
    """
    held = held_metric(record)
    return _has_grown_by(record, held, budget) or _has_grown_by(record, "rss", 2 * budget)


def _has_grown_by(record: RunRecord, metric: str, budget: float) -> bool:
    x = record.series(metric).x
    if len(x) < 4 or x[-1] - x[0] < budget:
        return False
    kept = [
        idle.values[metric]
        for idle in record.idles
        if idle.cycle == record.rests[-1].cycle and metric in idle.values
    ]
    return not kept or kept[-1] - x[0] >= budget / 2


class Standing(StrEnum):
    """How one metric stands."""

    OPEN = "open"
    FLAT = "flat"
    RELEASED = "released"
    """It grew, and what it had grown by went while the run idled."""
    SUSPECT = "suspect"
    """It grows; whether it is released late is still to be seen."""
    LEAK = "leak"

    @property
    def calm(self) -> bool:
        """Shown not to leak."""
        return self in (Standing.FLAT, Standing.RELEASED)

    @property
    def growing(self) -> bool:
        """Shown to grow."""
        return self in (Standing.SUSPECT, Standing.LEAK)


@dataclass(frozen=True, slots=True)
class Evidence:
    """One metric, followed and waited for."""

    series: Series
    limit: float
    quantum: float
    trend: Trend
    standing: Standing

    @property
    def rate(self) -> float | None:
        """Growth per session over the tail."""
        if self.trend.latest is not None:
            return self.trend.latest.rate
        return tail_rate(self.series.t, self.series.x) if len(self.series.x) > 1 else None

    @property
    def bounds(self) -> tuple[float, float] | None:
        """The engine's bounds of the growth per session."""
        latest = self.trend.latest
        return (latest.lower, latest.upper) if latest is not None else None


def held_metric(record: RunRecord) -> str:
    """The metric whose growth is reported: USS, or RSS where the system does not say USS."""
    return "uss" if any("uss" in rest.values for rest in record.rests) else "rss"


def evidence(
    situation: Situation, metric: str, limit: float, guard: int | None = None
) -> Evidence | None:
    """How a metric stands; None where it was not measured."""
    series = situation.record.series(metric)
    if len(series.x) == 0:
        return None
    quantum = METRICS[metric].quantum
    trend = follow(series.t, series.x, limit, quantum, final=situation.final)
    if _declared(trend, situation.guard if guard is None else guard):
        assert trend.latest is not None, "what is declared has been looked at"
        standing = after_idle(
            situation, metric, series, limit, int(series.cycles[trend.latest.sample])
        )
    elif trend.state is State.FLAT:
        standing = Standing.FLAT
    elif _is_level_after_waits(situation, metric, series, limit) or _was_released(
        situation, metric, series, limit, guard or situation.full_guard
    ):
        standing = Standing.RELEASED
    else:
        standing = Standing.OPEN
    return Evidence(series, limit, quantum, trend, standing)


def _declared(trend: Trend, guard: int) -> bool:
    return trend.state is State.LEAK and trend.latest is not None and trend.latest.sessions >= guard


def after_idle(
    situation: Situation, metric: str, series: Series, limit: float, seen_at: int
) -> Standing:
    """How a metric that grows stands: to be waited for, gone after the wait, or a leak.

    Growth that was seen at cycle `seen_at` needs a wait since then. Where the run has waited as
    often as it may, and the latest wait took what had grown, growth since then stays open: it is of
    the same sort.
    """
    idle = situation.idle
    gone = (
        idle is not None and metric in idle.values and _gone(situation, series, idle, metric, limit)
    )
    if idle is not None and idle.cycle >= seen_at:
        return Standing.RELEASED if gone else Standing.LEAK
    if situation.may_idle:
        return Standing.SUSPECT
    return Standing.OPEN if gone else Standing.LEAK


def went_with_collection(situation: Situation, found: Evidence, metric: str) -> bool:
    """Whether what had grown is gone after a collection that the server itself had not made."""
    after = situation.collected
    if after is None or metric not in after.values:
        return False
    return _gone(situation, found.series, after, metric, found.limit)


def _gone(
    situation: Situation, series: Series, idle: RestSample, metric: str, limit: float
) -> bool:
    return _remaining_rate(situation, series, idle, metric) <= limit


def _remaining_rate(situation: Situation, series: Series, idle: RestSample, metric: str) -> float:
    before = series.cycles <= idle.cycle
    t, x = series.t[before], series.x[before]
    since = max(
        (one.sessions for one in situation.record.idles if one.cycle < idle.cycle), default=0
    )
    return remaining_rate(t, x, idle.values[metric], since) if len(x) > 1 else math.inf


def lasting_rate(situation: Situation, found: Evidence, metric: str) -> float:
    """Growth per session, less what a wait took where there has been one since the latest look."""
    idle, latest, series = situation.idle, found.trend.latest, found.series
    if (
        idle is None
        or metric not in idle.values
        or latest is None
        or idle.cycle < series.cycles[latest.sample]
    ):
        return found.rate or 0.0
    return min(latest.rate, _remaining_rate(situation, series, idle, metric))


def _was_released(
    situation: Situation, metric: str, series: Series, limit: float, guard: int
) -> bool:
    """Whether the metric grew up to the latest wait and was gone after it; the fall then keeps
    it open for long.
    """
    idle = situation.idle
    if (
        idle is None
        or metric not in idle.values
        or not _gone(situation, series, idle, metric, limit)
    ):
        return False
    before = series.cycles <= idle.cycle
    return _declared(
        follow(series.t[before], series.x[before], limit, METRICS[metric].quantum), guard
    )


def _is_level_after_waits(situation: Situation, metric: str, series: Series, limit: float) -> bool:
    """Whether the latest wait has left no more than the limit for each session since the one
    before, or since the start: then warm-up and all, and only where the metric was lowest before
    the first session.

    A server that holds on to each session for a while rises and falls with the waits and with the
    pace of the sessions, and never looks flat in between.
    """
    ends = [one for one in situation.ends_of_waits if metric in one.values]
    lowest_at_start = [
        one for one in situation.record.rests[:1] if one.values.get(metric) == series.x.min()
    ]
    return any(
        last.sessions - before.sessions >= STEP_SPAN_SESSIONS
        and last.values[metric] - before.values[metric] <= limit * (last.sessions - before.sessions)
        for last in ends[-1:]
        for before in (*ends[-2:-1], *lowest_at_start)
    )


def sessions_needed(situation: Situation, found: Evidence, guard: int | None = None) -> int:
    """About how many sessions more would settle an open metric, at so many a cycle as in the last
    one.

    Where it grows by more than the limit so far, until a leak may be declared; else until its rise
    and its noise, should they not get larger, are below the limit over a tail that spans enough.
    """
    t, x = found.series.t, found.series.x
    per_cycle = max(1.0, float(t[-1] - t[-2])) if len(t) > 1 else 1.0
    now = look(t, x, found.limit, found.quantum)
    if (found.rate or 0.0) > found.limit and (now is None or not _one_jump(now)):
        return round(sessions_to_settle(t, per_cycle, 0.0, at_least=guard or situation.full_guard))
    span = float(FLAT_SPAN_SESSIONS)
    if now is not None and found.limit > 0:
        beside, least = (
            (now.jump, STEP_SPAN_SESSIONS) if _one_jump(now) else (0.0, FLAT_SPAN_SESSIONS)
        )
        span = min(_LONGEST_SPAN, max(least, (now.upper * now.span - beside) / found.limit))
    return round(sessions_to_settle(t, per_cycle, span))


def _one_jump(found: Look) -> bool:
    return found.jump > 0.6 * found.rate * found.span > 0

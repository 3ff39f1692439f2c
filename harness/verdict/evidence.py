"""How one metric stands: followed over the run, and waited for where it grows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from ..record.metrics import METRICS
from ..record.record import Series
from .growth_engine import STEP_SHARE, Look, Trend, follow, look, smallest_fall
from .growth_rates import tail_rate
from .look_schedule import FLAT_SPAN_SESSIONS, STEP_SPAN_SESSIONS, sessions_to_settle
from .metric_rules import METRIC_RULES, MetricFacts, Standing
from .outcome import Status
from .rules import Step, first_answer
from .saw_teeth import growth_between_falls
from .situation import Situation
from .waits import (
    after_wait,
    fell_after_wait,
    level_after_waits,
    level_from_wait_to_wait,
    remaining_per_session,
)

MAX_TAIL_SESSIONS: Final = 2000.0
"""Sessions: a longer tail is not promised to settle anything."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """One metric, followed and waited for."""

    metric: str
    series: Series
    limit: float
    """Growth per session that is still flat."""
    quantum: float
    """The smallest step in which the metric moves."""
    trend: Trend
    standing: Standing
    trace: tuple[Step, ...] = ()

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

    @property
    def falls(self) -> int:
        """Falls over the tail, as one of the latest two looks sees them."""
        return max((seen.falls for seen in self.trend.looks[-2:]), default=0)

    @property
    def bound_of_two_looks(self) -> float | None:
        """Growth per session that one of the latest two looks cannot exclude."""
        looks = self.trend.looks[-2:]
        return max(seen.upper for seen in looks) if len(looks) == 2 else None

    @property
    def between_falls_per_session(self) -> float | None:
        """Growth from what the first fall after the warm-up has left to what the last one has;
        None with fewer than two.
        """
        if self.trend.latest is None:
            return None
        smallest = smallest_fall(self.trend.latest.span, self.limit, self.quantum)
        return growth_between_falls(self.series.t, self.series.x, smallest)

    @property
    def is_level_but_for_falls(self) -> bool:
        """Whether growth over the limit is excluded but for one or two falls in the tail, and from
        the first fall after the warm-up to the last one.
        """
        bounds = (self.bound_of_two_looks, self.between_falls_per_session)
        is_within = all(bound is not None and bound <= self.limit for bound in bounds)
        return self.falls > 0 and is_within


def evidence(
    situation: Situation, metric: str, limit: float, guard: int | None = None
) -> Evidence | None:
    """How a metric stands; None where it was not measured.

    Args:
        situation: where the run is.
        metric: its name.
        limit: growth per session that is still flat.
        guard: sessions before which no leak is declared; None for the run's own guard.
    """
    series = situation.record.series(metric)
    if len(series.x) == 0:
        return None
    quantum = METRICS[metric].quantum
    trend = follow(series.t, series.x, limit, quantum, final=situation.final)
    followed = _Followed(metric, series, limit, trend)
    standing, trace = first_answer(METRIC_RULES, _facts(situation, followed, guard), metric)
    return Evidence(metric, series, limit, quantum, trend, standing, trace)


@dataclass(frozen=True, slots=True)
class _Followed:
    """A metric, and what the envelope test says of it."""

    metric: str
    series: Series
    limit: float
    trend: Trend


def _facts(situation: Situation, followed: _Followed, guard: int | None) -> MetricFacts:
    metric, series, limit = followed.metric, followed.series, followed.limit
    trend, latest = followed.trend, followed.trend.latest
    seen_at = int(series.cycles[latest.sample]) if latest is not None else 0
    # It follows the series once more, for an open metric alone.
    fell = trend.status is not Status.FLAT and fell_after_wait(
        situation, metric, series, limit, guard or situation.full_guard
    )
    return MetricFacts(
        engine=trend.status,
        engine_since_sessions=trend.since_sessions,
        suspected_sessions=trend.suspected_sessions,
        sessions=None if latest is None else latest.sessions,
        guard_sessions=situation.guard if guard is None else guard,
        tail_sessions=None if latest is None else latest.span,
        lower_per_session=None if latest is None else latest.lower,
        upper_per_session=None if latest is None else latest.upper,
        limit_per_session=limit,
        look_is_flat=latest is not None and latest.flat,
        waits=situation.waits,
        wait=after_wait(situation, metric, series, limit, seen_at),
        is_level_from_wait_to_wait=level_from_wait_to_wait(situation, metric, limit),
        is_level_after_waits=level_after_waits(situation, metric, series, limit),
        fell_after_wait=fell,
    )


def lasting_rate(situation: Situation, growth: Evidence) -> float:
    """Growth per session, less what a wait took where there has been one since the latest look."""
    sample, latest, series = situation.last_waited, growth.trend.latest, growth.series
    if sample is None or latest is None or sample.cycle < series.cycles[latest.sample]:
        return growth.rate or 0.0
    remaining = remaining_per_session(situation, series, sample, growth.metric)
    return growth.rate or 0.0 if remaining is None else min(latest.rate, remaining)


def went_with_collection(situation: Situation, growth: Evidence) -> bool:
    """Whether what had grown is gone after a collection that the server itself had not made."""
    sample = situation.collected
    if sample is None:
        return False
    remaining = remaining_per_session(situation, growth.series, sample, growth.metric)
    return remaining is not None and remaining <= growth.limit


def sessions_needed(situation: Situation, open_metric: Evidence, guard: int | None = None) -> int:
    """About how many sessions more would settle an open metric, at so many a cycle as in the last
    one.

    Where it grows by more than the limit so far, until a leak may be declared; else until its rise
    and its noise, should they not get larger, are below the limit over a tail that spans enough.
    """
    t, x, limit = open_metric.series.t, open_metric.series.x, open_metric.limit
    per_cycle = max(1.0, float(t[-1] - t[-2])) if len(t) > 1 else 1.0
    now = look(t, x, limit, open_metric.quantum)
    if (open_metric.rate or 0.0) > limit and (now is None or not _is_one_jump(now)):
        at_least = guard or situation.full_guard
        return round(sessions_to_settle(t, per_cycle, 0.0, at_least=at_least))
    span = float(FLAT_SPAN_SESSIONS)
    if now is not None and limit > 0:
        jump, min_span = 0.0, FLAT_SPAN_SESSIONS
        if _is_one_jump(now):
            jump, min_span = now.jump, STEP_SPAN_SESSIONS
        span = min(MAX_TAIL_SESSIONS, max(min_span, (now.upper * now.span - jump) / limit))
    return round(sessions_to_settle(t, per_cycle, span))


def _is_one_jump(seen: Look) -> bool:
    return seen.jump > STEP_SHARE * seen.rate * seen.span > 0

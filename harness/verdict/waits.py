"""Waiting for late releases: is a wait due, how long is it, and what did it take?

A server may release what a session held long after the session: after a timeout, by a timer, in
another thread. So no growth is called a leak before the run has waited without sessions, and the
wait has left it (docs/verdict.md#late-releases).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

from ..record.metrics import METRICS, names
from ..record.record import RestSample, Series
from .growth_engine import follow
from .growth_rates import remaining_rate
from .look_schedule import STEP_SPAN_SESSIONS
from .outcome import Status, Wait
from .situation import GUARD_TASKS, Situation

MAX_WAITS: Final = 3
"""Waits in one run; each may take the whole grace. One that comes early is not counted: it was for
tasks of closed sessions, and the counters that wait for their guard need theirs.
"""
MIN_WAIT_S: Final = 30.0
"""Seconds that a wait lasts at least: many libraries release after 5 to 25 s."""
STEADY_S: Final = 10.0
"""Seconds without a fall after which a wait that was long enough is over."""
ORPHANED_SESSIONS: Final = 8
"""Closed sessions with orphan tasks from which on the first wait lasts the whole grace
(docs/verdict.md#orphan-tasks).
"""
_MAX_WHERE_NOTHING_GOES: Final = {names.TIMERS: 0, names.PYTHON_THREADS: 1, names.CHILDREN: 0}
"""Counts up to which nothing can go by itself: no timer, no second thread, no child."""


@dataclass(frozen=True, slots=True)
class AfterWait:
    """What waiting has shown of growth that was seen at one cycle."""

    waited: bool
    """A wait has ended since the growth was seen."""
    may_wait: bool
    """A wait can still follow."""
    gone: bool
    """The latest wait has left no more than the limit for each session."""
    remaining_per_session: float | None
    """Growth per session that the latest wait has left; None without a wait."""


def is_worth_waiting(situation: Situation) -> bool:
    """False where nothing goes by itself however long the wait: there is no timer, second thread
    or child, or the policy has no grace.
    """
    rests = situation.record.rests
    now = rests[-1].values if rests else {}
    still = all(now.get(name, top + 1) <= top for name, top in _MAX_WHERE_NOTHING_GOES.items())
    return situation.policy.grace_s > 0 and not still


def may_wait(situation: Situation) -> bool:
    """Whether a wait for late releases is still to come before a leak is declared."""
    return is_worth_waiting(situation) and has_waits_left(situation)


def has_waits_left(situation: Situation) -> bool:
    """Whether the run can still wait, were it worth it or not."""
    record = situation.record
    early = bool(record.idles) and record.idles[0].sessions < GUARD_TASKS
    waits_left = situation.waits - early < MAX_WAITS
    may_go_on = situation.policy.grace_s > 0 and not situation.ended
    return may_go_on and bool(record.rests) and waits_left


def due_wait(situation: Situation, *, suspect: bool, may_settle: bool) -> Wait | None:
    """The wait that is due now; None where none is.

    Args:
        situation: where the run is. The run cannot go on, or need not.
        suspect: something grows that may be released late.
        may_settle: a gate is open that a wait may settle. A long run that ends with one waits once
            more.
    """
    ends_open = (
        may_settle
        and situation.at_bounds
        and situation.sessions >= situation.full_guard
        and may_wait(situation)
        and not situation.latest.idle
    )
    return _length(situation) if suspect or ends_open else None


def _length(situation: Situation) -> Wait:
    """How long the wait is.

    Sessions that are all younger than the grace cannot tell what is released after a minute from
    what stays for ever, so the wait is longer the sooner it comes. A run that is over its budget,
    or whose cycles the user fixed, is not kept waiting for that. What closed sessions have left
    gets the whole grace once, in a fixed run too: what is still there then is a leak.
    """
    policy, record = situation.policy, situation.record
    rests, waited = record.rests, record.idles
    grown = rests[-1].values.get(names.RSS, 0.0) - rests[0].values.get(names.RSS, 0.0)
    within_budget = grown < policy.memory_budget_bytes
    at_least_s = MIN_WAIT_S
    if policy.fixed_cycles is None and within_budget:
        since_s = waited[-1].at_s if waited else 0.0
        at_least_s = max(MIN_WAIT_S, policy.grace_s - (rests[-1].at_s - since_s))
    orphaned = rests[-1].values.get(names.SESSIONS_WITH_ORPHANS, 0) >= ORPHANED_SESSIONS
    if within_budget and not waited and orphaned:
        at_least_s = policy.grace_s
    return Wait(at_least_s=at_least_s, at_most_s=policy.grace_s, steady_s=STEADY_S)


def after_wait(
    situation: Situation, metric: str, series: Series, limit: float, seen_at: int
) -> AfterWait:
    """What waiting has shown of growth that was seen at cycle `seen_at`: it needs a wait since."""
    sample = situation.last_waited
    if sample is None:
        return AfterWait(False, may_wait(situation), False, None)
    remaining = remaining_per_session(situation, series, sample, metric)
    return AfterWait(
        waited=sample.cycle >= seen_at,
        may_wait=may_wait(situation),
        gone=remaining is not None and remaining <= limit,
        remaining_per_session=remaining,
    )


def remaining_per_session(
    situation: Situation, series: Series, sample: RestSample, metric: str
) -> float | None:
    """Growth per session that was left at a sample of a wait; None where it was not read there."""
    if metric not in sample.values:
        return None
    before = series.cycles <= sample.cycle
    t, x = series.t[before], series.x[before]
    since = max(
        (other.sessions for other in situation.record.idles if other.cycle < sample.cycle),
        default=0,
    )
    return remaining_rate(t, x, sample.values[metric], since) if len(x) > 1 else math.inf


def fell_after_wait(
    situation: Situation, metric: str, series: Series, limit: float, guard: int
) -> bool:
    """Whether the metric had grown up to the latest wait, long enough to declare it, and was gone
    after it. The fall then keeps it open for long.
    """
    sample = situation.last_waited
    if sample is None:
        return False
    remaining = remaining_per_session(situation, series, sample, metric)
    if remaining is None or remaining > limit:
        return False
    before = series.cycles <= sample.cycle
    trend = follow(series.t[before], series.x[before], limit, METRICS[metric].quantum)
    latest = trend.latest
    return trend.status is Status.LEAK and latest is not None and latest.sessions >= guard


def level_after_waits(situation: Situation, metric: str, series: Series, limit: float) -> bool:
    """Whether the latest wait has left no more than the limit for each session since the one
    before, or since the start: then warm-up and all, and only where the metric was lowest before
    the first session.

    A server that holds on to each session for a while rises and falls with the waits and with the
    pace of the sessions, and never looks flat in between.
    """
    lowest_at_start = [
        rest for rest in situation.record.rests[:1] if rest.values.get(metric) == series.x.min()
    ]
    ends = [sample for sample in situation.ends_of_waits if metric in sample.values]
    since_start = any(
        _is_level(metric, limit, start, end) for start in lowest_at_start for end in ends[-1:]
    )
    return since_start or level_from_wait_to_wait(situation, metric, limit)


def level_from_wait_to_wait(situation: Situation, metric: str, limit: float) -> bool:
    """Whether the latest wait has left no more than the limit for each session since the one
    before.
    """
    ends = [sample for sample in situation.ends_of_waits if metric in sample.values]
    return len(ends) > 1 and _is_level(metric, limit, *ends[-2:])


def _is_level(metric: str, limit: float, before: RestSample, last: RestSample) -> bool:
    sessions = last.sessions - before.sessions
    growth = last.values[metric] - before.values[metric]
    return sessions >= STEP_SPAN_SESSIONS and growth <= limit * sessions

"""How each gate but memory stands: exact counters, latency, CPU."""

from __future__ import annotations

from dataclasses import dataclass, replace
from statistics import median
from typing import Final

import numpy as np

from harness.formulas import Floats
from harness.record import metrics
from harness.record.facts import cpu_while_talking, first_third, last_third
from harness.record.metrics import METRICS, CounterLimit, Metric, Source
from harness.record.record import SessionResult
from harness.verdict.bounded_growth import filling
from harness.verdict.drift import (
    FLAT_FROM_SESSIONS,
    IDLE_LIMIT_PERCENT,
    NO_WARM_UP_PERCENT,
    TALKING_LIMIT_SHARE,
    Course,
    Drift,
    cpu_drift,
    latency_drift,
    look_length,
    next_look,
)
from harness.verdict.evidence import (
    Evidence,
    Situation,
    Standing,
    evidence,
    lasting_rate,
    sessions_needed,
)
from harness.verdict.growth_engine import FLAT_SPAN_SESSIONS, Trend
from harness.verdict.orphan_tasks import left
from harness.verdict.outcome import CounterGate, CpuGate, Gate, Kind, LatencyGate, Outcome

COUNTERS: Final = {gate: metric.name for gate, metric in metrics.COUNTERS.items()}
"""Gates of exact counters, and their metrics."""

_OUTCOMES: Final = {
    Standing.LEAK: Outcome.LEAK,
    Standing.SUSPECT: Outcome.INCONCLUSIVE,
    Standing.RELEASED: Outcome.FLAT,
    Standing.FLAT: Outcome.FLAT,
    Standing.OPEN: Outcome.INCONCLUSIVE,
}
_NOISY: Final = "varies too much, or was read too seldom, to exclude a drift"
_COURSES: Final = {
    Course.DRIFT: Outcome.DRIFT,
    Course.FLAT: Outcome.FLAT,
    Course.OPEN: Outcome.INCONCLUSIVE,
}


@dataclass(frozen=True, slots=True)
class Judged:
    """A gate, and what the joint verdict needs beside it."""

    gate: Gate
    suspect: bool = False
    """It grows, and the run should idle to see whether that is released late."""
    suspected_sessions: float | None = None
    """Where the growth that it shows was first significant."""
    sessions_needed: int | None = None
    """While it is open: about how many sessions more would settle it."""


def counter_gate(situation: Situation, metric: str) -> Judged:
    """An exact counter: tracked objects, tasks, threads, descriptors or children."""
    guard, limit = METRICS[metric].guard_sessions, _limit(situation, METRICS[metric])
    found = evidence(situation, metric, limit, guard)
    if found is None:
        why = "needs the probe" if METRICS[metric].source is Source.PROBE else "could not be read"
        return Judged(CounterGate(Outcome.NOT_MEASURED, why, limit=limit))
    fills = filling(situation.record) if metric == "gc_objects" and found.standing.growing else None
    reason, since_sessions, kind = standing_reason(found), found.trend.suspected_sessions, None
    if fills is not None and fills.explains(
        lasting_rate(situation, found, metric), limit, fills.objects_per_session
    ):
        found, reason, kind = replace(found, standing=Standing.FLAT), fills.told, Kind.FILLING
    owned = left(situation) if metric == "tasks" and not found.standing.growing else None
    if owned is not None:
        found, reason, since_sessions = (
            replace(found, standing=owned.standing),
            owned.words,
            owned.since_sessions,
        )
    outcome, x = _OUTCOMES[found.standing], found.series.x
    kind = Kind.RELEASED_LATE if found.standing is Standing.RELEASED else kind
    gate = CounterGate(
        outcome, reason, float(x[0]), float(x[-1]), found.rate, found.bounds, limit, kind
    )
    return Judged(
        gate,
        suspect=found.standing is Standing.SUSPECT,
        suspected_sessions=since_sessions,
        sessions_needed=sessions_needed(situation, found, guard)
        if outcome is Outcome.INCONCLUSIVE
        else None,
    )


def _limit(situation: Situation, metric: Metric) -> float:
    """Growth per session that is still flat: the metric's own limit, or the policy's."""
    rule = metric.gate or CounterLimit(metric.name)
    policy_limit: float = getattr(situation.policy, rule.policy_limit)
    return policy_limit if rule.limit is None else rule.limit


def standing_reason(found: Evidence) -> str:
    """Why a metric stands as it does, in words."""
    match found.standing:
        case Standing.LEAK:
            return f"grows steadily since session {found.trend.since_sessions:.0f}"
        case Standing.SUSPECT:
            return "grows; whether it is released late has not been waited for yet"
        case Standing.RELEASED:
            return "grew, and was released while the run idled"
        case Standing.FLAT:
            return ""
        case Standing.OPEN:
            return _open_reason(found.trend)


def _open_reason(trend: Trend) -> str:
    if trend.suspected_sessions is not None:
        return (
            f"growth suspected since session {trend.suspected_sessions:.0f}, too early to declare"
        )
    look = trend.latest
    if look is None or look.span < FLAT_SPAN_SESSIONS / 2:
        return "too few sessions so far"
    return (
        "a second look must agree that it is flat"
        if look.flat
        else "growth over the limit cannot be excluded yet"
    )


def latency_gate(situation: Situation) -> Judged:
    """Seconds from a user's message to the complete reply."""
    sessions = [
        session for cycle in situation.record.cycles for session in cycle.sessions if session.turns
    ]
    if not sessions:
        return Judged(LatencyGate(Outcome.NOT_MEASURED, "no reply was timed"))
    first_p50 = float(np.median(_replies_s(first_third(sessions))))
    last_p50 = float(np.median(_replies_s(last_third(sessions))))
    p50, p95, p99, largest = (
        float(value) for value in np.percentile(_replies_s(sessions), [50, 95, 99, 100])
    )
    y = np.array([median(turn.complete_s for turn in session.turns) for session in sessions])
    length = look_length(len(y), final=situation.final)
    found = latency_drift(y[:length]) if length else None
    outcome = Outcome.INCONCLUSIVE if found is None else _COURSES[found.course]
    ratio = last_p50 / first_p50 if first_p50 > 0 else None
    gate = LatencyGate(
        outcome, _latency_reason(found, y), first_p50, last_p50, p50, p95, p99, largest, ratio
    )
    return Judged(gate, sessions_needed=_needed(outcome, len(y), 1))


def _replies_s(sessions: list[SessionResult]) -> Floats:
    return np.array([turn.complete_s for session in sessions for turn in session.turns])


def _latency_reason(found: Drift | None, y: Floats) -> str:
    if found is None:
        return f"only {len(y)} sessions with a reply"
    if found.course is Course.DRIFT:
        return f"replies grow steadily slower: {found.rise:.2g} times over the run"
    if found.step_at is not None:
        return "replies became slower in one step, and not since"
    return (
        ""
        if found.course is Course.FLAT
        else "replies vary too much, or too few were timed, to exclude a drift"
    )


def _needed(outcome: Outcome, values: int, sessions_per_value: int) -> int | None:
    if outcome is not Outcome.INCONCLUSIVE:
        return None
    return max(
        FLAT_FROM_SESSIONS - values * sessions_per_value,
        (next_look(values) - values) * sessions_per_value,
    )


def cpu_gate(situation: Situation) -> Judged:
    """Percent of one core, at rest and in conversation; either may drift, and only rest can hold
    a run up.
    """
    rest = situation.record.series("idle_cpu")
    talking_t, talking = cpu_while_talking(situation.record)
    if len(rest.x) == 0 and len(talking) == 0:
        return Judged(CpuGate(Outcome.NOT_MEASURED, "no CPU time was read"))
    at_rest = _cpu_drift(rest.t, rest.x, situation, IDLE_LIMIT_PERCENT, warm_up=NO_WARM_UP_PERCENT)
    limit = TALKING_LIMIT_SHARE * float(np.median(first_third(talking))) if len(talking) else 0.0
    in_talk = _cpu_drift(talking_t, talking, situation, max(limit, IDLE_LIMIT_PERCENT))
    outcome, reason = _cpu_outcome(at_rest, in_talk, measured_rest=len(rest.x) > 0)
    if outcome is Outcome.DRIFT and _is_back_at_rest(situation, rest.x):
        outcome, reason = Outcome.FLAT, "CPU rose with what the server let go of later"
    gate = CpuGate(outcome, reason, *_first_and_last(rest.x), *_first_and_last(talking))
    per_cycle = int(rest.t[-1] - rest.t[-2]) if len(rest.t) > 1 else 1
    return Judged(gate, sessions_needed=_needed(outcome, len(rest.x), per_cycle))


def _is_back_at_rest(situation: Situation, at_rest: Floats) -> bool:
    """Whether the CPU at rest was what it had been at first, once the latest wait for late
    releases was over.
    """
    idle = situation.idle
    if idle is None or "idle_cpu" not in idle.values or not len(at_rest):
        return False
    first, _ = _first_and_last(at_rest)
    return idle.values["idle_cpu"] <= (first or 0.0) + IDLE_LIMIT_PERCENT / 2


def _cpu_drift(
    t: Floats, y: Floats, situation: Situation, limit: float, *, warm_up: float = np.inf
) -> Drift | None:
    length = look_length(len(y), final=situation.final)
    return cpu_drift(t[:length], y[:length], limit, warm_up=warm_up) if length else None


def _cpu_outcome(
    at_rest: Drift | None, in_talk: Drift | None, *, measured_rest: bool
) -> tuple[Outcome, str]:
    if at_rest is not None and at_rest.course is Course.DRIFT:
        return (
            Outcome.DRIFT,
            f"CPU at rest grows steadily: by {at_rest.rise:.3g} % of a core over the run",
        )
    if in_talk is not None and in_talk.course is Course.DRIFT:
        return (
            Outcome.DRIFT,
            f"CPU while talking grows steadily: by {in_talk.rise:.3g} % of a core over the run",
        )
    unsure = in_talk is None or in_talk.course is Course.OPEN
    if not measured_rest:
        return (
            (Outcome.NOT_MEASURED, f"CPU while talking {_NOISY}") if unsure else (Outcome.FLAT, "")
        )
    if at_rest is None or at_rest.course is Course.OPEN:
        return Outcome.INCONCLUSIVE, f"CPU at rest {_NOISY}"
    if at_rest.step_at is not None:
        return Outcome.FLAT, "CPU at rest rose in one step and stays there"
    return Outcome.FLAT, f"decided at rest; CPU while talking {_NOISY}" if unsure else ""


def _first_and_last(y: Floats) -> tuple[float | None, float | None]:
    if not len(y):
        return None, None
    return float(np.median(first_third(y))), float(np.median(last_third(y)))

"""Seconds from a user's message to the complete reply."""

from __future__ import annotations

from dataclasses import dataclass
from statistics import median
from typing import Final

import numpy as np

from ...formulas import Floats
from ...record.record import SessionResult
from ...units import format_time
from ..drift import (
    FLAT_FROM_SESSIONS,
    LATENCY_FACTOR,
    Drift,
    latency_drift,
    look_length,
    sessions_to_flat,
)
from ..gate import GateEntry, GateResult
from ..outcome import Gate, Status
from ..rows import Row, change, known, named_values
from ..rules import Rule, first_answer, source
from ..situation import Situation

Answer = tuple[Status, str]


@dataclass(frozen=True, slots=True)
class LatencyGate(Gate):
    """Seconds from a user's message to the complete reply."""

    first_p50: float | None = None
    last_p50: float | None = None
    p50: float | None = None
    p95: float | None = None
    p99: float | None = None
    max: float | None = None
    ratio: float | None = None


@dataclass(frozen=True, slots=True)
class LatencyFacts:
    """What the rules compare."""

    timed_sessions: int
    """Sessions with a reply."""
    drift: Drift | None
    """The latest look; None before the first."""

    @property
    def growth_factor(self) -> float | None:
        """Of the fitted line over the run."""
        return None if self.drift is None else self.drift.rise

    @property
    def limit_factor(self) -> float:
        """From here on replies are called slower."""
        return LATENCY_FACTOR

    @property
    def min_flat_sessions(self) -> int:
        """Sessions below which replies are not called flat."""
        return FLAT_FROM_SESSIONS


def _not_measured(facts: LatencyFacts) -> Answer | None:
    return None if facts.timed_sessions else (Status.NOT_MEASURED, "no reply was timed")


def _too_few(facts: LatencyFacts) -> Answer | None:
    if facts.drift is not None:
        return None
    return Status.INCONCLUSIVE, f"only {facts.timed_sessions} sessions with a reply"


def _drift(facts: LatencyFacts) -> Answer | None:
    if facts.drift is None or facts.drift.status is not Status.DRIFT:
        return None
    return Status.DRIFT, f"replies grow steadily slower: {facts.drift.rise:.2g} times over the run"


def _step(facts: LatencyFacts) -> Answer | None:
    if facts.drift is None or facts.drift.step_at is None:
        return None
    return facts.drift.status, "replies became slower in one step, and not since"


def _flat(facts: LatencyFacts) -> Answer | None:
    is_flat = facts.drift is not None and facts.drift.status is Status.FLAT
    return (Status.FLAT, "") if is_flat else None


def _open(_: LatencyFacts) -> Answer:
    words = "replies vary too much, or too few were timed, to exclude a drift"
    return Status.INCONCLUSIVE, words


_SECTION: Final = source("latency-and-cpu")
_NUMBERS: Final = ("growth_factor", "limit_factor", "timed_sessions")

RULES: Final[tuple[Rule[LatencyFacts, Answer], ...]] = (
    Rule(
        "latency.not-measured",
        "No session had a reply: not measured.",
        _SECTION,
        _not_measured,
        ("timed_sessions",),
    ),
    Rule(
        "latency.too-few-sessions",
        "Fewer than 6 sessions had a reply: open.",
        _SECTION,
        _too_few,
        ("timed_sessions",),
    ),
    Rule(
        "latency.drift",
        "Replies rise (Kendall, p < 0.0014) to 1.8 times or more, by 50 ms or more, and not in one "
        "step: drift.",
        _SECTION,
        _drift,
        _NUMBERS,
    ),
    Rule(
        "latency.step",
        "One step tells the replies better than a line: flat once 20 sessions after it are, open "
        "until then.",
        _SECTION,
        _step,
        (*_NUMBERS, "min_flat_sessions"),
    ),
    Rule(
        "latency.flat",
        "Over 20 sessions or more, a growth to twice as much is excluded with 99 %: flat.",
        _SECTION,
        _flat,
        (*_NUMBERS, "min_flat_sessions"),
    ),
    Rule(
        "latency.open",
        "A growth to twice as much can neither be shown nor excluded: open.",
        _SECTION,
        _open,
        (*_NUMBERS, "min_flat_sessions"),
    ),
)


def decide(situation: Situation) -> GateResult:
    """Whether replies take longer and longer."""
    sessions = [
        session for cycle in situation.record.cycles for session in cycle.sessions if session.turns
    ]
    y = np.array([median(turn.complete_s for turn in session.turns) for session in sessions])
    length = look_length(len(y), final=situation.final)
    facts = LatencyFacts(len(sessions), latency_drift(y[:length]) if length else None)
    (status, reason), trace = first_answer(RULES, facts)
    if not sessions:
        return GateResult(LatencyGate(status, reason, trace=trace))
    third = max(1, len(sessions) // 3)
    first_p50 = float(np.median(_replies_s(sessions[:third])))
    last_p50 = float(np.median(_replies_s(sessions[-third:])))
    p50, p95, p99, top = np.percentile(_replies_s(sessions), [50, 95, 99, 100]).tolist()
    gate = LatencyGate(
        status,
        reason,
        first_p50,
        last_p50,
        p50,
        p95,
        p99,
        top,
        last_p50 / first_p50 if first_p50 > 0 else None,
        trace=trace,
    )
    is_open = status is Status.INCONCLUSIVE
    return GateResult(gate, sessions_needed=sessions_to_flat(len(y), 1) if is_open else None)


def _replies_s(sessions: list[SessionResult]) -> Floats:
    return np.array([turn.complete_s for session in sessions for turn in session.turns])


def row(name: str, gate: LatencyGate) -> Row:
    """The gate as a row of a table."""
    growth = "" if gate.ratio is None else f"×{gate.ratio:.3g}"
    middle = change("median", gate.first_p50, gate.last_p50, format_time)
    tail = named_values({"p95": gate.p95, "p99": gate.p99, "max": gate.max}, format_time)
    changes = known(middle, tail)
    return Row(name, gate.outcome, growth=growth, changes=changes, reason=gate.reason)


def summary(_: str, gate: LatencyGate, sessions: int) -> str:
    """Why the gate fails the run."""
    first, last = format_time(gate.first_p50 or 0), format_time(gate.last_p50 or 0)
    return f"replies became slower, from {first} to {last} over {sessions} sessions"


GATE: Final = GateEntry(
    name="latency",
    label_zh="回复延迟",
    order=80,
    result=LatencyGate,
    decide=decide,
    row=row,
    summary=summary,
    rules=RULES,
)

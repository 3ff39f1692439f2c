"""Seconds from a user's message to the complete reply."""

from __future__ import annotations

from dataclasses import dataclass
from statistics import median
from typing import Final

import numpy as np

from ...formulas import Floats
from ...record.record import SessionResult
from ...units import format_time
from ..cpu_facts import CpuFacts
from ..drift import (
    FLAT_FROM_SESSIONS,
    LATENCY_FACTOR,
    LATENCY_FLOOR_S,
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

_SETTLED_BY: Final = "a machine with less to do settles it, and --allow latency leaves it out"


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
    look_sessions: int
    """Sessions that it takes."""
    cpu: CpuFacts | None
    """What the server's CPU says, where replies drift."""

    @property
    def growth_factor(self) -> float | None:
        """Of the fitted line over the run."""
        return None if self.drift is None else self.drift.rise

    @property
    def limit_factor(self) -> float:
        """From here on replies are called slower."""
        return LATENCY_FACTOR

    @property
    def drifts(self) -> bool:
        """Whether replies rise, whatever the reason."""
        return self.drift is not None and self.drift.status is Status.DRIFT

    @property
    def fell_back(self) -> bool:
        """The last replies have left half of the rise or less."""
        return self.drift is not None and self.drift.fell_back

    @property
    def other_load_percent(self) -> float | None:
        """CPU that others used in the last third of the run, in percent of all cores."""
        return None if self.cpu is None else self.cpu.other_load_percent

    @property
    def server_needs_more(self) -> bool:
        """Whether the server is busier than it was: at rest, or for each session."""
        return self.cpu is not None and self.cpu.needs_more

    @property
    def upper_s(self) -> float | None:
        """The rise over the run that cannot be excluded."""
        return None if self.drift is None else self.drift.upper_s

    @property
    def floor_s(self) -> float:
        """A smaller rise is not a drift."""
        return LATENCY_FLOOR_S

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


def _fell_back(facts: LatencyFacts) -> Answer | None:
    if not facts.drifts or not facts.fell_back:
        return None
    words = "replies became slower for a while, and quicker again"
    return Status.INCONCLUSIVE, f"{words}; {_SETTLED_BY}"


def _crowded(facts: LatencyFacts) -> Answer | None:
    if not facts.drifts or facts.cpu is None or not facts.cpu.is_crowded:
        return None
    if facts.server_needs_more:
        return None
    others = facts.other_load_percent or 0.0
    return Status.INCONCLUSIVE, (
        f"replies became slower, but others used {others:.0f} % of the machine, and the server "
        f"needs no more CPU than before; {_SETTLED_BY}"
    )


def _drift(facts: LatencyFacts) -> Answer | None:
    if facts.drift is None or not facts.drifts:
        return None
    words = f"replies grow steadily slower: {facts.drift.rise:.2g} times over the run"
    return Status.DRIFT, words


def _step(facts: LatencyFacts) -> Answer | None:
    if facts.drift is None or facts.drift.step_at is None:
        return None
    return facts.drift.status, "replies became slower in one step, and not since"


def _flat(facts: LatencyFacts) -> Answer | None:
    drift = facts.drift
    is_flat = drift is not None and drift.status is Status.FLAT and drift.step_at is None
    return (Status.FLAT, "") if is_flat else None


def _below_floor(facts: LatencyFacts) -> Answer | None:
    if facts.upper_s is None or facts.look_sessions < FLAT_FROM_SESSIONS:
        return None
    if facts.upper_s >= LATENCY_FLOOR_S:
        return None
    floor, upper = format_time(LATENCY_FLOOR_S), format_time(facts.upper_s)
    return Status.FLAT, f"replies vary, by less than {floor}: a rise over {upper} is excluded"


def _open(_: LatencyFacts) -> Answer:
    words = "replies vary too much, or too few were timed, to exclude a drift"
    return Status.INCONCLUSIVE, f"{words}; {_SETTLED_BY}"


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
        "latency.fell-back",
        "Replies rise as in a drift, but the last sixth of them has left half of the rise or less: "
        "open.",
        _SECTION,
        _fell_back,
        (*_NUMBERS, "fell_back"),
    ),
    Rule(
        "latency.crowded",
        "Replies rise as in a drift, but others use 20 % of the machine, and the server's CPU has "
        "grown neither at rest nor per session: open.",
        _SECTION,
        _crowded,
        (*_NUMBERS, "other_load_percent", "server_needs_more"),
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
        "latency.flat",
        "Over 20 sessions or more, a growth to twice as much is excluded with 99 %: flat.",
        _SECTION,
        _flat,
        (*_NUMBERS, "min_flat_sessions"),
    ),
    Rule(
        "latency.below-floor",
        "Over 20 sessions or more, a rise by 50 ms is excluded with 99 %, so that it cannot be a "
        "drift: flat.",
        _SECTION,
        _below_floor,
        ("upper_s", "floor_s", "look_sessions", "min_flat_sessions"),
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
    drift = latency_drift(y[:length]) if length else None
    is_slower = drift is not None and drift.status is Status.DRIFT
    cpu = CpuFacts.of(situation) if is_slower else None
    facts = LatencyFacts(len(sessions), drift, length, cpu)
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


def summary(_: str, gate: LatencyGate, __: int) -> str:
    """Why the gate fails the run."""
    first, last = format_time(gate.first_p50 or 0), format_time(gate.last_p50 or 0)
    return f"replies became slower, from {first} to {last}"


GATE: Final = GateEntry(
    name="latency",
    label_zh="回复延迟",
    order=80,
    result=LatencyGate,
    decide=decide,
    row=row,
    summary=summary,
    rules=RULES,
    explains_drift=True,
)

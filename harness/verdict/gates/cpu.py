"""Percent of one core, at rest and in conversation; either may drift, and only rest can hold a run
up.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Final

import numpy as np

from ...formulas import Floats
from ...record.metrics import names
from ...units import format_percent
from ..drift import (
    IDLE_LIMIT_PERCENT,
    NO_WARM_UP_PERCENT,
    TALKING_LIMIT_SHARE,
    Drift,
    cpu_drift,
    look_length,
    sessions_to_flat,
)
from ..gate import GateEntry, GateResult
from ..outcome import Gate, Status
from ..rows import Row, change, known, reason_summary
from ..rules import Rule, first_answer, source
from ..situation import Situation

Answer = tuple[Status, str]

_NOISY: Final = "varies too much, or was read too seldom, to exclude a drift"


@dataclass(frozen=True, slots=True)
class CpuGate(Gate):
    """Percent of one core, at rest and in conversation."""

    idle_first: float | None = None
    idle_last: float | None = None
    talking_first: float | None = None
    talking_last: float | None = None


@dataclass(frozen=True, slots=True)
class CpuFacts:
    """What the rules compare."""

    rest_samples: int
    talking_samples: int
    at_rest: Drift | None
    """The latest look at the CPU at rest; None before the first."""
    talking: Drift | None
    is_back_at_rest: bool
    """After the latest wait, CPU at rest was what it had been at first."""

    @property
    def rest_rise_percent(self) -> float | None:
        """Rise at rest over the run, in percent of one core."""
        return None if self.at_rest is None else self.at_rest.rise

    @property
    def talking_rise_percent(self) -> float | None:
        """Rise in conversation over the run, in percent of one core."""
        return None if self.talking is None else self.talking.rise

    @property
    def rest_drifts(self) -> bool:
        """Whether CPU at rest drifts."""
        return self.at_rest is not None and self.at_rest.status is Status.DRIFT

    @property
    def talking_drifts(self) -> bool:
        """Whether CPU in conversation drifts."""
        return self.talking is not None and self.talking.status is Status.DRIFT

    @property
    def talking_is_flat(self) -> bool:
        """Whether a drift in conversation is excluded."""
        return self.talking is not None and self.talking.status is Status.FLAT


def _not_measured(facts: CpuFacts) -> Answer | None:
    if facts.rest_samples or facts.talking_samples:
        return None
    return Status.NOT_MEASURED, "no CPU time was read"


def _back_at_rest(facts: CpuFacts) -> Answer | None:
    if not facts.is_back_at_rest or not (facts.rest_drifts or facts.talking_drifts):
        return None
    return Status.FLAT, "CPU rose with what the server let go of later"


def _rest_drift(facts: CpuFacts) -> Answer | None:
    if not facts.rest_drifts:
        return None
    rise = facts.rest_rise_percent or 0.0
    return Status.DRIFT, f"CPU at rest grows steadily: by {rise:.3g} % of a core over the run"


def _talking_drift(facts: CpuFacts) -> Answer | None:
    if not facts.talking_drifts:
        return None
    rise = facts.talking_rise_percent or 0.0
    return Status.DRIFT, f"CPU while talking grows steadily: by {rise:.3g} % of a core over the run"


def _no_rest(facts: CpuFacts) -> Answer | None:
    if facts.rest_samples:
        return None
    if facts.talking_is_flat:
        return Status.FLAT, ""
    return Status.NOT_MEASURED, f"CPU while talking {_NOISY}"


def _rest_open(facts: CpuFacts) -> Answer | None:
    is_open = facts.at_rest is None or facts.at_rest.status is Status.INCONCLUSIVE
    return (Status.INCONCLUSIVE, f"CPU at rest {_NOISY}") if is_open else None


def _rest_step(facts: CpuFacts) -> Answer | None:
    if facts.at_rest is None or facts.at_rest.step_at is None:
        return None
    return Status.FLAT, "CPU at rest rose in one step and stays there"


def _rest_flat(facts: CpuFacts) -> Answer:
    unsure = not facts.talking_is_flat
    return Status.FLAT, f"decided at rest; CPU while talking {_NOISY}" if unsure else ""


_SECTION: Final = source("latency-and-cpu")
_REST: Final = ("rest_rise_percent", "rest_samples")
_TALK: Final = ("talking_rise_percent", "talking_samples")

RULES: Final[tuple[Rule[CpuFacts, Answer], ...]] = (
    Rule(
        "cpu.not-measured",
        "No CPU time was read: not measured.",
        _SECTION,
        _not_measured,
        ("rest_samples", "talking_samples"),
    ),
    Rule(
        "cpu.back-at-rest",
        "CPU drifts, but after the latest wait it is within 0.001 % of a core of what it was at "
        "first: flat.",
        _SECTION,
        _back_at_rest,
        (*_REST, *_TALK, "is_back_at_rest"),
    ),
    Rule(
        "cpu.rest-drift",
        "CPU at rest rises (Kendall, p < 0.0014) by 0.5 % of a core or more, by more than 0.002 % "
        "per session: drift.",
        _SECTION,
        _rest_drift,
        _REST,
    ),
    Rule(
        "cpu.talking-drift",
        "CPU in conversation rises (Kendall, p < 0.0014) by more than 2 % of its first value per "
        "session: drift.",
        _SECTION,
        _talking_drift,
        _TALK,
    ),
    Rule(
        "cpu.no-rest",
        "CPU at rest was not read: flat where CPU in conversation is, else not measured.",
        _SECTION,
        _no_rest,
        (*_REST, *_TALK),
    ),
    Rule(
        "cpu.rest-open",
        "A rise at rest can neither be shown nor excluded: open.",
        _SECTION,
        _rest_open,
        _REST,
    ),
    Rule(
        "cpu.rest-step",
        "One step tells CPU at rest better than a line, and 20 sessions after it are flat: flat.",
        _SECTION,
        _rest_step,
        _REST,
    ),
    Rule(
        "cpu.rest-flat",
        "Over 20 sessions or more, a rise at rest by more than 1 % of a core is excluded with "
        "99 %: flat.",
        _SECTION,
        _rest_flat,
        (*_REST, *_TALK),
    ),
)


def decide(situation: Situation) -> GateResult:
    """Whether the server needs more and more CPU."""
    rest = situation.record.series(names.CPU_AT_REST)
    talking_t, talking = _talking(situation)
    limit = 0.0
    if len(talking):
        third = max(1, len(talking) // 3)
        limit = TALKING_LIMIT_SHARE * float(np.median(talking[:third]))
    limit = max(limit, IDLE_LIMIT_PERCENT)
    facts = CpuFacts(
        rest_samples=len(rest.x),
        talking_samples=len(talking),
        at_rest=_drift(rest.t, rest.x, situation, IDLE_LIMIT_PERCENT, warm_up=NO_WARM_UP_PERCENT),
        talking=_drift(talking_t, talking, situation, limit),
        is_back_at_rest=_is_back_at_rest(situation, rest.x),
    )
    (status, reason), trace = first_answer(RULES, facts)
    ends = (*_first_and_last(rest.x), *_first_and_last(talking))
    gate = CpuGate(status, reason, *ends, trace=trace)
    per_cycle = int(rest.t[-1] - rest.t[-2]) if len(rest.t) > 1 else 1
    is_open = status is Status.INCONCLUSIVE
    needed = sessions_to_flat(len(rest.x), per_cycle) if is_open else None
    return GateResult(gate, sessions_needed=needed)


def _is_back_at_rest(situation: Situation, at_rest: Floats) -> bool:
    """Whether the CPU at rest was what it had been at first, once the latest wait for late
    releases was over.
    """
    sample = situation.last_waited
    if sample is None or names.CPU_AT_REST not in sample.values or not len(at_rest):
        return False
    first, _ = _first_and_last(at_rest)
    return sample.values[names.CPU_AT_REST] <= (first or 0.0) + IDLE_LIMIT_PERCENT / 2


def _talking(situation: Situation) -> tuple[Floats, Floats]:
    """CPU of the cycles with the most usual number of sessions: how many there are changes the
    share of pauses.
    """
    done, points = 0, []
    for cycle in situation.record.cycles:
        done += len(cycle.sessions)
        if cycle.talking_cpu_percent is not None and cycle.sessions:
            points.append((len(cycle.sessions), done, cycle.talking_cpu_percent))
    if not points:
        return np.array([]), np.array([])
    usual = Counter(size for size, _, _ in points).most_common(1)[0][0]
    kept = [(at, percent) for size, at, percent in points if size == usual]
    t = np.array([at for at, _ in kept], dtype=np.float64)
    return t, np.array([percent for _, percent in kept])


def _drift(
    t: Floats, y: Floats, situation: Situation, limit: float, *, warm_up: float = np.inf
) -> Drift | None:
    length = look_length(len(y), final=situation.final)
    return cpu_drift(t[:length], y[:length], limit, warm_up=warm_up) if length else None


def _first_and_last(y: Floats) -> tuple[float | None, float | None]:
    """Medians of the first third and of the last."""
    if not len(y):
        return None, None
    third = max(1, len(y) // 3)
    return float(np.median(y[:third])), float(np.median(y[-third:]))


def row(name: str, gate: CpuGate) -> Row:
    """The gate as a row of a table."""
    idle = change("at rest", gate.idle_first, gate.idle_last, format_percent)
    talking = change("talking", gate.talking_first, gate.talking_last, format_percent)
    return Row(name, gate.outcome, changes=known(idle, talking), reason=gate.reason)


GATE: Final = GateEntry(
    name="cpu",
    label_zh="CPU",
    order=90,
    result=CpuGate,
    decide=decide,
    row=row,
    summary=reason_summary,
    rules=RULES,
    explained_by=frozenset(("cpu",)),
    explains_drift=True,
)

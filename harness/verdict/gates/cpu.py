"""CPU at rest and in conversation, in percent of one core, and CPU time per session. Each may
drift, and only rest can hold a run up.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from ...record.metrics import names
from ...units import format_percent, format_time
from ..cpu_facts import CpuFacts
from ..drift import Jump, sessions_to_flat
from ..gate import GateEntry, GateResult
from ..outcome import Gate, Status
from ..rows import Row, change, known, reason_summary
from ..rules import Rule, first_answer, source
from ..situation import Situation

Answer = tuple[Status, str]

_NOISY: Final = "varies too much, or was read too seldom, to exclude a drift"


@dataclass(frozen=True, slots=True)
class CpuGate(Gate):
    """CPU at rest and in conversation, in percent of one core, and CPU time per session."""

    idle_first: float | None = None
    idle_last: float | None = None
    talking_first: float | None = None
    talking_last: float | None = None
    session_first: float | None = None
    """CPU time per session, in seconds, less what the server uses at rest meanwhile."""
    session_last: float | None = None


def _not_measured(facts: CpuFacts) -> Answer | None:
    if facts.rest_samples or facts.talking_samples:
        return None
    return Status.NOT_MEASURED, "no CPU time was read"


def _back_at_rest(facts: CpuFacts) -> Answer | None:
    if not facts.is_back_at_rest or facts.jump is not None:
        return None
    if not (facts.rest_drifts or facts.talking_drifts):
        return None
    return Status.FLAT, "CPU rose with what the server let go of later"


def _rest_drift(facts: CpuFacts) -> Answer | None:
    if not facts.rest_drifts:
        return None
    rise = facts.rest_rise_percent or 0.0
    return Status.DRIFT, f"CPU at rest grows steadily: by {rise:.3g} % of a core over the run"


def _jump_fell(facts: CpuFacts) -> Answer | None:
    if not facts.jump_fell:
        return None
    return Status.FLAT, "CPU at rest jumped, and fell while the run waited"


def _jump_stays(facts: CpuFacts) -> Answer | None:
    if facts.jump is None or (facts.may_wait and not facts.jump_was_waited_for):
        return None
    return Status.DRIFT, f"{_jumped(facts.jump)} and stays there"


def _jump_wait_due(facts: CpuFacts) -> Answer | None:
    if facts.jump is None:
        return None
    words = f"{_jumped(facts.jump)}; whether it falls has not been waited for yet"
    return Status.INCONCLUSIVE, words


def _jumped(jump: Jump) -> str:
    return f"CPU at rest jumped from {jump.before:.3g} to {jump.after:.3g} % of a core"


def _talking_drift(facts: CpuFacts) -> Answer | None:
    if not facts.talking_drifts:
        return None
    rise = facts.talking_rise_percent or 0.0
    return Status.DRIFT, f"CPU while talking grows steadily: by {rise:.3g} % of a core over the run"


def _session_drift(facts: CpuFacts) -> Answer | None:
    if not facts.session_drifts:
        return None
    first, last = (format_time(end or 0.0) for end in facts.session_ends)
    return Status.DRIFT, f"CPU per session grows steadily, from {first} to {last}"


def _no_rest(facts: CpuFacts) -> Answer | None:
    if facts.rest_samples:
        return None
    if facts.talking_is_flat:
        return Status.FLAT, ""
    return Status.NOT_MEASURED, f"CPU while talking {_NOISY}"


def _rest_open(facts: CpuFacts) -> Answer | None:
    is_open = facts.at_rest is None or facts.at_rest.status is Status.INCONCLUSIVE
    if not is_open:
        return None
    words = f"CPU at rest {_NOISY}; --settle gives the server time to come to rest"
    return Status.INCONCLUSIVE, words


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
_JUMP: Final = ("jump_percent", "rest_samples", "jump_was_waited_for")

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
        "cpu.jump-fell",
        "CPU at rest jumped by 10 % of a core or more, and a wait since then took it: flat.",
        _SECTION,
        _jump_fell,
        ("jump_percent", "jump_fell"),
    ),
    Rule(
        "cpu.jump-stays",
        "CPU at rest jumped by 10 % of a core or more, and is up in each reading since, 3 or more, "
        "and after a wait where one can come: drift.",
        _SECTION,
        _jump_stays,
        _JUMP,
    ),
    Rule(
        "cpu.jump-wait-due",
        "CPU at rest jumped by 10 % of a core or more, and is up in each reading since, 3 or more: "
        "wait first.",
        _SECTION,
        _jump_wait_due,
        _JUMP,
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
        "cpu.session-drift",
        "CPU time per session, less what is used at rest, rises (Kendall, p < 0.0014) to 1.8 "
        "times or more, by 10 ms or more, and neither in one step nor for a while: drift. Where "
        "others use 20 % of the machine, it takes 3 times.",
        _SECTION,
        _session_drift,
        ("session_factor", "session_first_s", "session_last_s", "other_load_percent"),
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
    facts = CpuFacts.of(situation)
    (status, reason), trace = first_answer(RULES, facts)
    ends = (*facts.rest_ends, *facts.talking_ends, *facts.session_ends)
    gate = CpuGate(status, reason, *ends, trace=trace)
    if status is not Status.INCONCLUSIVE:
        return GateResult(gate)
    t = situation.record.series(names.CPU_AT_REST).t
    per_cycle = int(t[-1] - t[-2]) if len(t) > 1 else 1
    needed = sessions_to_flat(facts.rest_samples, per_cycle)
    return GateResult(gate, suspect=facts.jump is not None, sessions_needed=needed)


def row(name: str, gate: CpuGate) -> Row:
    """The gate as a row of a table."""
    idle = change("at rest", gate.idle_first, gate.idle_last, format_percent)
    talking = change("talking", gate.talking_first, gate.talking_last, format_percent)
    session = change("per session", gate.session_first, gate.session_last, format_time)
    return Row(name, gate.outcome, changes=known(idle, talking, session), reason=gate.reason)


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

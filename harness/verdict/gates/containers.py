"""Containers that get longer with the sessions, however few bytes they hold."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

from ...record.record import Cause, RunRecord
from ..exhaustion import Exhaustion, exhaustion
from ..gate import GateEntry, GateResult
from ..outcome import Gate, Status
from ..over_processes import summed
from ..problems import problem_of
from ..rows import Row, reason_summary
from ..rules import Rule, first_answer, source
from ..situation import Situation
from ..suspects import MIN_LENGTHS, census_sessions, is_likely_leak, is_within_bound, suspects
from ..waits import may_wait

MIN_SLOW_S: Final = 3.0
"""A session that takes so long makes the guard more than 7 minutes."""
ERROR_RATE: Final = "0 of 21 servers that do not leak were called so"
"""Measured (docs/verdict.md#slow-servers)."""
MAX_TOLD: Final = 3
"""Containers that are named as filling."""


@dataclass(frozen=True, slots=True)
class ContainersGate(Gate):
    """Containers that are longer at every census."""

    suspects: int = 0
    likely: bool = False
    """Called before the guard, because sessions are slow (docs/verdict.md#slow-servers)."""


@dataclass(frozen=True, slots=True)
class ContainerFacts:
    """What the rules compare."""

    censuses: int
    why_too_few: str
    suspects: int
    """Containers that were longer at every census and have no maximum that is known."""
    entries_per_session: float | None
    """Of the one that grows fastest."""
    sessions: int
    """At the latest census."""
    guard_sessions: int
    trimmed_at: str
    """The code that may make the container shorter, at a length that is not known."""
    has_waited: bool
    """A wait has ended since the latest census."""
    may_wait: bool
    is_last: bool
    """No session is to follow."""
    words: str
    filling_words: str
    session_s: float = 0.0
    """How long a session takes, with its share of the rest samples."""
    likely: bool = False
    """A suspect got exactly as many entries with each of 40 sessions, and nothing takes any."""
    exhaustion: Exhaustion | None = None
    """What the server ran into; None where no container rose with each session until then."""

    @property
    def sessions_that_worked(self) -> int | None:
        """Before they began to fail."""
        return None if self.exhaustion is None else self.exhaustion.worked

    @property
    def sessions_that_failed(self) -> int | None:
        """Sessions that failed since then."""
        return None if self.exhaustion is None else self.exhaustion.failed

    @property
    def min_censuses(self) -> int:
        """Censuses below which nothing is said."""
        return MIN_LENGTHS


def _not_measured(facts: ContainerFacts) -> GateResult | None:
    if facts.censuses >= MIN_LENGTHS:
        return None
    return GateResult(ContainersGate(Status.NOT_MEASURED, facts.why_too_few))


def _flat(facts: ContainerFacts) -> GateResult | None:
    if facts.suspects:
        return None
    return GateResult(ContainersGate(Status.FLAT, facts.filling_words))


def _met_bound(facts: ContainerFacts) -> GateResult | None:
    if facts.exhaustion is None:
        return None
    words = f"{facts.words}, until sessions failed"
    return GateResult(ContainersGate(Status.LEAK, words, facts.suspects))


def _likely(facts: ContainerFacts) -> GateResult | None:
    if not facts.likely or facts.session_s < MIN_SLOW_S:
        return None
    if not facts.has_waited and facts.may_wait:
        return _wait_due(facts)
    words = f"likely ({ERROR_RATE}): {facts.words}, exactly, and no code makes it shorter"
    return GateResult(ContainersGate(Status.LEAK, words, facts.suspects, likely=True))


def _too_early(facts: ContainerFacts) -> GateResult | None:
    if facts.sessions >= facts.guard_sessions:
        return None
    words = f"{facts.words}. This may be a cache that is still filling."
    return _open(facts, words, facts.guard_sessions - facts.sessions)


def _trimmed(facts: ContainerFacts) -> GateResult | None:
    if not facts.trimmed_at:
        return None
    words = f"{facts.words}; {facts.trimmed_at} may make it shorter, at a length that is not known"
    if facts.is_last:
        words = f"filling or leaking: not bounded as far as the source tells; {words}"
        words = f"{words}; --allow containers leaves it out"
    return _open(facts, words, facts.guard_sessions)


def _leak(facts: ContainerFacts) -> GateResult | None:
    if not facts.has_waited and facts.may_wait:
        return None
    return GateResult(ContainersGate(Status.LEAK, facts.words, facts.suspects))


def _wait_due(facts: ContainerFacts) -> GateResult:
    words = f"{facts.words}; whether that is released late is not known yet"
    return replace(_open(facts, words, None), suspect=True)


def _open(facts: ContainerFacts, words: str, needed: int | None) -> GateResult:
    gate = ContainersGate(Status.INCONCLUSIVE, words, facts.suspects)
    return GateResult(gate, sessions_needed=needed)


_SECTION: Final = source("containers-without-a-maximum")
_NUMBERS: Final = ("suspects", "entries_per_session", "sessions", "guard_sessions")

RULES: Final = (
    Rule(
        "containers.not-measured",
        "There are fewer than 4 censuses: not measured.",
        _SECTION,
        _not_measured,
        ("censuses", "min_censuses"),
    ),
    Rule(
        "containers.flat",
        "No container without a maximum grew in every census by 0.08 entries per session or more: "
        "flat.",
        _SECTION,
        _flat,
        ("suspects",),
    ),
    Rule(
        "containers.met-a-bound",
        "A container of the application got one entry or more with each of 20 sessions or more, "
        "and since then sessions fail, the latest 3 among them: leak.",
        source("runs-that-stop-early"),
        _met_bound,
        (*_NUMBERS, "sessions_that_worked", "sessions_that_failed"),
    ),
    Rule(
        "containers.likely",
        "A session takes 3 s or more. A container of the application got exactly as many entries "
        "with each of 40 sessions, and neither code nor time takes any: leak, likely.",
        source("slow-servers"),
        _likely,
        (*_NUMBERS, "session_s", "likely"),
    ),
    Rule(
        "containers.too-early",
        "A container grew in every census. Before the guard this may be a cache that is still "
        "filling: open.",
        _SECTION,
        _too_early,
        _NUMBERS,
    ),
    Rule(
        "containers.trimmed",
        "A container grew in every census, but its own code may make it shorter: open.",
        _SECTION,
        _trimmed,
        _NUMBERS,
    ),
    Rule(
        "containers.leak",
        "After the guard, a container without a maximum grew in every census, and no wait is to "
        "come: leak.",
        _SECTION,
        _leak,
        (*_NUMBERS, "has_waited"),
    ),
    Rule(
        "containers.wait-due",
        "After the guard, a container without a maximum grew in every census: wait first.",
        _SECTION,
        _wait_due,
        _NUMBERS,
    ),
)


def decide(situation: Situation) -> GateResult:
    """Whether a container without a maximum gets longer and longer."""
    facts, since = _facts(situation)
    result, trace = first_answer(RULES, facts)
    traced = replace(result.gate, trace=trace)
    return replace(result, gate=traced, suspected_sessions=since)


def _facts(situation: Situation) -> tuple[ContainerFacts, int | None]:
    """The facts, and where the growth was first seen."""
    record = situation.record
    taken = len(census_sessions(record.censuses))
    problem = problem_of(record, "census")
    why = "too few censuses" if record.has_probe else "needs the probe"
    measured = taken >= MIN_LENGTHS
    growing = suspects(record) if measured else []
    # What has some maximum is not blamed for the rest.
    blamed = [suspect for suspect in growing if not suspect.trimmed_at] or growing
    blamed = summed(blamed, record.causes)
    words, first = "", None
    if blamed:
        named = ((record.causes.get(known.key, Cause()).name, known) for known in blamed)
        name, first = next((pair for pair in named if pair[0]), ("a container", blamed[0]))
        words = f"{name} grows by {first.per_session:.2f} entries per session"
        words += f", and {len(blamed) - 1} more" if blamed[1:] else ""
    last = record.censuses[-1] if record.censuses else None
    met = exhaustion(record)
    waited = situation.last_waited
    facts = ContainerFacts(
        censuses=taken,
        why_too_few=why if problem is None else problem.words,
        suspects=len(blamed),
        entries_per_session=None if first is None else first.per_session,
        sessions=0 if last is None else last.sessions,
        guard_sessions=situation.full_guard,
        trimmed_at="" if first is None else first.trimmed_at,
        has_waited=waited is not None and last is not None and waited.cycle >= last.cycle,
        may_wait=may_wait(situation),
        is_last=situation.final,
        words=words,
        filling_words=_filling_words(record) if measured else "",
        session_s=_session_s(record),
        likely=any(is_likely_leak(record, suspect) for suspect in blamed),
        exhaustion=met if met is not None and met.containers else None,
    )
    return facts, min((suspect.suspected_sessions for suspect in blamed), default=None)


def _session_s(record: RunRecord) -> float:
    """What a session of the run takes, all in all."""
    cycles = record.cycles
    return (cycles[-1].ended_s - cycles[0].began_s) / record.sessions if record.sessions else 0.0


def _filling_words(record: RunRecord) -> str:
    """What gets longer, and is kept below a maximum by its own code."""
    within: dict[str, str] = {}
    for key, lengths in record.censuses[-1].rising.items():
        if is_within_bound(record, key, lengths[-1]):
            cause = record.causes[key]
            within[cause.name] = f"{lengths[-1]} of {cause.bound}, kept by {cause.trimmed_at}"
    return "; ".join(f"{name} fills: {words}" for name, words in list(within.items())[:MAX_TOLD])


def row(name: str, gate: ContainersGate) -> Row:
    """The gate as a row of a table."""
    growth = f"{gate.suspects} suspects" if gate.suspects else ""
    if gate.suspects == 1:
        growth = "1 suspect"
    return Row(name, gate.outcome, growth=growth, reason=gate.reason)


GATE: Final = GateEntry(
    name="containers",
    label_zh="容器",
    order=70,
    result=ContainersGate,
    decide=decide,
    row=row,
    summary=reason_summary,
    rules=RULES,
    explained_by=frozenset(("container",)),
)

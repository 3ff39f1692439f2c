"""The rules of the verdict: from the gates and the doubts to one word."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from .exhaustion import exhaustion
from .gate import GateResult
from .outcome import Status, VerdictName
from .rules import Rule, source
from .situation import Situation

MAX_FAILED_SHARE: Final = 0.5
"""Share of the sessions that may fail before the server has failed."""


@dataclass(frozen=True, slots=True)
class VerdictFacts:
    """What the rules compare."""

    situation: Situation
    counted: Mapping[str, GateResult]
    """By gate; those that never fail the run, or are excused, are left out."""
    doubts: tuple[str, ...]
    stood: VerdictName | None = None
    """The verdict at the time when the user stopped the run; None where it was still open."""

    def having(self, status: Status) -> tuple[str, ...]:
        """Gates with this status."""
        return tuple(name for name, result in self.counted.items() if result.gate.outcome is status)

    @property
    def suspect(self) -> bool:
        """Whether something grows that may be released late."""
        return any(result.suspect for result in self.counted.values())

    @property
    def mostly_failed(self) -> bool:
        """Whether under half of the sessions did what the script says."""
        return self.failed_sessions > self.sessions * MAX_FAILED_SHARE

    @property
    def sessions(self) -> int:
        """Done so far, failed ones included."""
        return self.situation.sessions

    @property
    def failed_sessions(self) -> int:
        """That did not do what the script says."""
        return self.situation.record.failed_sessions

    @property
    def met_a_bound(self) -> bool:
        """Whether a count rose with each session, until sessions failed."""
        return exhaustion(self.situation.record) is not None

    @property
    def ended_by(self) -> VerdictName | None:
        """What ended the run early; None where nothing did."""
        for incident in self.situation.record.incidents:
            if incident.interrupted:
                return VerdictName.INTERRUPTED
            if incident.fatal:
                return VerdictName.SERVER_FAILED
        return None

    @property
    def leaking_gates(self) -> int:
        """How many gates report a leak."""
        return len(self.having(Status.LEAK))

    @property
    def drifting_gates(self) -> int:
        """How many gates report a drift."""
        return len(self.having(Status.DRIFT))

    @property
    def open_gates(self) -> int:
        """How many are inconclusive."""
        return len(self.having(Status.INCONCLUSIVE))

    @property
    def doubt_count(self) -> int:
        """How many doubts there are."""
        return len(self.doubts)

    @property
    def memory_is_measured(self) -> bool:
        """Whether the memory gate has readings, or does not count."""
        return "memory" not in self.having(Status.NOT_MEASURED)


def _stood(facts: VerdictFacts) -> VerdictName | None:
    is_failing = facts.leaking_gates or facts.drifting_gates
    stands = facts.ended_by is VerdictName.INTERRUPTED and is_failing
    return facts.stood if stands else None


def _interrupted(facts: VerdictFacts) -> VerdictName | None:
    return VerdictName.INTERRUPTED if facts.ended_by is VerdictName.INTERRUPTED else None


def _met_bound(facts: VerdictFacts) -> VerdictName | None:
    return VerdictName.LEAK if facts.met_a_bound and facts.leaking_gates else None


def _server_failed(facts: VerdictFacts) -> VerdictName | None:
    return facts.ended_by


def _mostly_failed(facts: VerdictFacts) -> VerdictName | None:
    return VerdictName.SERVER_FAILED if facts.mostly_failed else None


def _leaks(facts: VerdictFacts) -> VerdictName | None:
    return VerdictName.LEAK if facts.leaking_gates else None


def _drifts(facts: VerdictFacts) -> VerdictName | None:
    return VerdictName.DEGRADED if facts.drifting_gates else None


def _no_memory(facts: VerdictFacts) -> VerdictName | None:
    return None if facts.memory_is_measured else VerdictName.INCONCLUSIVE


def _open(facts: VerdictFacts) -> VerdictName | None:
    return VerdictName.INCONCLUSIVE if facts.open_gates else None


def _doubted(facts: VerdictFacts) -> VerdictName | None:
    return VerdictName.INCONCLUSIVE if facts.doubts else None


def _flat(_: VerdictFacts) -> VerdictName:
    return VerdictName.FLAT


_SECTION: Final = source("order-of-the-verdict")

VERDICT_RULES: Final[tuple[Rule[VerdictFacts, VerdictName], ...]] = (
    Rule(
        "verdict.stood",
        "The user stopped the run when it was decided, and only the cause was looked for: the "
        "verdict stands.",
        _SECTION,
        _stood,
        ("leaking_gates", "drifting_gates"),
    ),
    Rule(
        "verdict.interrupted",
        "The user stopped the run: interrupted.",
        _SECTION,
        _interrupted,
    ),
    Rule(
        "verdict.met-a-bound",
        "A count rose with each session, and then sessions failed: leak, and what it ran into.",
        _SECTION,
        _met_bound,
        ("met_a_bound", "leaking_gates"),
    ),
    Rule(
        "verdict.server-failed",
        "The server failed and ended the run: server-failed.",
        _SECTION,
        _server_failed,
    ),
    Rule(
        "verdict.mostly-failed",
        "More than half of the sessions failed: server-failed.",
        _SECTION,
        _mostly_failed,
        ("failed_sessions", "sessions"),
    ),
    Rule("verdict.leak", "A gate leaks: leak.", _SECTION, _leaks, ("leaking_gates",)),
    Rule("verdict.drift", "A gate drifts: degraded.", _SECTION, _drifts, ("drifting_gates",)),
    Rule(
        "verdict.no-memory",
        "Memory was not measured, and what was not looked at is not flat: inconclusive.",
        _SECTION,
        _no_memory,
        ("memory_is_measured",),
    ),
    Rule("verdict.open", "A gate is open: inconclusive.", _SECTION, _open, ("open_gates",)),
    Rule(
        "verdict.doubted",
        "Something speaks against trusting the run: inconclusive.",
        _SECTION,
        _doubted,
        ("doubt_count",),
    ),
    Rule(
        "verdict.flat",
        "No gate leaks, drifts or is open, and nothing speaks against the run: flat.",
        _SECTION,
        _flat,
    ),
)
"""In order: the first that answers gives the verdict."""

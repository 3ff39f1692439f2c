"""Lines of the server's log: those that are missing, and those that should not be there."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Final

from ...record.record import LogCounts
from ..gate import GateEntry, GateResult
from ..outcome import Gate, Status
from ..rows import Row
from ..rules import Rule, first_answer, source
from ..situation import Situation

MIN_LINES: Final = 3
"""Fewer lines than that are told, and fail nothing."""


@dataclass(frozen=True, slots=True)
class LogGate(Gate):
    """Lines of the server's log, by pattern and per session."""

    missing: Mapping[str, float] = field(default_factory=dict)
    found: Mapping[str, float] = field(default_factory=dict)
    examples: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class LogFacts:
    """What the rules compare."""

    is_read: bool
    sessions: int
    """Sessions that have connected."""
    missing: Mapping[str, int]
    """Expected lines that are not there, by pattern."""
    forbidden: Mapping[str, int]
    noted: Mapping[str, int]
    early_lines: int
    """Lines that came before those that should precede them."""
    tolerated_lines: float
    """Of one sort: this many fail nothing."""

    @property
    def missing_lines(self) -> int:
        """Of the pattern that is missing most."""
        return max(self.missing.values(), default=0)

    @property
    def forbidden_lines(self) -> int:
        """Of the forbidden pattern that is there most."""
        return max(self.forbidden.values(), default=0)

    @property
    def failing(self) -> str:
        """What is wrong, in words; empty where nothing is."""
        top = self.tolerated_lines
        words = [
            f"'{text}' is missing {count} times"
            for text, count in self.missing.items()
            if count > top
        ]
        words += [
            f"'{text}' stands there {count} times"
            for text, count in self.forbidden.items()
            if count > top
        ]
        if self.early_lines > top:
            words.append(f"{self.early_lines} lines came before those that should precede them")
        return "; ".join(words)


Answer = tuple[Status, str]


def _not_measured(facts: LogFacts) -> Answer | None:
    return None if facts.is_read else (Status.NOT_MEASURED, "no log is read")


def _missing(facts: LogFacts) -> Answer | None:
    too_many = facts.missing_lines > facts.tolerated_lines
    return (Status.DRIFT, _in_sessions(facts, facts.failing)) if too_many else None


def _forbidden(facts: LogFacts) -> Answer | None:
    too_many = facts.forbidden_lines > facts.tolerated_lines
    return (Status.DRIFT, _in_sessions(facts, facts.failing)) if too_many else None


def _early(facts: LogFacts) -> Answer | None:
    too_many = facts.early_lines > facts.tolerated_lines
    return (Status.DRIFT, _in_sessions(facts, facts.failing)) if too_many else None


def _flat(facts: LogFacts) -> Answer:
    noted = [f"'{text}' stands there {count} times" for text, count in facts.noted.items()]
    return Status.FLAT, _in_sessions(facts, "; ".join(noted))


def _in_sessions(facts: LogFacts, words: str) -> str:
    return f"{words}, in {facts.sessions} sessions" if words else ""


_SECTION: Final = source("log-and-files")

RULES: Final[tuple[Rule[LogFacts, Answer], ...]] = (
    Rule("log.not-measured", "No log is read: not measured.", _SECTION, _not_measured),
    Rule(
        "log.missing-lines",
        "An expected line is missing in 3 sessions or more, and in more than one of fifty: drift.",
        _SECTION,
        _missing,
        ("missing_lines", "tolerated_lines", "sessions"),
    ),
    Rule(
        "log.forbidden-lines",
        "A forbidden line is there 3 times or more, and in more than one session of fifty: drift.",
        _SECTION,
        _forbidden,
        ("forbidden_lines", "tolerated_lines", "sessions"),
    ),
    Rule(
        "log.early-lines",
        "3 lines or more, and more than one session of fifty, came before those that should "
        "precede them: drift.",
        _SECTION,
        _early,
        ("early_lines", "tolerated_lines", "sessions"),
    ),
    Rule("log.flat", "The log holds what it should: flat.", _SECTION, _flat, ("sessions",)),
)


def decide(situation: Situation) -> GateResult:
    """Whether lines are missing, or there that should not be."""
    logs = situation.record.logs
    facts = _facts(situation, logs[-1]) if logs else LogFacts(False, 0, {}, {}, {}, 0, 0.0)
    (status, reason), trace = first_answer(RULES, facts)
    gate = LogGate(status, reason, trace=trace)
    if logs:
        per = max(1, facts.sessions)
        counted = {**facts.forbidden, **facts.noted}
        examples = logs[-1].examples
        gate = replace(
            gate,
            missing={text: count / per for text, count in facts.missing.items()},
            found={text: count / per for text, count in counted.items()},
            examples=tuple(
                examples[text] for text in (*facts.forbidden, *facts.noted) if text in examples
            ),
        )
    return GateResult(gate)


def _facts(situation: Situation, last: LogCounts) -> LogFacts:
    policy, record = situation.policy, situation.record
    sessions = sum(
        session.connect_s is not None
        for cycle in record.cycles[: last.cycle]
        for session in cycle.sessions
    )
    missing = {text: sessions - last.counts.get(text, 0) for text in policy.log_expected}
    forbidden = {text: last.counts.get(text, 0) for text in policy.log_forbidden}
    noted = {text: last.counts.get(text, 0) for text in policy.log_noted}
    return LogFacts(
        is_read=True,
        sessions=sessions,
        missing={text: count for text, count in missing.items() if count > 0},
        forbidden={text: count for text, count in forbidden.items() if count},
        noted={text: count for text, count in noted.items() if count},
        early_lines=last.early,
        tolerated_lines=max(MIN_LINES - 1, policy.counter_limit * max(1, sessions)),
    )


def row(name: str, gate: LogGate) -> Row:
    """The gate as a row of a table."""
    return Row(name, gate.outcome, changes=gate.examples[:1], reason=gate.reason)


def summary(_: str, gate: LogGate, sessions: int) -> str:
    """Why the gate fails the run, and an example. The headline says after how many sessions."""
    example = f" (the first: {gate.examples[0]})" if gate.examples else ""
    return f"the server's log: {gate.reason.removesuffix(f', in {sessions} sessions')}{example}"


GATE: Final = GateEntry(
    name="log",
    label_zh="日志",
    order=100,
    result=LogGate,
    decide=decide,
    row=row,
    summary=summary,
    rules=RULES,
)

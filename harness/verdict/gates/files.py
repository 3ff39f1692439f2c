"""Number of files, and their bytes, under the folders that are watched."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

from ...record.metrics import METRICS, CounterLimit, names
from ...record.policy import KIB
from ...units import format_size
from .. import counter_rules
from ..counting import CounterGate, counter_entry, counter_gate
from ..evidence import Evidence, evidence
from ..gate import GateEntry, GateResult
from ..growth_rates import tail_rate
from ..outcome import Status
from ..rules import Rule, first_answer, source
from ..situation import Situation

LIMIT_BYTES: Final = 4.0 * KIB
"""Bytes per session: one block of most file systems."""


@dataclass(frozen=True, slots=True)
class FileFacts:
    """What the rules compare."""

    is_watched: bool
    number: GateResult
    """How the number of files stands."""
    size: Evidence | None
    """How their bytes stand."""

    @property
    def growth_bytes_per_session(self) -> float | None:
        """Growth over the tail of the run."""
        if self.size is None or len(self.size.series.x) < 2:
            return None
        return tail_rate(self.size.series.t, self.size.series.x)

    @property
    def limit_bytes_per_session(self) -> float:
        """Growth that is still flat."""
        return LIMIT_BYTES


def _not_watched(facts: FileFacts) -> GateResult | None:
    if facts.is_watched:
        return None
    return GateResult(CounterGate(Status.NOT_MEASURED, "no folder is watched"))


def _bytes_grow(facts: FileFacts) -> GateResult | None:
    size, growth = facts.size, facts.growth_bytes_per_session
    if facts.number.gate.outcome is Status.LEAK or size is None or growth is None:
        return None
    if not size.standing.growing:
        return None
    gate = CounterGate(
        Status.LEAK,
        f"the files grow by {format_size(growth)} per session",
        float(size.series.x[0]),
        float(size.series.x[-1]),
        growth,
        size.bounds,
        LIMIT_BYTES,
        trace=size.trace,
    )
    return GateResult(gate)


def _number(facts: FileFacts) -> GateResult:
    return facts.number


_SECTION: Final = source("log-and-files")

RULES: Final[tuple[Rule[FileFacts, GateResult], ...]] = (
    Rule("files.not-watched", "No folder is watched: not measured.", _SECTION, _not_watched),
    Rule(
        "files.bytes-grow",
        "The bytes of the files grow by more than 4 KiB per session, and their number does not: "
        "leak.",
        _SECTION,
        _bytes_grow,
        ("growth_bytes_per_session", "limit_bytes_per_session"),
    ),
    Rule("files.number", "The files stand as their number does.", _SECTION, _number),
)


def decide(situation: Situation) -> GateResult:
    """Whether files pile up, or get longer."""
    is_watched = any(names.FILES in rest.values for rest in situation.record.rests)
    number = counter_gate(situation, names.FILES)
    size = evidence(situation, names.FILE_BYTES, LIMIT_BYTES)
    result, trace = first_answer(RULES, FileFacts(is_watched, number, size))
    gate = replace(result.gate, trace=(*result.gate.trace, *trace))
    return replace(result, gate=gate)


GATE: Final[GateEntry] = replace(
    counter_entry(METRICS[names.FILES], CounterLimit(names.FILES, order=110)),
    decide=decide,
    rules=(*counter_rules.RULES, *RULES),
    fails_only_on_request=True,
    may_settle_by_wait=False,
)

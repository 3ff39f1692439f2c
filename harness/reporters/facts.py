"""What several reports say in the same words: a gate as a row of text, the sessions that failed,
the duration.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from itertools import chain
from typing import Final

from harness.record.facts import duration_s, other_load_percent
from harness.record.metrics import METRICS
from harness.record.record import RunRecord
from harness.units import format_count, format_percent, format_size, format_time
from harness.verdict.outcome import (
    ContainersGate,
    CounterGate,
    CpuGate,
    Gate,
    LatencyGate,
    LogGate,
    MemoryGate,
    Outcome,
    Verdict,
)
from harness.verdict.problems import problems, skipped

Words = Callable[[float], str]

MAX_OTHER_LOAD_PERCENT: Final = 20
"""Above it the reports say so: memory is measured as well as ever, latency and CPU are not."""


@dataclass(frozen=True, slots=True)
class Row:
    """One gate in words; what is not known is empty."""

    gate: str
    outcome: Outcome
    kind: str = ""
    growth: str = ""
    """Per session, with its sign; of latency the factor."""
    bounds: str = ""
    limit: str = ""
    changes: tuple[str, ...] = ()
    """From the first to the last of the run, and the extremes."""
    reason: str = ""

    @property
    def finding(self) -> str:
        """The outcome, and its kind where that says more."""
        return f"{self.outcome} ({self.kind})" if self.kind else str(self.outcome)


def rows(verdict: Verdict) -> list[Row]:
    """All gates, in the verdict's order."""
    return [_row(name, gate) for name, gate in verdict.gates.items()]


def _row(name: str, gate: Gate) -> Row:
    match gate:
        case MemoryGate() | CounterGate():
            return _growth_row(name, gate)
        case ContainersGate():
            return Row(
                name,
                gate.outcome,
                growth=f"{gate.suspects} suspects" if gate.suspects else "",
                reason=gate.reason,
            )
        case LogGate():
            return Row(name, gate.outcome, changes=gate.examples[:1], reason=gate.reason)
        case LatencyGate():
            growth = "" if gate.ratio is None else f"×{gate.ratio:.3g}"
            median = _change("median", gate.first_p50, gate.last_p50, format_time)
            tail = _values({"p95": gate.p95, "p99": gate.p99, "max": gate.max}, format_time)
            return Row(
                name, gate.outcome, growth=growth, changes=_known(median, tail), reason=gate.reason
            )
        case CpuGate():
            idle = _change("at rest", gate.idle_first, gate.idle_last, format_percent)
            talking = _change("talking", gate.talking_first, gate.talking_last, format_percent)
            return Row(name, gate.outcome, changes=_known(idle, talking), reason=gate.reason)


def _growth_row(name: str, gate: MemoryGate | CounterGate) -> Row:
    words: Words = format_count
    kinds: tuple[str | None, ...] = (gate.kind,)
    metric = peak = ""
    if isinstance(gate, MemoryGate):
        words, kinds = format_size, (gate.kind, *gate.tags)
        metric = METRICS[gate.metric].label if gate.metric in METRICS else ""
        peak = _values({"peak": gate.peak}, format_size)
    return Row(
        name,
        gate.outcome,
        kind=", ".join(kind for kind in kinds if kind and kind != gate.outcome),
        growth="" if gate.growth_per_session is None else _signed(gate.growth_per_session, words),
        bounds="" if gate.bounds is None else " to ".join(map(words, gate.bounds)),
        limit="" if gate.limit is None else words(gate.limit),
        changes=_known(_change(metric, gate.first, gate.last, words), peak),
        reason=gate.reason,
    )


def _change(what: str, first: float | None, last: float | None, words: Words) -> str:
    if first is None or last is None:
        return ""
    return f"{what} {words(first)} → {words(last)}".strip()


def _values(values: dict[str, float | None], words: Words) -> str:
    return ", ".join(
        f"{name} {words(value)}" for name, value in values.items() if value is not None
    )


def _known(*changes: str) -> tuple[str, ...]:
    return tuple(filter(None, changes))


def _signed(value: float, words: Words) -> str:
    return f"+{words(value)}" if value > 0 else words(value)


def sentence(verdict: Verdict) -> str:
    """The verdict's summary without its first word, for where that stands beside it."""
    return verdict.summary.removeprefix(f"{verdict.name.upper()}: ")


def failures(record: RunRecord) -> list[str]:
    """How many sessions failed, and why, the most frequent reason first."""
    sessions = chain.from_iterable(cycle.sessions for cycle in record.cycles)
    counts = Counter(session.failure for session in sessions if not session.ok).most_common()
    return [f"{_several(count, 'session')}: {reason}" for reason, count in counts]


def incidents(record: RunRecord) -> list[str]:
    """What went wrong with the server or the run, each with its time."""
    return [
        f"{format_time(incident.at_s)}: {incident.what}"
        for incident in record.incidents
        if not incident.source
    ]


def not_read(record: RunRecord, verdict: Verdict) -> list[str]:
    """Sources of evidence that failed, each once, as far as no doubt or gate says it already."""
    known = {*verdict.doubts, *(gate.reason for gate in verdict.gates.values())}
    lines = [*(problem.words for problem in problems(record)), skipped(record)]
    return [line for line in lines if line and line not in known]


def account(record: RunRecord) -> str:
    """How much was done, in one line."""
    target = record.started.target
    server = [target.get("mode"), target.get("command") or target.get("url")]
    against = " ".join(filter(None, server)) or "a server"
    cycles = _several(len(record.cycles), "cycle")
    sessions = _several(record.sessions, "session")
    if record.failed_sessions:
        sessions += f", {record.failed_sessions} of them failed"
    took = format_time(duration_s(record))
    parts = [f"{record.started.scenario} against {against}: {cycles}, {sessions}, {took}"]
    if record.probe_silence:
        parts.append(f"without the probe: {' '.join(record.probe_silence.split())}")
    other_load = other_load_percent(record) or 0.0
    if other_load >= MAX_OTHER_LOAD_PERCENT:
        parts.append(f"others used {other_load:.0f}% of the machine")
    if record.ended is None:
        parts.append(f"cut short after cycle {len(record.cycles)}, or still going")
    return "; ".join(parts)


def _several(count: int, what: str) -> str:
    return f"{count:,} {what}{'' if count == 1 else 's'}"

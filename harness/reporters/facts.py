"""What several reports say in the same words: a gate as a row of text, the sessions that failed,
the duration.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from itertools import chain
from statistics import median
from typing import Final

from harness.record.facts import duration_s
from harness.record.record import RunRecord
from harness.units import format_size, format_time
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

CROWDED_PERCENT: Final = 20
"""From here on the reports say so: memory is measured as well as ever, latency and CPU are not."""

_UNFIT: Final = re.compile("[^\t\n\r\x20-\x7e\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""What XML 1.0 does not allow or advises against."""


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
        words, kinds, metric = (
            format_size,
            (gate.kind, *gate.tags),
            (gate.metric or "").replace("_", " "),
        )
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
    return "" if first is None or last is None else f"{what} {words(first)} → {words(last)}".strip()


def _values(values: dict[str, float | None], words: Words) -> str:
    return ", ".join(
        f"{name} {words(value)}" for name, value in values.items() if value is not None
    )


def _known(*changes: str) -> tuple[str, ...]:
    return tuple(filter(None, changes))


def _signed(value: float, words: Words) -> str:
    return f"+{words(value)}" if value > 0 else words(value)


def format_count(count: float) -> str:
    """Three digits, and no exponent."""
    return f"{count:,.0f}" if abs(count) >= 100 else f"{count:.3g}"


def format_percent(percent: float) -> str:
    """Of one core."""
    return f"{percent:.0f}%" if abs(percent) >= 10 else f"{percent:.1f}%"


def sentence(verdict: Verdict) -> str:
    """The verdict's summary without its first word, for where that stands beside it."""
    return verdict.summary.removeprefix(f"{verdict.name.upper()}: ")


def crowded_percent(record: RunRecord) -> float | None:
    """CPU that others used on the machine, in percent of all cores: the median of the cycles."""
    shares = [rest.values["crowd"] for rest in record.rests[1:] if "crowd" in rest.values]
    return round(median(shares), 1) if shares else None


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
    said = {*verdict.doubts, *(gate.reason for gate in verdict.gates.values())}
    words = [*(problem.words for problem in problems(record)), skipped(record)]
    return [one for one in words if one and one not in said]


def clean(text: str) -> str:
    """Without control characters and halves of characters, which no format takes: a server's
    words may hold them.
    """
    return _UNFIT.sub("\N{REPLACEMENT CHARACTER}", text)


def account(record: RunRecord) -> str:
    """How much was done, in one line."""
    failed = f", {record.failed_sessions} of them failed" if record.failed_sessions else ""
    target = record.started.target
    against = " ".join(
        filter(None, (target.get("mode"), target.get("command") or target.get("url")))
    )
    done = (
        f"{_several(len(record.cycles), 'cycle')}, {_several(record.sessions, 'session')}{failed}"
    )
    blind = (
        f"; without the probe: {' '.join(record.probe_silence.split())}"
        if record.probe_silence
        else ""
    )
    crowd = crowded_percent(record) or 0.0
    crowded = f"; others used {crowd:.0f}% of the machine" if crowd >= CROWDED_PERCENT else ""
    words = (
        f"{record.started.scenario} against {against or 'a server'}: {done}, "
        f"{format_time(duration_s(record))}"
    )
    cut = "" if record.ended else f"; cut short after cycle {len(record.cycles)}, or still going"
    return words + blind + crowded + cut


def _several(count: int, what: str) -> str:
    return f"{count:,} {what}{'' if count == 1 else 's'}"

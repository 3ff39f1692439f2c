"""The verdict in one sentence for a person."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from harness.record.record import RunRecord
from harness.units import format_size, format_time
from harness.verdict.gates.counters import Judged
from harness.verdict.outcome import (
    ContainersGate,
    CounterGate,
    CpuGate,
    Gate,
    Kind,
    LatencyGate,
    LogGate,
    MemoryGate,
    Outcome,
    Tag,
    Verdict,
    VerdictName,
)

_NAMES: Final = {
    "objects": "tracked objects",
    "children": "child processes",
    "descriptors": "file descriptors",
}


def summarise(
    verdict: Verdict, record: RunRecord, counted: Mapping[str, Judged], allowed: Sequence[str]
) -> str:
    """One sentence: the verdict, how much, and what decided.

    Args:
        verdict: all but its summary.
        record: the run.
        counted: the gates that can fail it.
        allowed: those that would have failed it, were what they tell not allowed.
    """
    gates = {name: one.gate for name, one in counted.items()}
    match verdict.name:
        case VerdictName.LEAK:
            words = _growths(gates, Outcome.LEAK, record.sessions)
        case VerdictName.DEGRADED:
            words = _growths(gates, Outcome.DRIFT, record.sessions)
        case VerdictName.INCONCLUSIVE:
            words = _open(verdict, record.sessions)
        case VerdictName.FLAT:
            words = _flat(gates, record.sessions)
        case VerdictName.SERVER_FAILED | VerdictName.INTERRUPTED:
            words = _cut_short(record)
    return f"{verdict.name.upper()}: {words}" + (
        f"; allowed: {', '.join(allowed)}" if allowed else ""
    )


def _growths(gates: Mapping[str, Gate], outcome: Outcome, sessions: int) -> str:
    parts = [
        _growth(name, gate, sessions) for name, gate in gates.items() if gate.outcome is outcome
    ]
    return "; ".join(parts)


def _growth(name: str, gate: Gate, sessions: int) -> str:
    match gate:
        case MemoryGate():
            size = format_size(gate.growth_per_session or 0)
            unconfirmed = ", unconfirmed" if Tag.UNCONFIRMED in gate.tags else ""
            limit = format_size(gate.limit or 0)
            by = f"decided by {gate.decided_by} after {sessions} sessions{unconfirmed}"
            return f"memory grows by {size} per session (limit {limit}), {by}"
        case CounterGate():
            rate = f"{gate.growth_per_session or 0:.2g} per session (limit {gate.limit:g})"
            return f"{_NAMES.get(name, name)} grow by {rate}, after {sessions} sessions"
        case ContainersGate():
            return f"{gate.reason}, after {sessions} sessions"
        case LatencyGate():
            first, last = format_time(gate.first_p50 or 0), format_time(gate.last_p50 or 0)
            return f"replies became slower, from {first} to {last} over {sessions} sessions"
        case LogGate():
            return f"the server's log: {gate.reason}"
        case CpuGate():
            return f"{gate.reason}, after {sessions} sessions"


def _flat(gates: Mapping[str, Gate], sessions: int) -> str:
    memory = gates.get("memory")
    if not isinstance(memory, MemoryGate):
        return f"no gate that counts grew over {sessions} sessions"
    limit = f"(limit {format_size(memory.limit or 0)})"
    if memory.kind is Kind.FRAGMENTATION:
        return f"the heap is fragmented: {memory.reason} {limit}"
    if memory.kind is Kind.FILLING:
        return f"memory grows, but {memory.reason} {limit}"
    if memory.kind is Kind.RELEASED_LATE:
        return (
            f"memory was released late, after {sessions} sessions nothing over the limit remains "
            f"{limit}"
        )
    upper = memory.bounds[1] if memory.bounds else 0.0
    if upper <= 0:
        return f"memory did not grow over {sessions} sessions {limit}"
    return (
        f"memory grew by less than {format_size(upper)} per session over {sessions} sessions "
        f"{limit}"
    )


def _open(verdict: Verdict, sessions: int) -> str:
    if verdict.gates["memory"].outcome is Outcome.NOT_MEASURED:
        words = f"memory was not measured: {verdict.gates['memory'].reason}"
    elif verdict.open_gates:
        first = verdict.gates[verdict.open_gates[0]].reason
        words = f"after {sessions} sessions still open: {', '.join(verdict.open_gates)} ({first})"
    else:
        words = f"every gate is flat, but in doubt: {'; '.join(verdict.doubts)}"
    more = verdict.sessions_needed
    return f"{words}; about {more} sessions more would settle it" if more else words


def _cut_short(record: RunRecord) -> str:
    ends = [one for one in record.incidents if one.fatal or one.interrupted]
    if ends:
        return f"{ends[0].what.splitlines()[0]} (after {record.sessions} sessions)"
    first = (
        next(one.failure for cycle in record.cycles for one in cycle.sessions if not one.ok)
        or "no reason given"
    )
    return f"{record.failed_sessions} of {record.sessions} sessions failed, the first with: {first}"

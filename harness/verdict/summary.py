"""The verdict in one sentence for a person."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import ceil

from ..record.record import RunRecord
from .exhaustion import exhaustion
from .gates import entries
from .outcome import Gate, Status, Verdict, VerdictName
from .situation import Situation


def summarise(
    verdict: Verdict, record: RunRecord, counted: Mapping[str, Gate], allowed: Sequence[str]
) -> str:
    """One sentence: the verdict, how much, and what decided.

    Args:
        verdict: all but its summary.
        record: the run.
        counted: the gates that can fail it.
        allowed: those that would have failed it, were what they tell not allowed.
    """
    match verdict.name:
        case VerdictName.LEAK:
            words = _leaking(counted, record)
        case VerdictName.DEGRADED:
            words = _memory_first(counted) + _failing(counted, Status.DRIFT, record.sessions)
        case VerdictName.INCONCLUSIVE:
            words = _open(verdict, record)
        case VerdictName.FLAT:
            words = _flat(counted, record.sessions)
        case VerdictName.SERVER_FAILED | VerdictName.INTERRUPTED:
            words = _cut_short(record)
    sentence = f"{verdict.name.upper()}: {words}"
    return f"{sentence}; allowed: {', '.join(allowed)}" if allowed else sentence


def _failing(counted: Mapping[str, Gate], status: Status, sessions: int) -> str:
    known = entries()
    parts = [
        known[name].summary(name, gate, sessions)
        for name, gate in counted.items()
        if gate.outcome is status
    ]
    return f"{'; '.join(parts)}, after {sessions:,} session{'' if sessions == 1 else 's'}"


def _leaking(counted: Mapping[str, Gate], record: RunRecord) -> str:
    """What leaks, and what it ran into."""
    words = _failing(counted, Status.LEAK, record.sessions)
    met = exhaustion(record)
    if met is None or met.words in words:
        return words
    return f"{words}; {met.words}"


def _flat(counted: Mapping[str, Gate], sessions: int) -> str:
    if "memory" not in counted:
        return f"no gate that counts grew over {sessions} sessions"
    return entries()["memory"].summary("memory", counted["memory"], sessions)


def _memory_first(counted: Mapping[str, Gate]) -> str:
    """That memory is flat, where something else fails the run."""
    memory = counted.get("memory")
    is_flat = memory is not None and memory.outcome is Status.FLAT
    return "memory is flat, but " if is_flat else ""


def _open(verdict: Verdict, record: RunRecord) -> str:
    if verdict.gates["memory"].outcome is Status.NOT_MEASURED:
        words = f"memory was not measured: {verdict.gates['memory'].reason}"
    elif verdict.open_gates:
        first = verdict.gates[verdict.open_gates[0]].reason
        gates = ", ".join(verdict.open_gates)
        words = f"undecided after {record.sessions} sessions: {gates} ({first})"
    else:
        words = f"every gate is flat, but in doubt: {'; '.join(verdict.doubts)}"
    more = verdict.sessions_needed
    if not more:
        return words
    return f"{words}. About {more} more sessions would decide it{_as_option(record, more)}"


def _as_option(record: RunRecord, more: int) -> str:
    """The option that gives a run so many more sessions, where it was as long as it may be."""
    if not record.cycles or not Situation.of(record).at_bounds:
        return ""
    option = "--max-cycles" if record.started.policy.fixed_cycles is None else "--cycles"
    cycles = len(record.cycles) + ceil(more / max(1, len(record.cycles[-1].sessions)))
    return f" ({option} {cycles})"


def _cut_short(record: RunRecord) -> str:
    ends = [incident for incident in record.incidents if incident.fatal or incident.interrupted]
    if ends:
        return f"{ends[0].what.splitlines()[0]} (after {record.sessions} sessions)"
    failures = (
        session.failure for cycle in record.cycles for session in cycle.sessions if not session.ok
    )
    first = next(failures) or "no reason given"
    return f"{record.failed_sessions} of {record.sessions} sessions failed, the first with: {first}"

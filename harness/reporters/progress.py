"""One line of a run under way: how far it is, what is still open, and how long that may take."""

from __future__ import annotations

from typing import Final

from harness.quantities import format_size, format_time
from harness.record import RunRecord
from harness.verdict import Judgement, NextStep

_PACE_CYCLES: Final = 5
"""The latest cycles tell how long a session takes."""
_MOST_GATES: Final = 3


def progress(record: RunRecord, judgement: Judgement) -> str:
    """Cycles, sessions and seconds so far, then what comes next."""
    rest = record.rests[-1]
    held = f"  uss {format_size(rest.values['uss'])}" if "uss" in rest.values else ""
    done = f"cycle {len(record.cycles):3}  sessions {record.sessions:4}  {rest.at_s:4.0f}s{held:14}"
    match judgement.next:
        case NextStep.CONTINUE:
            return f"{done}  open: {_open(judgement)}; {outlook(record, judgement)}"
        case NextStep.IDLE:
            grace = format_time(record.started.policy.grace_s)
            return f"{done}  grows; waiting {grace} at most to see whether that is released late"
        case NextStep.EXPLAIN:
            return f"{done}  looking for the cause"
        case NextStep.STOP:
            return f"{done}  decided"


def outlook(record: RunRecord, judgement: Judgement) -> str:
    """About how many sessions more, at most, and how long they take at the pace of the latest cycles."""
    policy = record.started.policy
    if policy.fixed_cycles is not None:
        cycles = policy.fixed_cycles - len(record.cycles)
        sessions = cycles * len(record.cycles[-1].sessions) if record.cycles else 0
        words = f"{cycles} cycle{'' if cycles == 1 else 's'} more"
    else:
        sessions = min(judgement.verdict.sessions_needed or 0, max(1, policy.max_sessions - record.sessions))
        words = f"at most about {sessions} sessions more"
    pace_s = seconds_per_session(record)
    return f"{words}, {format_time(round(sessions * pace_s))}" if pace_s and sessions else words


def seconds_per_session(record: RunRecord) -> float | None:
    """Of the latest cycles, their rest samples included; None before the first."""
    first, last = record.rests[-1 - _PACE_CYCLES :][0], record.rests[-1]
    sessions = last.sessions - first.sessions
    return (last.at_s - first.at_s) / sessions if sessions else None


def _open(judgement: Judgement) -> str:
    gates = judgement.verdict.open_gates
    more = f" and {len(gates) - _MOST_GATES} more" if len(gates) > _MOST_GATES else ""
    return ", ".join(gates[:_MOST_GATES]) + more

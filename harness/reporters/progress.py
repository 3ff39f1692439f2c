"""One line of a run under way: how far it is, what is still open, and how long that may take."""

from __future__ import annotations

from math import isfinite
from typing import Final

from harness.record.record import RunRecord
from harness.units import format_size, format_time
from harness.verdict.gates.memory import MemoryGate
from harness.verdict.outcome import Judgement, NextStep

_PACE_CYCLES: Final = 5
"""The latest cycles tell how long a session takes."""
_MAX_GATES: Final = 3
_BARS: Final = 16
_MIN_SPAN_BYTES: Final = 256 * 1024
"""A flat server is a flat line."""


def progress(record: RunRecord, judgement: Judgement, *, terminal: bool = False) -> str:
    """Cycles, sessions and seconds so far, on a terminal the course of memory and its growth,
    then what comes next.
    """
    rest = record.rests[-1]
    held = f"  uss {format_size(rest.values['uss'])}" if "uss" in rest.values else ""
    done = f"cycle {len(record.cycles):3}  sessions {record.sessions:4}  {rest.at_s:4.0f}s{held:14}"
    if terminal:
        done += f"  {_sparkline(record)}{_growth(judgement)}"
    match judgement.next:
        case NextStep.CONTINUE:
            return f"{done}  open: {_open(judgement)}; {outlook(record, judgement)}"
        case NextStep.WAIT:
            wait_s = judgement.wait.at_most_s if judgement.wait else 0.0
            return f"{done}  waiting {format_time(wait_s)} at most to see what is released late"
        case NextStep.EXPLAIN:
            return f"{done}  looking for the cause"
        case NextStep.STOP:
            return f"{done}  decided"


def _sparkline(record: RunRecord) -> str:
    series = record.series("uss") if len(record.series("uss").x) else record.series("rss")
    latest = series.x[-_BARS:]
    if not len(latest):
        return ""
    low, span = float(latest.min()), max(float(latest.max() - latest.min()), _MIN_SPAN_BYTES)
    return "".join("▁▂▃▄▅▆▇█"[min(7, int(8 * (x - low) / span))] for x in latest)


def _growth(judgement: Judgement) -> str:
    gate = judgement.verdict.gates.get("memory")
    if (
        not isinstance(gate, MemoryGate)
        or gate.bounds is None
        or not all(map(isfinite, gate.bounds))
    ):
        return ""
    return f"  {format_size(gate.bounds[0])} … {format_size(gate.bounds[1])} a session"


def outlook(record: RunRecord, judgement: Judgement) -> str:
    """About how many sessions more, and how long they take at the pace of the latest cycles."""
    policy = record.started.policy
    if policy.fixed_cycles is not None:
        cycles = policy.fixed_cycles - len(record.cycles)
        sessions = cycles * len(record.cycles[-1].sessions) if record.cycles else 0
        words = f"{cycles} cycle{'' if cycles == 1 else 's'} more"
    else:
        sessions = min(
            judgement.verdict.sessions_needed or 0, max(1, policy.max_sessions - record.sessions)
        )
        words = f"about {sessions or 'a few'} sessions more"
    pace_s = seconds_per_session(record)
    return f"{words}, {format_time(round(sessions * pace_s))}" if pace_s and sessions else words


def seconds_per_session(record: RunRecord) -> float | None:
    """Of the latest cycles, their rest samples included; None before the first."""
    first, last = record.rests[-1 - _PACE_CYCLES :][0], record.rests[-1]
    sessions = last.sessions - first.sessions
    return (last.at_s - first.at_s) / sessions if sessions else None


def _open(judgement: Judgement) -> str:
    gates = judgement.verdict.open_gates
    more = f" and {len(gates) - _MAX_GATES} more" if len(gates) > _MAX_GATES else ""
    return (", ".join(gates[:_MAX_GATES]) or "nothing") + more

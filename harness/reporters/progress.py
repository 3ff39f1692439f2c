"""One line of a run under way: how far it is, what is still open, and how long that may take."""

from __future__ import annotations

from math import isfinite
from typing import Final

from ..record.facts import reported_metric
from ..record.record import RunRecord
from ..units import format_size, format_time
from ..verdict.gates.containers import ContainersGate
from ..verdict.gates.memory import MemoryGate
from ..verdict.outcome import Judgement, NextStep
from .contract import ScreenText

_PACE_CYCLES: Final = 5
"""The latest cycles tell how long a session takes."""
_MAX_GATES: Final = 3
_BARS: Final = 16
_MIN_SPAN_BYTES: Final = 256 * 1024
"""A flat server is a flat line."""


def render(
    record: RunRecord, judgement: Judgement, width: int = 100, terminal: bool = False
) -> str:
    """Cycles, sessions and seconds so far, then what comes next. A terminal also gets the course of
    memory and its growth, and no more than fits on its line, which is written over each time.
    """
    rest = record.rests[-1]
    metric = reported_metric(record)
    memory = f"  {metric} {format_size(rest.values[metric])}" if metric in rest.values else ""
    line = (
        f"cycle {len(record.cycles):3}  sessions {record.sessions:4}  {rest.at_s:4.0f}s{memory:14}"
    )
    if terminal:
        line += f"  {_sparkline(record)}{_growth(judgement)}"
    line += f"  {_next(record, judgement)}"
    return line[:width] if terminal else line


def _next(record: RunRecord, judgement: Judgement) -> str:
    match judgement.next:
        case NextStep.CONTINUE:
            return f"{_suspect(judgement)}open: {_open(judgement)}; {outlook(record, judgement)}"
        case NextStep.WAIT:
            wait_s = judgement.wait.at_most_s if judgement.wait else 0.0
            return f"waiting {format_time(wait_s)} at most to see what is released late"
        case NextStep.EXPLAIN:
            return "looking for the cause"
        case NextStep.STOP:
            return "ended"


def _suspect(judgement: Judgement) -> str:
    """The container that grows fastest, from the first census that shows it."""
    gate = judgement.verdict.gates.get("containers")
    if not isinstance(gate, ContainersGate) or not gate.suspects:
        return ""
    return f"suspect: {gate.reason.partition('. ')[0]}; "


def _sparkline(record: RunRecord) -> str:
    latest = record.series(reported_metric(record)).x[-_BARS:]
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
    return f"  {format_size(gate.bounds[0])} … {format_size(gate.bounds[1])} per session"


def outlook(record: RunRecord, judgement: Judgement) -> str:
    """About how many sessions more, and how long they take at the pace of the latest cycles."""
    policy = record.started.policy
    if policy.fixed_cycles is not None:
        cycles = policy.fixed_cycles - len(record.cycles)
        sessions = cycles * len(record.cycles[-1].sessions) if record.cycles else 0
        more = f"{cycles} cycle{'' if cycles == 1 else 's'} more"
    else:
        needed = judgement.verdict.sessions_needed or 0
        sessions = min(needed, max(1, policy.max_sessions - record.sessions))
        more = f"about {sessions or 'a few'} sessions more"
    pace_s = seconds_per_session(record)
    return f"{more}, {format_time(round(sessions * pace_s))}" if pace_s and sessions else more


def seconds_per_session(record: RunRecord) -> float | None:
    """Of the latest cycles, their rest samples included; None before the first."""
    first, last = record.rests[-1 - _PACE_CYCLES :][0], record.rests[-1]
    sessions = last.sessions - first.sessions
    return (last.at_s - first.at_s) / sessions if sessions else None


def _open(judgement: Judgement) -> str:
    gates = judgement.verdict.open_gates
    more = f" and {len(gates) - _MAX_GATES} more" if len(gates) > _MAX_GATES else ""
    return (", ".join(gates[:_MAX_GATES]) or "nothing") + more


SCREEN: Final[ScreenText[Judgement]] = render

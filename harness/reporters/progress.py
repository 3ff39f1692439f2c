"""One line of a run under way: how far it is, what is undecided, and how long that may take."""

from __future__ import annotations

from collections.abc import Callable
from math import isfinite
from typing import Final

from ..record.facts import reported_metric
from ..record.metrics import METRICS
from ..record.record import RunRecord
from ..units import format_size, format_time
from ..verdict.gates.containers import ContainersGate
from ..verdict.gates.memory import MemoryGate
from ..verdict.outcome import Judgement, NextStep
from .contract import ScreenText

_PACE_CYCLES: Final = 5
"""The latest cycles tell how long a session takes."""
_MAX_GATES: Final = 3
_USUAL_WAIT_S: Final = 40.0
"""A wait lasts 30 s, and until nothing has fallen for 10 s."""
_SEARCH_S: Final = 25.0
"""For the sessions that are traced to find a cause."""
_BARS: Final = 16
_MIN_SPAN_BYTES: Final = 256 * 1024
"""A flat server is a flat line."""


def render(
    record: RunRecord, judgement: Judgement, width: int = 100, terminal: bool = False
) -> str:
    """Cycles, sessions and seconds so far, then what comes next. A terminal also gets the course of
    memory and its growth, and no more than fits on its line, which is written over each time.
    """
    return course(record, judgement, width, terminal)(0.0)


def course(
    record: RunRecord, judgement: Judgement, width: int, terminal: bool
) -> Callable[[float], str]:
    """The line as it is so many seconds later: its clock runs on while the run waits, looks for the
    cause, or is in a long cycle.
    """
    at_s = max(sample.at_s for sample in (record.rests[-1], *record.idles[-1:]))
    values = record.rests[-1].values
    metric = reported_metric(record)
    memory = ""
    if metric in values:
        memory = f"  {METRICS[metric].label} {format_size(values[metric])}"
    spark = f"  {_sparkline(record)}" if terminal else ""
    growth = _growth(judgement) if terminal else ""
    coming, briefly = _next(record, judgement), _briefly(record, judgement)
    head = f"cycle {len(record.cycles):3}  sessions {record.sessions:4}"

    def line(later_s: float) -> str:
        clock = f"  {at_s + later_s:4.0f}s"
        last, brief = f"  {coming(later_s)}", f"  {briefly(later_s)}"
        start = f"{head}{clock}{memory:14}"
        if not terminal:
            return f"{start}{last}"
        # What says least goes first, where there is no room for all.
        for parts in (
            (start, spark, growth, last),
            (start, growth, last),
            (start, last),
            (start, brief),
            (head, clock, brief),
        ):
            if len(text := "".join(parts)) < width:
                return text
        return f"{clock.strip()}{brief}"[: width - 1]

    return line


def _next(record: RunRecord, judgement: Judgement) -> Callable[[float], str]:
    match judgement.next:
        case NextStep.CONTINUE:
            words = (
                f"{_suspect(judgement)}undecided: {_open(judgement)}; {outlook(record, judgement)}"
            )
            return lambda _: words
        case NextStep.WAIT:
            wait_s = judgement.wait.at_most_s if judgement.wait else 0.0
            return lambda later_s: (
                f"waiting at most {format_time(max(1, round(wait_s - later_s)))} to see what is "
                "released late"
            )
        case NextStep.EXPLAIN:
            return lambda _: "looking for the cause"
        case NextStep.STOP:
            return lambda _: "ended"


def _briefly(record: RunRecord, judgement: Judgement) -> Callable[[float], str]:
    """What comes next, where there is little room."""
    match judgement.next:
        case NextStep.CONTINUE:
            gates = len(judgement.verdict.open_gates)
            words = (
                f"undecided: {gates} gate{'' if gates == 1 else 's'}; {outlook(record, judgement)}"
            )
            return lambda _: words
        case NextStep.WAIT:
            wait_s = judgement.wait.at_most_s if judgement.wait else 0.0
            return lambda later_s: f"waiting at most {format_time(max(1, round(wait_s - later_s)))}"
        case _:
            return _next(record, judgement)


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
    """About how many more sessions, and how long they take at the pace of the latest cycles."""
    policy = record.started.policy
    if policy.fixed_cycles is not None:
        cycles = policy.fixed_cycles - len(record.cycles)
        sessions = cycles * len(record.cycles[-1].sessions) if record.cycles else 0
        more = f"{cycles} more cycle{'' if cycles == 1 else 's'}"
    else:
        needed = judgement.verdict.sessions_needed or 0
        sessions = min(needed, max(1, policy.max_sessions - record.sessions))
        more = f"about {sessions} more sessions" if sessions else "a few more sessions"
    pace_s = seconds_per_session(record)
    if not pace_s or not sessions:
        return more
    after_s = _wait_and_search_s(record, judgement)
    left = format_time(round(sessions * pace_s + after_s))
    return f"{more}, {left}" + (" with wait and search" if after_s else "")


def _wait_and_search_s(record: RunRecord, judgement: Judgement) -> float:
    """What follows the sessions where something grows: the wait for late releases, and the search
    for the cause.
    """
    if judgement.verdict.first_suspicion_sessions is None:
        return 0.0
    policy = record.started.policy
    wait_s = 0.0 if record.idles else min(policy.grace_s, _USUAL_WAIT_S)
    return wait_s + (_SEARCH_S if policy.explain and record.has_probe else 0.0)


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

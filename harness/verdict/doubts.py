"""What speaks against trusting a flat verdict; never against a leak."""

from __future__ import annotations

from itertools import pairwise
from typing import Final

from ..record.lines import PROCESS
from ..record.metrics import DECISIVE
from ..record.record import RestSample, RunRecord
from .problems import problems
from .suspects import MIN_LENGTHS

MAX_FAILED_SHARE: Final = 0.01
"""Share of the sessions that may fail (docs/verdict.md#constants)."""
MAX_MISSING_SHARE: Final = 0.05
"""Share of the samples. A reading that failed now and then does not hurt: series are over
sessions, not over samples.
"""
MAX_UNSETTLED_SHARE: Final = 0.2
"""Share of the cycles after which the server may not come to rest (docs/verdict.md#constants)."""


def doubts_of(record: RunRecord) -> tuple[str, ...]:
    """All doubts, in words."""
    doubts = [
        _failed_sessions(record),
        _unsettled(record),
        _missing_samples(record),
        _replaced_processes(record),
        _left_out_processes(record),
    ]
    # With too few censuses the gate of containers is not measured, and says nothing by itself.
    too_few = len({census.sessions for census in record.censuses}) < MIN_LENGTHS
    doubts += [
        problem.words
        for problem in problems(record)
        if problem.is_doubt or (problem.source == "census" and too_few)
    ]
    return tuple(filter(None, doubts))


def _failed_sessions(record: RunRecord) -> str:
    failures = [
        session.failure for cycle in record.cycles for session in cycle.sessions if not session.ok
    ]
    if len(failures) <= MAX_FAILED_SHARE * record.sessions:
        return ""
    first = failures[0] or "no reason given"
    return f"{len(failures)} of {record.sessions} sessions failed, the first with: {first}"


def _unsettled(record: RunRecord) -> str:
    after_cycles = record.rests[1:]
    unsettled = sum(not rest.settled for rest in after_cycles)
    if unsettled <= MAX_UNSETTLED_SHARE * len(after_cycles):
        return ""
    return (
        f"the server did not come to rest after {unsettled} of {len(after_cycles)} cycles: "
        f"--settle gives it more time"
    )


def _missing_samples(record: RunRecord) -> str:
    if not record.rests:
        return ""
    expected = record.rests[-1].cycle + 1
    gaps = {"rest": expected - len(record.rests)}
    for metric in DECISIVE:
        having = sum(metric in rest.values for rest in record.rests)
        gaps[metric] = len(record.rests) - having if having else 0
    worst = max(gaps, key=gaps.__getitem__)
    if gaps[worst] <= MAX_MISSING_SHARE * expected:
        return ""
    return f"{gaps[worst]} of {expected} {worst} samples are missing"


def _replaced_processes(record: RunRecord) -> str:
    times = sum(_is_replaced(before, after) for before, after in pairwise(record.rests))
    if not times:
        return ""
    return f"a process of the server was replaced by a new one of its name, {times} times"


def _left_out_processes(record: RunRecord) -> str:
    """Objects, tasks and containers of such a process are in no sum."""
    left_out = [incident.what for incident in record.incidents if incident.source == PROCESS]
    if not left_out:
        return ""
    return f"growth in a process may stay unseen: {left_out[0]}"


def _is_replaced(before: RestSample, after: RestSample) -> bool:
    """A worker that died and was started again would hide a leak in the sum over all processes.
    Zombies hold nothing, and come and go.
    """
    old = {process.pid: process.name for process in before.processes if process.values}
    new = {process.pid: process.name for process in after.processes if process.values}
    gone = {name for pid, name in old.items() if pid not in new}
    return bool(gone & {name for pid, name in new.items() if pid not in old})

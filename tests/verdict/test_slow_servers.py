"""A leak that is called before the guard, because each session takes seconds."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from record_builder import Script

from harness.record.policy import Policy
from harness.record.record import Cause, Causes, Census, RunRecord
from harness.reporters.progress import render
from harness.verdict.gates.containers import ContainersGate
from harness.verdict.judge import judge
from harness.verdict.outcome import NextStep, Status, VerdictName

CENSUSES = (2, 5, 10, 25, 40, 55)
CAUSE = Cause(name="app.histories", owner="application", chain=("module app", ".histories"))


def _run(
    length: Callable[[int], int] = lambda sessions: sessions,
    cause: Cause = CAUSE,
    session_s: float = 4.0,
) -> RunRecord:
    """55 sessions, and one container that has so many entries after so many of them."""
    record = Script(policy=Policy(grace_s=0, max_sessions=500)).record(19)
    for place, cycle in enumerate(record.cycles):
        done = sum(len(one.sessions) for one in record.cycles[:place])
        ended_s = (done + len(cycle.sessions)) * session_s
        record.cycles[place] = replace(cycle, began_s=done * session_s, ended_s=ended_s)
    for taken, sessions in enumerate(CENSUSES, start=1):
        at = next(rest.cycle for rest in record.rests if rest.sessions >= sessions)
        lengths = tuple(length(before) for before in CENSUSES[:taken])
        rising = {"100:7": lengths} if taken >= 4 else {}
        record.add(Census(float(at), at, sessions, {}, rising=rising))
    record.add(Causes(200.0, {"100:7": cause}))
    return record


def _gate(record: RunRecord) -> ContainersGate:
    gate = judge(record).verdict.gates["containers"]
    assert isinstance(gate, ContainersGate)
    return gate


def test_one_entry_with_each_of_forty_slow_sessions_is_a_likely_leak() -> None:
    verdict = judge(_run()).verdict
    assert verdict.name is VerdictName.LEAK
    assert _gate(_run()).likely
    assert "likely" in verdict.summary


def test_a_fast_server_is_asked_for_more_sessions() -> None:
    assert _gate(_run(session_s=1.0)).outcome is Status.INCONCLUSIVE
    assert judge(_run(session_s=1.0)).next is NextStep.CONTINUE


@pytest.mark.parametrize(
    "cause",
    [
        replace(CAUSE, owner="dependency"),
        replace(CAUSE, owner="interpreter"),
        replace(CAUSE, trimmed_at="app.py:9"),
        replace(CAUSE, expires_s=30.0),
        Cause(),
    ],
)
def test_a_container_that_something_may_empty_is_waited_for(cause: Cause) -> None:
    assert _gate(_run(cause=cause)).outcome is Status.INCONCLUSIVE


def test_entries_that_do_not_come_with_each_session_alike_are_waited_for() -> None:
    assert _gate(_run(lambda sessions: sessions + sessions // 20)).outcome is Status.INCONCLUSIVE
    assert _gate(_run(lambda sessions: sessions // 2)).outcome is Status.INCONCLUSIVE


def test_the_line_of_a_run_under_way_names_the_suspect() -> None:
    record = _run(session_s=1.0)
    line = render(record, judge(record))
    assert "suspect: app.histories grows by 1.00 entries per session; undecided:" in line

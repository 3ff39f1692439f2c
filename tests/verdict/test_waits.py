"""The wait for late releases: when a run waits, and what is said of what it leaves."""

from __future__ import annotations

from dataclasses import replace
from math import sin

import pytest
from record_builder import KIB, MIB, NOW, Script, level, memory, rising, under

from harness.record.policy import Policy
from harness.record.record import RunRecord
from harness.verdict.gates.memory import MemoryGate
from harness.verdict.judge import judge
from harness.verdict.outcome import Kind, NextStep, Status, Tag, VerdictName, Wait

LEAK_AT = 40
"""Cycles of the default plan after which a leak may be declared."""

LEAKING = Script(memory(16 * KIB))


def test_no_leak_is_called_before_the_wait_is_over() -> None:
    judgement = judge(under(LEAKING.record(LEAK_AT), Policy()))
    assert judgement.next is NextStep.WAIT
    assert judgement.verdict.name is VerdictName.INCONCLUSIVE
    assert judgement.verdict.gates["memory"].outcome is Status.INCONCLUSIVE


def test_without_a_grace_a_leak_is_called_at_once() -> None:
    judgement = judge(under(LEAKING.record(LEAK_AT), NOW))
    assert (judgement.verdict.name, judgement.next) == (VerdictName.LEAK, NextStep.STOP)


def test_what_is_released_while_idling_is_flat_and_of_that_kind() -> None:
    record = LEAKING.record(LEAK_AT)
    record.add(LEAKING.idle(record, uss=50 * MIB, rss=60 * MIB, malloc_in_use=5 * MIB))
    judgement = judge(under(record, Policy()))
    gate = judgement.verdict.gates["memory"]
    assert isinstance(gate, MemoryGate)
    assert (judgement.verdict.name, judgement.next, gate.kind) == (
        VerdictName.FLAT,
        NextStep.STOP,
        Kind.RELEASED_LATE,
    )


def test_memory_that_the_heap_keeps_after_a_late_release_is_no_leak() -> None:
    script = Script({**memory(16 * KIB), "malloc_system": rising(8 * MIB, 16 * KIB)})
    for kept, kind in ((160 * 16 * KIB, Kind.RELEASED_LATE), (0, Kind.NATIVE)):
        record = script.record(LEAK_AT)
        record.add(script.idle(record, malloc_in_use=5 * MIB, malloc_system=8 * MIB + kept))
        gate = judge(under(record, Policy())).verdict.gates["memory"]
        assert isinstance(gate, MemoryGate)
        assert gate.kind is kind


def test_after_a_late_release_the_run_goes_on_while_other_gates_are_open() -> None:
    script = Script({"tasks": rising(1, 1)})
    record = script.record(16)
    assert judge(under(record, Policy())).next is NextStep.WAIT
    record.add(script.idle(record, tasks=1.0))
    judgement = judge(under(record, Policy()))
    assert judgement.next is NextStep.CONTINUE
    assert judgement.verdict.gates["tasks"].outcome is Status.FLAT


def held(sessions: float) -> float:
    """Of what is held for some time only, now more and now less, as sessions come fast or
    slowly; none at first.
    """
    return 0.0 if sessions == 0 else 400 * KIB + 200 * KIB * sin(sessions / 60)


@pytest.mark.parametrize(
    ("stays", "name"), [(0.0, VerdictName.FLAT), (2 * KIB, VerdictName.INCONCLUSIVE)]
)
def test_a_run_that_ends_open_waits_and_is_flat_where_little_is_left_since_the_start(
    stays: float, name: VerdictName
) -> None:
    script = Script({"malloc_in_use": lambda sessions: 5 * MIB + stays * sessions + held(sessions)})
    record = script.record(108)
    ended = judge(under(record, Policy()))
    assert (ended.verdict.name, ended.next) == (VerdictName.INCONCLUSIVE, NextStep.WAIT)
    record.add(script.idle(record, malloc_in_use=5 * MIB + stays * record.sessions))
    waited = judge(under(record, Policy()))
    assert (waited.verdict.name, waited.next) == (name, NextStep.STOP)


def test_a_leak_is_declared_without_a_wait_where_nothing_can_go_by_itself() -> None:
    alone = replace(
        LEAKING,
        metrics={
            **LEAKING.metrics,
            "timers": level(0),
            "python_threads": level(1),
            "children": level(0),
        },
    )
    ticking = replace(alone, metrics={**alone.metrics, "timers": level(1)})
    assert judge(under(ticking.record(LEAK_AT), Policy())).next is NextStep.WAIT
    at_once = judge(under(alone.record(LEAK_AT), Policy()))
    assert (at_once.verdict.name, at_once.next) == (VerdictName.LEAK, NextStep.STOP)
    gate = at_once.verdict.gates["memory"]
    assert isinstance(gate, MemoryGate)
    assert Tag.UNCONFIRMED not in gate.tags


def wait_of(record: RunRecord, policy: Policy) -> Wait:
    judgement = judge(under(record, policy))
    assert judgement.next is NextStep.WAIT
    assert judgement.wait is not None
    return judgement.wait


def test_a_wait_lasts_the_whole_grace_for_sessions_that_are_younger() -> None:
    record = LEAKING.record(LEAK_AT)  # 40 s long
    assert wait_of(record, Policy(grace_s=90)) == Wait(at_least_s=50, at_most_s=90, steady_s=10)
    assert wait_of(record, Policy(grace_s=60)).at_least_s == 30


def test_a_run_of_fixed_cycles_or_over_its_budget_waits_no_longer_than_needed() -> None:
    record = LEAKING.record(LEAK_AT)
    assert wait_of(record, Policy(grace_s=90, fixed_cycles=LEAK_AT)).at_least_s == 30
    assert wait_of(record, Policy(grace_s=90, memory_budget_bytes=2**20)).at_least_s == 30


def test_orphan_tasks_are_waited_for_over_the_whole_grace_once() -> None:
    each = rising(0, 1)
    script = Script({"tasks": each, "left_tasks": each, "leaving_sessions": each})
    policy = Policy(grace_s=90, fixed_cycles=10)
    assert wait_of(script.record(10), policy).at_least_s == 90


@pytest.mark.parametrize(
    ("waited_s", "steady_s", "over"),
    [(49, 49, False), (50, 9, False), (50, 10, True), (90, 0, True)],
)
def test_a_wait_is_over_once_nothing_has_fallen_for_a_while_or_at_the_end_of_the_grace(
    waited_s: float, steady_s: float, over: bool
) -> None:
    assert Wait(at_least_s=50, at_most_s=90, steady_s=10).is_over(waited_s, steady_s) is over

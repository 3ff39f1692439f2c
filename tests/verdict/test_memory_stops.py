"""The memory gate of runs that stop early, and of those that wait or collect at their end."""

from __future__ import annotations

from dataclasses import replace

import pytest
from memory_gates import LONG, gate, gate_of
from record_builder import KIB, MIB, NOW, Script, memory, rising

from harness.record.policy import Policy
from harness.record.record import RunRecord
from harness.verdict.gates.memory import MemoryGate
from harness.verdict.outcome import Kind, Status, Tag


def test_growth_over_the_budget_is_a_leak_long_before_the_guard_and_unconfirmed() -> None:
    found = gate(Script(memory(32 * MIB)), cycles=12)
    assert (found.outcome, found.decided_by, found.tags) == (
        Status.LEAK,
        "uss",
        (Tag.UNCONFIRMED,),
    )
    assert found.growth_per_session == pytest.approx(32 * MIB)
    assert gate(Script(memory(32 * MIB)), cycles=11).outcome is Status.INCONCLUSIVE


def test_one_step_over_the_budget_is_no_leak() -> None:
    def stepped(t: float) -> float:
        return 50 * MIB + (700 * MIB if t >= 5 else 0)

    found = gate(Script({"uss": stepped, "rss": stepped}), cycles=11)
    assert found.outcome is Status.INCONCLUSIVE
    assert "budget" in found.reason


def test_the_budget_says_nothing_before_the_third_cycle() -> None:
    record = Script(memory(1024 * MIB)).record(3)
    assert gate_of(record).outcome is Status.LEAK
    record.rests.pop()
    assert gate_of(record).outcome is Status.INCONCLUSIVE


def test_a_fixed_short_run_calls_steady_growth_by_half_of_what_the_server_held() -> None:
    policy = replace(NOW, fixed_cycles=10)
    found = gate(Script(memory(6 * MIB)), 10, policy)
    assert (found.outcome, found.tags) == (Status.LEAK, (Tag.UNCONFIRMED,))
    assert gate(Script(memory(2 * MIB)), 10, policy).outcome is Status.INCONCLUSIVE


def test_a_fixed_short_run_does_not_call_growth_that_has_stopped() -> None:
    def warm_up(t: float) -> float:
        return 50 * MIB + 8 * MIB * min(t, 6)

    found = gate(Script({"uss": warm_up, "rss": warm_up}), 10, replace(NOW, fixed_cycles=10))
    assert found.outcome is Status.INCONCLUSIVE


def test_a_fixed_run_past_its_guard_is_decided_by_the_engine_alone() -> None:
    def late(t: float) -> float:
        return 50 * MIB + 6 * MIB * max(0, t - 200)

    found = gate(Script({"uss": late, "rss": late}), LONG, replace(NOW, fixed_cycles=LONG))
    assert found.outcome is Status.INCONCLUSIVE


def test_a_run_that_was_not_fixed_does_not_stop_at_half_of_what_the_server_held() -> None:
    assert gate(Script(memory(6 * MIB)), 10).outcome is Status.INCONCLUSIVE


def test_a_run_that_must_end_before_its_guard_may_still_call_a_leak_and_says_unconfirmed() -> None:
    found = gate(Script(memory(64 * KIB)), 24, replace(NOW, max_sessions=80))
    assert (found.outcome, found.tags) == (Status.LEAK, (Tag.UNCONFIRMED,))
    assert (
        gate(Script(memory(64 * KIB)), 16, replace(NOW, max_sessions=40)).outcome
        is Status.INCONCLUSIVE
    )


def test_without_any_reading_the_gate_is_not_measured() -> None:
    record = Script().record(0)
    record.rests.clear()
    assert gate_of(record).outcome is Status.NOT_MEASURED


def never_collected(left_bytes: float) -> RunRecord:
    """A run that forces no collection, with a megabyte a session of growth, some of which one at
    the end leaves.
    """
    policy = Policy(collect=False)
    script = Script(memory(MIB), policy=policy)
    record = script.record(60)
    idle = script.idle(record)
    record.add(idle)
    values = {**idle.values, "malloc_in_use": 5 * MIB + left_bytes, "uss": idle.values["uss"]}
    record.add(replace(idle, values=values, collected=True))
    return record


def test_growth_that_one_collection_takes_is_not_yet_collected() -> None:
    record = never_collected(left_bytes=0)
    gate = gate_of(record, record.started.policy)
    assert (gate.outcome, gate.kind) == (Status.LEAK, Kind.NOT_YET_COLLECTED)


def test_growth_that_outlives_a_collection_is_retained() -> None:
    record = never_collected(left_bytes=260 * MIB)
    assert gate_of(record, record.started.policy).kind is not Kind.NOT_YET_COLLECTED


def test_a_short_fixed_run_whose_growth_the_wait_took_was_released_late() -> None:
    script = Script(memory(8 * MIB))
    record = script.record(16)
    record.add(script.idle(record, uss=50 * MIB, rss=60 * MIB, malloc_in_use=5 * MIB))
    result = gate_of(record, Policy(fixed_cycles=16, memory_budget_bytes=2**40))
    assert result.trace[-2].rule == "memory.not-yet-collected"
    assert decided(result) == "memory.early-released"
    assert (result.outcome, result.kind) == (Status.FLAT, Kind.RELEASED_LATE)


def test_growth_over_the_budget_after_the_last_wait_is_open_where_that_wait_took_such() -> None:
    script = Script(memory(8 * MIB))
    record = script.record(16)
    for cycle in (12, 13, 14, 15):
        after = record.rests[cycle]
        base = {"uss": 50 * MIB, "rss": 60 * MIB, "malloc_in_use": 5 * MIB}
        record.add(replace(after, idle=True, values={**after.values, **base}))
    result = gate_of(record, Policy(memory_budget_bytes=2**27))
    assert decided(result) == "memory.early-anew"
    assert result.outcome is Status.INCONCLUSIVE


def test_a_budget_that_rss_alone_has_used_up_is_no_leak_of_what_is_reported() -> None:
    result = gate(Script({"rss": rising(60 * MIB, 200 * MIB)}), cycles=10)
    assert decided(result) == "memory.budget-elsewhere"
    assert result.outcome is Status.INCONCLUSIVE


def test_pages_that_the_heap_keeps_free_from_wait_to_wait_were_released_late() -> None:
    """Sessions are held until the waits, after 70 and 160 of them; the heap keeps two blocks."""

    def kept(sessions: float) -> float:
        return 20 * MIB * ((sessions > 90) + (sessions > 130))

    def held(sessions: float) -> float:
        since = max(wait for wait in (0, 70, 160) if sessions > wait or wait == 0)
        return 5 * MIB + MIB / 2 * (sessions - since)

    script = Script(
        {
            "malloc_in_use": held,
            "malloc_system": lambda t: 200 * MIB + kept(t),
            "rss": lambda t: 300 * MIB + kept(t),
            "uss": lambda t: 290 * MIB + kept(t),
        }
    )
    record = script.record(46)
    for cycle in (22, 40):
        after = record.rests[cycle]
        values = {**after.values, "malloc_in_use": 5 * MIB}
        record.add(replace(after, idle=True, values=values))
    result = gate_of(record, Policy())
    assert decided(result) == "memory.held-free"
    assert (result.outcome, result.kind) == (Status.FLAT, Kind.RELEASED_LATE)


def decided(result: MemoryGate) -> str:
    """The rule of the first table that decided."""
    rules = [step.rule for step in result.trace if step.decided and not step.about]
    return rules[0]

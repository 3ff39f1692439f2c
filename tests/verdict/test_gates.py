"""The gates but memory: exact counters, latency, CPU."""

from __future__ import annotations

from dataclasses import replace

import pytest
from record_builder import NOW, Script, level, rising, under

from harness.record.policy import Policy
from harness.record.record import RunRecord, SessionResult, Turn
from harness.verdict.counting import CounterGate, counter_gate
from harness.verdict.gate import GateResult
from harness.verdict.gates import cpu as cpu_gate
from harness.verdict.gates import latency as latency_gate
from harness.verdict.gates.cpu import CpuGate
from harness.verdict.gates.latency import LatencyGate
from harness.verdict.outcome import Kind, Status
from harness.verdict.situation import Situation

COUNTERS = ("gc_objects", "tasks", "threads", "descriptors", "children")


def counter(script: Script, metric: str, cycles: int, policy: Policy = NOW) -> CounterGate:
    gate = counter_gate(Situation.of(under(script.record(cycles), policy)), metric).gate
    assert isinstance(gate, CounterGate)
    return gate


def latency(record: RunRecord, policy: Policy = NOW) -> LatencyGate:
    gate = latency_gate.decide(Situation.of(under(record, policy))).gate
    assert isinstance(gate, LatencyGate)
    return gate


def cpu(record: RunRecord, policy: Policy = NOW) -> CpuGate:
    gate = cpu_gate.decide(Situation.of(under(record, policy))).gate
    assert isinstance(gate, CpuGate)
    return gate


@pytest.mark.parametrize("metric", COUNTERS)
def test_a_counter_that_stands_still_is_flat_after_110_sessions(metric: str) -> None:
    assert counter(Script(), metric, 30).outcome is Status.FLAT


@pytest.mark.parametrize("metric", COUNTERS)
def test_a_counter_that_grows_by_one_a_session_is_a_leak_after_the_guard(metric: str) -> None:
    found = counter(Script({metric: rising(1, 1)}), metric, 40)
    assert found.outcome is Status.LEAK
    assert found.growth_per_session == pytest.approx(1)
    assert (found.first, found.last) == (1, 161)


def test_tasks_may_be_declared_from_40_sessions_on_and_threads_wait_for_the_guard() -> None:
    growing = Script({"tasks": rising(1, 1), "threads": rising(3, 1)})
    assert counter(growing, "tasks", 15).outcome is Status.INCONCLUSIVE
    assert counter(growing, "tasks", 16).outcome is Status.LEAK
    assert counter(growing, "threads", 30).outcome is Status.INCONCLUSIVE


def test_a_pool_of_32_threads_that_fills_up_is_no_leak() -> None:
    filling = Script({"threads": lambda t: 3 + min(t, 32)})
    outcomes = {counter(filling, "threads", cycles).outcome for cycles in range(12, 60)}
    assert Status.LEAK not in outcomes
    assert counter(filling, "threads", 54).outcome is Status.FLAT


def test_descriptors_are_a_gate_without_a_probe_too_and_tasks_are_not_measured() -> None:
    bare = Script({"descriptors": rising(12, 1)}, probe=False)
    assert counter(bare, "descriptors", 54).outcome is Status.LEAK
    found = counter(bare, "tasks", 54)
    assert (found.outcome, found.reason) == (Status.NOT_MEASURED, "needs the probe")


def test_objects_are_held_to_a_limit_of_their_own() -> None:
    creeping = Script({"gc_objects": rising(21_000, 0.5)})
    assert counter(creeping, "gc_objects", 54).outcome is Status.FLAT
    assert (
        counter(creeping, "gc_objects", 54, replace(NOW, object_limit=0.4)).outcome is Status.LEAK
    )


def test_an_open_counter_says_since_when_it_is_suspected_and_how_long_it_takes() -> None:
    judged = counter_gate(
        Situation.of(under(Script({"threads": rising(3, 1)}).record(22), NOW)), "threads"
    )
    assert judged.suspected_sessions == 20
    assert judged.sessions_needed == 90
    assert isinstance(judged.gate, CounterGate)
    assert "suspected since session 20" in judged.gate.reason


def test_a_counter_that_falls_back_while_idling_is_flat_and_says_so() -> None:
    script = Script({"tasks": rising(1, 1)})
    record = script.record(16)
    assert counter_gate(Situation.of(under(record, Policy())), "tasks").suspect
    record.add(script.idle(record, tasks=1.0))
    judged: GateResult = counter_gate(Situation.of(under(record, Policy())), "tasks")
    assert not judged.suspect
    assert isinstance(judged.gate, CounterGate)
    assert judged.gate.outcome is Status.FLAT
    assert "released" in judged.gate.reason
    assert judged.gate.kind is Kind.RELEASED_LATE


def test_replies_that_grow_to_three_times_as_slow_drift_within_20_sessions() -> None:
    found = latency(Script(reply_s=lambda n: 0.05 + 0.005 * n).record(12))
    assert found.outcome is Status.DRIFT
    assert found.ratio == pytest.approx(2, abs=0.2)
    assert found.first_p50 is not None
    assert found.first_p50 < 0.07


def test_even_replies_are_flat() -> None:
    found = latency(Script().record(12))
    assert (found.outcome, found.p50, found.ratio) == (Status.FLAT, 0.05, 1.0)


def test_a_scenario_without_replies_has_no_latency() -> None:
    assert latency(Script(reply_s=lambda _: None).record(12)).outcome is Status.NOT_MEASURED


def test_the_percentiles_are_over_all_turns_of_all_sessions() -> None:
    record = Script().record(1)
    turns = tuple(Turn(0.01 * (index + 1)) for index in range(100))
    record.cycles[0] = replace(
        record.cycles[0], sessions=(SessionResult(ok=True, duration_s=1.0, turns=turns),)
    )
    found = latency(record)
    assert found.p50 == pytest.approx(0.505)
    assert found.p95 == pytest.approx(0.95, abs=0.01)
    assert found.p99 == pytest.approx(0.99, abs=0.01)
    assert found.max == pytest.approx(1.0)


def test_one_slow_turn_of_three_moves_no_session() -> None:
    record = Script().record(12)
    for at, cycle in enumerate(record.cycles):
        slow = tuple(
            replace(one, turns=(Turn(0.05), Turn(0.05), Turn(0.05 + at))) for one in cycle.sessions
        )
        record.cycles[at] = replace(cycle, sessions=slow)
    assert latency(record).outcome is Status.FLAT


def test_a_run_that_ends_between_two_looks_is_looked_at_once_more() -> None:
    record = Script(reply_s=lambda n: 0.1 * 1.045**n, batch=7).record(11)
    assert latency(record).outcome is not Status.DRIFT
    assert latency(record, replace(NOW, max_cycles=11)).outcome is Status.DRIFT


def test_cpu_at_rest_that_each_session_adds_to_drifts() -> None:
    found = cpu(Script({"idle_cpu": rising(0.1, 1.5)}).record(12))
    assert found.outcome is Status.DRIFT
    assert found.idle_last is not None
    assert found.idle_last > 10
    assert "at rest" in found.reason


def test_cpu_while_talking_that_grows_drifts_though_rest_is_quiet() -> None:
    found = cpu(Script(talking=lambda cycle: 30.0 + 8 * max(0, cycle - 9)).record(30))
    assert found.outcome is Status.DRIFT
    assert "while talking" in found.reason


def test_noisy_cpu_while_talking_does_not_hold_up_a_quiet_server() -> None:
    noisy = Script(talking=lambda cycle: 20.0 + 60 * (cycle * 7 % 5))
    found = cpu(noisy.record(14))
    assert found.outcome is Status.FLAT
    assert "decided at rest" in found.reason


def test_noisy_cpu_at_rest_does_hold_it_up() -> None:
    judged = cpu_gate.decide(
        Situation.of(under(Script({"idle_cpu": lambda t: 5.0 * (t * 7 % 5)}).record(12), NOW))
    )
    assert judged.gate.outcome is Status.INCONCLUSIVE
    assert judged.sessions_needed == 5


def test_only_cycles_of_the_most_usual_size_tell_cpu_while_talking() -> None:
    found = cpu(Script(talking=lambda cycle: 30.0 if cycle <= 10 else 60.0).record(30))
    assert found.outcome is Status.FLAT
    assert (found.talking_first, found.talking_last) == (60.0, 60.0)


def test_without_cpu_at_rest_talking_decides_what_it_can() -> None:
    def bare(talking: float, spike: float) -> CpuGate:
        record = Script(talking=lambda cycle: talking + spike * (cycle * 7 % 11), batch=1).record(
            30
        )
        for rest in record.rests:
            del rest.values["idle_cpu"]
        return cpu(record)

    assert bare(30, 0).outcome is Status.FLAT
    assert bare(2, 9).outcome is Status.NOT_MEASURED


def test_no_cpu_at_all_is_not_measured() -> None:
    record = Script({"idle_cpu": level(0)}, talking=lambda _: None).record(12)
    for rest in record.rests:
        del rest.values["idle_cpu"]
    assert cpu(record).outcome is Status.NOT_MEASURED


def test_cpu_that_rose_with_what_was_released_late_is_no_drift() -> None:
    script = Script({"idle_cpu": rising(0.2, 0.02)})
    record = script.record(40)
    assert cpu_gate.decide(Situation.of(under(record, NOW))).gate.outcome is Status.DRIFT
    record.add(script.idle(record, idle_cpu=0.2))
    gate = cpu_gate.decide(Situation.of(under(record, NOW))).gate
    assert (gate.outcome, gate.reason) == (
        Status.FLAT,
        "CPU rose with what the server let go of later",
    )


def test_one_step_of_the_cpu_at_rest_is_flat_and_told() -> None:
    stepped = cpu(Script({"idle_cpu": lambda t: 0.1 if t < 30 else 3.0}).record(54))
    assert (stepped.outcome, stepped.trace[-1].rule) == (Status.FLAT, "cpu.rest-step")
    assert stepped.reason == "CPU at rest rose in one step and stays there"

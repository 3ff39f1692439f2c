"""Replies and CPU: what is a drift, what is below its floor, what is the machine."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from record_builder import NOW, Script, level, under

from harness.record.policy import Policy
from harness.record.record import RunRecord
from harness.verdict.judge import judge
from harness.verdict.outcome import Gate, NextStep, Status, VerdictName

SPINS = [0.2, 0.2, 0.7, 0.2, 0.3, 88, 96, 76, 92, 99, 98]
"""CPU at rest before the first session and after each of ten, read on a real server: a callback
spins from the fifth session on.
"""


def gate(record: RunRecord, name: str) -> Gate:
    return judge(record).verdict.gates[name]


def at_rest(readings: list[float], policy: Policy = NOW) -> RunRecord:
    """One reading of the CPU at rest per cycle; the last one goes on."""
    script = Script({"idle_cpu": lambda t: readings[min(int(t), len(readings) - 1)]}, batch=1)
    return under(script.record(max(10, len(readings) - 1)), policy)


@pytest.mark.parametrize("seed", range(5))
def test_replies_that_vary_below_the_floor_are_flat(seed: int) -> None:
    rng = np.random.default_rng(seed)
    reply_s = (rng.lognormal(0, 1.0, 30) * np.linspace(0.0024, 0.0058, 30)).tolist()
    found = gate(Script(reply_s=reply_s.__getitem__).record(14), "latency")
    assert found.outcome is Status.FLAT
    assert found.trace[-1].rule in ("latency.below-floor", "latency.flat")


def test_replies_that_vary_above_the_floor_stay_open() -> None:
    rng = np.random.default_rng(2)
    reply_s = (np.linspace(0.1, 0.17, 30) * rng.lognormal(0, 0.7, 30)).tolist()
    found = gate(Script(reply_s=reply_s.__getitem__).record(14), "latency")
    assert found.outcome is Status.INCONCLUSIVE


@pytest.mark.parametrize(
    "readings",
    [SPINS, [*SPINS, *[97.0] * 60], [0.1, *[95.0] * 11], [0.1, *[95.0] * 60]],
    ids=["six-readings-up", "sixty-readings-up", "up-at-once", "up-at-once-and-long"],
)
def test_cpu_at_rest_that_jumps_and_stays_is_a_drift(readings: list[float]) -> None:
    found = gate(at_rest(readings), "cpu")
    assert found.outcome is Status.DRIFT
    assert found.trace[-1].rule == "cpu.jump-stays"
    assert "CPU at rest jumped from 0." in found.reason


def test_a_jump_of_the_cpu_at_rest_is_waited_for_first() -> None:
    script = Script(
        {"idle_cpu": lambda t: 0.1 if t == 0 else 95.0, "timers": level(3)}, policy=Policy()
    )
    record = script.record(30)
    assert judge(record).next is NextStep.WAIT
    record.add(script.idle(record, idle_cpu=95.0))
    assert judge(record).verdict.name is VerdictName.DEGRADED


def test_work_after_a_session_that_ends_while_the_run_waits_is_flat() -> None:
    script = Script({"idle_cpu": lambda t: 0.1 if t == 0 else 95.0}, policy=Policy())
    record = script.record(30)
    record.add(script.idle(record, idle_cpu=0.1))
    found = gate(record, "cpu")
    assert (found.outcome, found.trace[-1].rule) == (Status.FLAT, "cpu.jump-fell")


def test_one_busy_reading_at_rest_is_no_jump() -> None:
    spike = [0.1] * 12
    spike[6] = 95.0
    found = gate(at_rest(spike), "cpu")
    assert found.outcome is not Status.DRIFT


def sessions_of(seconds: list[float], share: float = 1.0) -> RunRecord:
    """One session per cycle that takes so much CPU time, of which replies are as slow."""

    def percent(cycle: int) -> float:
        return share * 100.0 * seconds[min(cycle, len(seconds)) - 1] / 0.5

    return Script(talking=percent, batch=1).record(len(seconds))


def test_cpu_per_session_that_doubles_is_a_drift_whatever_its_share_of_the_time() -> None:
    cpu_s = np.linspace(0.349, 0.736, 40)
    record = sessions_of(cpu_s.tolist())
    # Replies take longer in proportion, so that the share of the wall time is level.
    for at, cycle in enumerate(record.cycles):
        duration_s = float(cpu_s[at]) / 0.4
        record.cycles[at] = replace(
            cycle, ended_s=cycle.began_s + duration_s, talking_cpu_percent=40.0
        )
    found = gate(record, "cpu")
    assert (found.outcome, found.trace[-1].rule) == (Status.DRIFT, "cpu.session-drift")
    assert found.reason.startswith("CPU per session grows steadily, from 4")


def test_cpu_per_session_that_grows_by_a_few_milliseconds_is_flat() -> None:
    record = sessions_of(np.linspace(0.002, 0.008, 40).tolist(), share=0.1)
    assert gate(record, "cpu").outcome is Status.FLAT


def test_cpu_at_rest_is_no_cpu_of_a_session() -> None:
    record = sessions_of([0.1] * 40)
    for at, cycle in enumerate(record.cycles):
        duration_s = 0.5 + 0.05 * at
        record.cycles[at] = replace(
            cycle, ended_s=cycle.began_s + duration_s, talking_cpu_percent=30.0
        )
    for rest in record.rests:
        rest.values["idle_cpu"] = 30.0
    assert gate(record, "cpu").outcome is Status.FLAT


def slower(n: int) -> float:
    """Replies that grow to three times as slow within 60 sessions."""
    return 0.1 + 0.2 * n / 60


def test_replies_that_grow_slower_on_a_quiet_machine_are_a_drift_whatever_they_wait_for() -> None:
    record = Script({"crowd": level(5.0)}, reply_s=slower).record(20)
    assert gate(record, "latency").outcome is Status.DRIFT


def test_replies_that_grow_slower_on_a_crowded_machine_are_open_and_say_why() -> None:
    record = Script({"crowd": level(80.0)}, reply_s=slower).record(20)
    found = gate(record, "latency")
    assert (found.outcome, found.trace[-1].rule) == (Status.INCONCLUSIVE, "latency.crowded")
    assert "others used 80 % of the machine" in found.reason


def test_a_server_that_needs_more_cpu_drifts_on_a_crowded_machine_too() -> None:
    def percent(cycle: int) -> float:
        return 10.0 + 2.0 * cycle

    at_rest_too = Script({"crowd": level(80.0), "idle_cpu": lambda t: 0.1 + t}, reply_s=slower)
    assert gate(at_rest_too.record(20), "latency").outcome is Status.DRIFT
    per_session = Script({"crowd": level(80.0)}, reply_s=slower, talking=percent, batch=1)
    found = gate(per_session.record(60), "latency")
    assert found.outcome is Status.DRIFT


def test_replies_that_became_slower_for_a_while_are_no_drift() -> None:
    def reply_s(n: int) -> float:
        return 0.1 + 0.3 * (n / 40) if n < 50 else 0.1

    found = gate(Script(reply_s=reply_s).record(20), "latency")
    assert found.outcome is not Status.DRIFT


def test_cpu_per_session_that_doubles_on_a_crowded_machine_is_no_drift() -> None:
    def percent(cycle: int) -> float:
        return 20.0 + 0.5 * cycle

    quiet, crowded = (
        Script({"crowd": level(load)}, talking=percent, batch=1).record(40) for load in (5.0, 80.0)
    )
    assert gate(quiet, "cpu").outcome is Status.DRIFT
    assert gate(crowded, "cpu").trace[-1].rule != "cpu.session-drift"


def test_replies_that_drift_are_explained_as_memory_is() -> None:
    policy = replace(NOW, explain=True)
    record = under(Script({"crowd": level(5.0)}, reply_s=slower).record(30), policy)
    judgement = judge(record)
    assert judgement.verdict.name is VerdictName.DEGRADED
    assert judgement.next is NextStep.EXPLAIN

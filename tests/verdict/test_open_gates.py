"""Gates that once stayed open for ever, or failed for the wrong reason."""

from __future__ import annotations

from dataclasses import replace

import pytest
from record_builder import KIB, MIB, NOW, Of, Script, level, rising

from harness.record.policy import Policy
from harness.record.record import RestSample, RunRecord
from harness.verdict.gates.memory import MemoryGate
from harness.verdict.judge import judge
from harness.verdict.outcome import NextStep, Status, VerdictName


def memory_gate(record: RunRecord) -> MemoryGate:
    gate = judge(record).verdict.gates["memory"]
    assert isinstance(gate, MemoryGate)
    return gate


def held(start: float, t: float, *, until: float, jump: float) -> float:
    """Whole pages that grow by 3 KiB per session up to a session, in which they jump."""
    return (start + 3 * KIB * min(t, until) + jump * (t >= until)) // 4096 * 4096


def test_a_rate_that_holds_one_jump_is_no_rate() -> None:
    """Read on a real server: 1.51 KiB per session, and level from session 75 on, while small
    objects grow by 4.5 blocks.
    """
    script = Script(
        {
            "rss": lambda t: held(60 * MIB, t, until=75, jump=100 * KIB),
            "uss": lambda t: held(50 * MIB, t, until=75, jump=100 * KIB),
            "blocks": rising(90_000, 4.5),
        }
    )
    outcomes = [memory_gate(script.record(cycles)).outcome for cycles in range(30, 88)]
    assert Status.LEAK not in outcomes
    assert outcomes[-1] is Status.FLAT


def test_small_objects_still_settle_growth_that_pages_show_coarsely() -> None:
    script = Script(
        {
            "rss": lambda t: (60 * MIB + 1.4 * KIB * t) // 16384 * 16384,
            "uss": lambda t: (50 * MIB + 1.4 * KIB * t) // 16384 * 16384,
            "blocks": rising(90_000, 4.5),
        }
    )
    gate = memory_gate(script.record(60))
    assert gate.outcome is Status.LEAK
    assert "memory.blocks-settle" in {step.rule for step in gate.trace if step.decided}


def test_what_is_level_from_wait_to_wait_is_released_once_growth_was_declared_too() -> None:
    """22,181 objects remained after each of three waits, and what is between them is held."""
    policy = Policy(max_sessions=500)
    script = Script(
        {
            "gc_objects": lambda t: 22_181 + 0.03 * max(0.0, t - 190) ** 2,
            "timers": level(3),
        },
        policy=policy,
    )
    record = script.record(0)
    for line in list(script.lines(108))[3:]:
        record.add(line)
        if isinstance(line, RestSample) and line.sessions in (110, 190, 500):
            record.add(script.idle(record, gc_objects=22_181))
    gate = judge(record).verdict.gates["objects"]
    assert gate.outcome is Status.FLAT
    decided = [step.rule for step in gate.trace if step.decided]
    assert decided[0] == "metric.level-though-declared"


def test_what_grows_from_wait_to_wait_is_a_leak_once_it_was_declared() -> None:
    policy = Policy(max_sessions=500)
    script = Script({"gc_objects": rising(21_000, 2), "timers": level(3)}, policy=policy)
    record = script.record(0)
    for line in list(script.lines(40))[3:]:
        record.add(line)
        if isinstance(line, RestSample) and line.sessions in (60, 160):
            record.add(script.idle(record))
    assert judge(record).verdict.gates["objects"].outcome is Status.LEAK


def teeth(period: int, height: float) -> dict[str, Of]:
    """Tracked objects that rise evenly, and fall all at once after so many sessions."""
    return {"gc_objects": lambda t: 21_000 + height * (t % period) / period}


def test_a_saw_tooth_that_is_not_whole_is_decided_at_the_end_of_a_long_run() -> None:
    script = Script(teeth(200, 200), policy=replace(NOW, max_sessions=500))
    early = judge(script.record(60)).verdict.gates["objects"]
    assert early.outcome is Status.INCONCLUSIVE
    gate = judge(script.record(108)).verdict.gates["objects"]
    assert (gate.outcome, gate.trace[-1].rule) == (Status.FLAT, "counter.saw-tooth")
    assert "rises and falls" in gate.reason


def test_a_saw_tooth_is_waited_for_before_it_is_decided() -> None:
    script = Script(
        {**teeth(200, 200), "timers": level(3)}, policy=Policy(max_sessions=500, explain=False)
    )
    record = script.record(108)
    judgement = judge(record)
    assert judgement.next is NextStep.WAIT
    assert judgement.verdict.gates["objects"].outcome is Status.INCONCLUSIVE
    record.add(script.idle(record))
    assert judge(record).verdict.gates["objects"].outcome is Status.FLAT


@pytest.mark.parametrize("fall", [60, 150, 250])
def test_a_leak_behind_one_fall_is_not_called_flat(fall: float) -> None:
    leaking = {"gc_objects": lambda t: 21_000 + 1.0 * t - fall * (t >= 350)}
    script = Script(leaking, policy=replace(NOW, max_sessions=500))
    assert judge(script.record(108)).verdict.gates["objects"].outcome is not Status.FLAT


@pytest.mark.parametrize(
    ("policy", "option"),
    [
        (replace(NOW, fixed_cycles=16), "(--cycles 30)"),
        (replace(NOW, max_cycles=16), "(--max-cycles 30)"),
    ],
)
def test_a_run_that_was_too_short_names_the_option_that_makes_it_longer(
    policy: Policy, option: str
) -> None:
    verdict = judge(Script(policy=policy).record(16)).verdict
    assert verdict.name is VerdictName.INCONCLUSIVE
    assert verdict.summary.endswith(f"more sessions would decide it {option}")


def test_a_server_that_never_rests_is_given_more_time_by_an_option() -> None:
    verdict = judge(Script(settled=lambda cycle: cycle % 2 == 0).record(40)).verdict
    assert "--settle" in verdict.summary


def test_replies_that_stay_open_name_the_option_that_leaves_them_out() -> None:
    record = Script({"crowd": level(80.0)}, reply_s=lambda n: 0.1 + n / 100).record(20)
    assert "--allow latency" in judge(record).verdict.gates["latency"].reason

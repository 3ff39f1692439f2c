"""The joint verdict and the run's next step: rules, doubts, and the path of a stored record to
its end.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

import pytest
from record_builder import KIB, MIB, NOW, Script, memory, rising, under

from harness.errors import ExitStatus
from harness.record.policy import Policy
from harness.record.record import (
    Causes,
    Census,
    Incident,
    Line,
    RestSample,
    RunEnded,
    RunRecord,
    decode_line,
    encode_line,
)
from harness.verdict.gates.memory import MemoryGate
from harness.verdict.judge import judge
from harness.verdict.outcome import Judgement, NextStep, Status, Tag, VerdictName

FLAT_AT, LEAK_AT = 30, 40
"""Cycles of the default plan after which a healthy server is flat, and a leak may be declared."""

LEAKING = Script(memory(16 * KIB))
SLOWER = Script(reply_s=lambda number: 0.05 + 0.005 * number)


def run(
    script: Script, policy: Policy, most_cycles: int = 120
) -> tuple[list[NextStep], RunRecord, Judgement]:
    """Grow a record line by line and ask after each sample, as a run does; the wait changes
    nothing.
    """
    lines = script.lines(most_cycles)
    record, steps = RunRecord.from_lines([next(lines)]), []
    for line in lines:
        record.add(line)
        if not isinstance(line, RestSample):
            continue
        judgement = judge(under(record, policy))
        steps.append(judgement.next)
        if judgement.next is NextStep.WAIT:
            record.add(script.idle(record))
            judgement = judge(under(record, policy))
            steps.append(judgement.next)
        if judgement.next is NextStep.STOP:
            return steps, record, judgement
    raise AssertionError("the judge never said stop")


def test_a_healthy_server_is_flat_after_110_sessions() -> None:
    steps, record, judgement = run(Script(), Policy())
    assert steps == [NextStep.CONTINUE] * FLAT_AT + [NextStep.STOP]
    assert (judgement.verdict.name, record.sessions) == (VerdictName.FLAT, 110)
    assert judgement.verdict.exit_status is ExitStatus.FLAT
    assert judgement.verdict.open_gates == ()
    assert judgement.verdict.first_suspicion_sessions is None
    assert judgement.verdict.warmup_cycles == 15


def test_a_leaking_server_makes_the_run_continue_then_idle_then_stop() -> None:
    steps, record, judgement = run(LEAKING, Policy())
    assert steps == [NextStep.CONTINUE] * LEAK_AT + [NextStep.WAIT, NextStep.STOP]
    assert (judgement.verdict.name, record.sessions) == (VerdictName.LEAK, 160)
    assert judgement.verdict.exit_status is ExitStatus.LEAK
    assert judgement.verdict.first_suspicion_sessions == 20


def test_a_stored_record_is_judged_as_the_run_was() -> None:
    _, record, judgement = run(LEAKING, Policy())
    stored = [encode_line(line) for line in in_order(record)]
    again = RunRecord.from_lines(decode_line(line) for line in stored)
    again.add(RunEnded(999.0, "decided"))
    assert judge(under(again, Policy())) == judgement


def in_order(record: RunRecord) -> Iterable[Line]:
    assert record.ready is not None
    yield record.started
    yield record.ready
    yield from record.rests
    yield from record.cycles
    yield from record.idles


def test_growth_over_the_budget_stops_the_run_at_16_sessions() -> None:
    steps, record, judgement = run(replace(Script(memory(32 * MIB)), batch=1), Policy())
    assert steps[-2:] == [NextStep.WAIT, NextStep.STOP]
    assert (judgement.verdict.name, record.sessions) == (VerdictName.LEAK, 16)
    gate = judgement.verdict.gates["memory"]
    assert isinstance(gate, MemoryGate)
    assert gate.tags == (Tag.UNCONFIRMED,)


def test_a_jump_over_the_budget_stops_the_run_inconclusive() -> None:
    jump = {name: (lambda t: 50 * MIB + (600 * MIB if t >= 6 else 0)) for name in ("uss", "rss")}
    steps, record, judgement = run(Script(jump), Policy())
    assert (steps[-1], record.sessions) == (NextStep.STOP, 6)
    assert judgement.verdict.name is VerdictName.INCONCLUSIVE
    assert judgement.verdict.sessions_needed is None


def test_growth_over_the_budget_goes_on_until_the_third_cycle_can_tell() -> None:
    steps, record, judgement = run(Script(memory(2048 * MIB)), Policy())
    assert steps == [NextStep.CONTINUE] * 3 + [NextStep.WAIT, NextStep.STOP]
    assert (judgement.verdict.name, record.sessions) == (VerdictName.LEAK, 3)


def test_a_fixed_run_takes_exactly_its_cycles() -> None:
    for script, name in ((Script(), VerdictName.FLAT), (LEAKING, VerdictName.LEAK)):
        steps, _, judgement = run(script, Policy(fixed_cycles=60))
        assert steps[:60] == [NextStep.CONTINUE] * 60
        assert judgement.verdict.name is name


def test_ten_fixed_visits_find_one_agent_a_visit_and_leave_a_healthy_server_open() -> None:
    policy = Policy(fixed_cycles=10)
    leaking = run(replace(Script(memory(32 * MIB)), batch=1), policy)
    assert leaking[0][-2:] == [NextStep.WAIT, NextStep.STOP]
    assert leaking[2].verdict.name is VerdictName.LEAK
    healthy = run(Script(), policy)[2].verdict
    assert healthy.name is VerdictName.INCONCLUSIVE
    assert healthy.exit_status is ExitStatus.INCONCLUSIVE
    assert healthy.sessions_needed == 86
    assert "memory" in healthy.open_gates


def test_no_run_stops_before_its_fewest_cycles() -> None:
    steps, _, judgement = run(Script(), Policy(min_cycles=50))
    assert len(steps) == 51
    assert judgement.verdict.name is VerdictName.FLAT


@pytest.mark.parametrize("bound", [Policy(max_sessions=70), Policy(max_cycles=22)])
def test_a_run_that_cannot_decide_ends_at_its_bounds(bound: Policy) -> None:
    steps, record, judgement = run(Script({"uss": lambda t: 50 * MIB + 900 * t % 40_000}), bound)
    assert (len(steps), record.sessions) == (23, 70)
    assert judgement.verdict.name is VerdictName.INCONCLUSIVE
    assert judgement.verdict.open_gates


def test_a_leak_outranks_a_drift() -> None:
    both = Script(memory(16 * KIB), reply_s=SLOWER.reply_s).record(LEAK_AT)
    assert judge(under(both, NOW)).verdict.name is VerdictName.LEAK


def test_a_drift_without_a_leak_is_degraded() -> None:
    judgement = judge(under(SLOWER.record(FLAT_AT), NOW))
    assert (judgement.verdict.name, judgement.next) == (VerdictName.DEGRADED, NextStep.STOP)
    assert judgement.verdict.exit_status is ExitStatus.LEAK


def test_a_drift_does_not_stop_a_run_whose_memory_is_still_open() -> None:
    judgement = judge(under(SLOWER.record(16), NOW))
    assert (judgement.verdict.name, judgement.next) == (VerdictName.DEGRADED, NextStep.CONTINUE)


def test_a_gate_that_is_allowed_never_fails_a_run_nor_holds_it_up() -> None:
    leaking = LEAKING.record(LEAK_AT)
    judgement = judge(under(leaking, replace(NOW, allow=("memory",))))
    assert (judgement.verdict.name, judgement.next) == (VerdictName.FLAT, NextStep.STOP)
    assert judgement.verdict.gates["memory"].outcome is Status.LEAK
    early = Script({"threads": rising(3, 1)}).record(FLAT_AT)
    assert judge(under(early, NOW)).verdict.open_gates == ("threads",)
    assert judge(under(early, replace(NOW, allow=("threads",)))).next is NextStep.STOP
    assert (
        judge(under(SLOWER.record(FLAT_AT), replace(NOW, allow=("latency",)))).verdict.name
        is VerdictName.FLAT
    )


def explained_leak() -> RunRecord:
    """A leak of memory whose census and causes name two types."""
    record = LEAKING.record(LEAK_AT)
    for cycle, sessions in ((5, 5), (13, 25), (22, 70), (LEAK_AT, record.sessions)):
        record.add(Census(1.0, cycle, sessions, {"room.Room": sessions, "room.Door": sessions}))
    record.add(Causes(2.0, {}, final=True))
    return record


def test_a_leak_all_of_whose_findings_are_known_does_not_fail_a_run() -> None:
    record = explained_leak()
    found = judge(under(record, NOW)).verdict
    prints = tuple(one.fingerprint for one in found.findings)
    assert (found.name, len(prints)) == (VerdictName.LEAK, 2)
    assert judge(under(record, replace(NOW, allow=prints[:1]))).verdict.name is VerdictName.LEAK
    reasons = dict.fromkeys(prints, "mended in 2.1")
    known = judge(under(record, replace(NOW, allow=prints, reasons=reasons))).verdict
    assert known.name is VerdictName.FLAT
    assert known.gates["memory"].reason.endswith("allowed: mended in 2.1")
    assert known.summary.endswith("; allowed: memory")
    assert {one.severity for one in known.findings} == {"notice"}


def test_a_dead_server_is_never_flat_and_its_gates_are_given() -> None:
    record = Script().record(FLAT_AT)
    record.add(Incident(99.0, "the server was killed by signal 9", fatal=True))
    judgement = judge(under(record, NOW))
    assert (judgement.verdict.name, judgement.next) == (VerdictName.SERVER_FAILED, NextStep.STOP)
    assert judgement.verdict.gates["memory"].outcome is Status.FLAT
    assert "killed by signal 9" in judgement.verdict.summary


def test_a_server_that_dies_leaking_has_failed_and_its_gate_still_says_leak() -> None:
    record = LEAKING.record(LEAK_AT)
    record.add(Incident(99.0, "the server was killed by signal 9", fatal=True))
    verdict = judge(under(record, Policy())).verdict
    gate = verdict.gates["memory"]
    assert isinstance(gate, MemoryGate)
    assert (verdict.name, gate.outcome, gate.tags) == (
        VerdictName.SERVER_FAILED,
        Status.LEAK,
        (Tag.UNCONFIRMED,),
    )


def test_a_run_that_the_user_stopped_is_interrupted() -> None:
    record = LEAKING.record(LEAK_AT)
    record.add(Incident(99.0, "interrupted by the user", interrupted=True))
    record.add(Incident(99.5, "the server exited", fatal=True))
    judgement = judge(under(record, NOW))
    assert (judgement.verdict.name, judgement.next) == (VerdictName.INTERRUPTED, NextStep.STOP)
    assert judgement.verdict.exit_status is ExitStatus.INTERRUPTED


def test_a_run_that_ended_early_is_over() -> None:
    record = Script().record(5)
    assert judge(under(record, NOW)).next is NextStep.CONTINUE
    record.add(RunEnded(9.0, "no time left"))
    assert judge(under(record, NOW)).next is NextStep.STOP


def test_an_incident_that_is_not_fatal_changes_nothing() -> None:
    record = Script().record(FLAT_AT)
    record.add(Incident(9.0, "the probe was silent for a moment"))
    assert judge(under(record, NOW)).verdict.name is VerdictName.FLAT


def test_under_half_of_the_sessions_ok_is_a_failed_server() -> None:
    half = Script(ok=lambda number: number % 2 == 0).record(FLAT_AT)
    fewer = Script(ok=lambda number: number % 2 == 0 and number > 5).record(FLAT_AT)
    assert judge(under(half, NOW)).verdict.name is VerdictName.INCONCLUSIVE
    assert judge(under(fewer, NOW)).verdict.name is VerdictName.SERVER_FAILED
    assert "NoReply" in judge(under(fewer, NOW)).verdict.summary


def test_a_server_that_fails_every_session_is_given_up_after_five() -> None:
    failing = Script(ok=lambda _: False)
    steps, record, judgement = run(failing, Policy())
    assert (len(steps), record.sessions) == (6, 5)
    assert judgement.verdict.name is VerdictName.SERVER_FAILED
    assert len(run(failing, Policy(fixed_cycles=8))[0]) == 9


@pytest.mark.parametrize(
    ("script", "word"),
    [
        (Script(ok=lambda number: number not in (3, 50)), "2 of 110 sessions failed"),
        (Script(settled=lambda cycle: cycle % 4 != 0), "did not come to rest after 7 of 30"),
    ],
)
def test_doubts_void_a_flat_verdict(script: Script, word: str) -> None:
    verdict = judge(under(script.record(FLAT_AT), NOW)).verdict
    assert verdict.name is VerdictName.INCONCLUSIVE
    assert word in verdict.doubts[0]
    assert word in verdict.summary


@pytest.mark.parametrize(
    "script", [Script(ok=lambda number: number != 3), Script(settled=lambda cycle: cycle % 5 != 0)]
)
def test_one_failure_in_a_hundred_and_one_unsettled_cycle_in_five_are_no_doubt(
    script: Script,
) -> None:
    assert judge(under(script.record(FLAT_AT), NOW)).verdict.name is VerdictName.FLAT


def test_doubts_do_not_void_a_leak() -> None:
    doubtful = Script(
        memory(16 * KIB), ok=lambda number: number % 9 != 0, settled=lambda cycle: cycle % 2 == 0
    )
    verdict = judge(under(doubtful.record(LEAK_AT), NOW)).verdict
    assert verdict.name is VerdictName.LEAK
    assert len(verdict.doubts) == 2


def test_failed_sessions_say_how_many_more_would_outweigh_them() -> None:
    verdict = judge(
        under(Script(ok=lambda number: number not in (3, 50)).record(FLAT_AT), NOW)
    ).verdict
    assert verdict.sessions_needed == 90


def test_missing_samples_are_a_doubt_and_one_in_thirty_is_not() -> None:
    record = Script().record(FLAT_AT)
    del record.rests[5].values["uss"]
    assert judge(under(record, NOW)).verdict.doubts == ()
    del record.rests[6:8]
    assert judge(under(record, NOW)).verdict.doubts == ("2 of 31 rest samples are missing",)


def test_a_worker_that_was_replaced_is_a_doubt() -> None:
    record = Script(child_share=0.0).record(FLAT_AT)
    assert judge(under(record, NOW)).verdict.doubts == ()
    for at, rest in enumerate(record.rests[12:], 12):
        server, tool = rest.processes
        record.rests[at] = replace(rest, processes=(server, replace(tool, pid=777)))
    assert "replaced" in judge(under(record, NOW)).verdict.doubts[0]


def test_without_any_memory_reading_nothing_is_flat() -> None:
    record = Script().record(FLAT_AT)
    for rest in record.rests:
        for metric in ("uss", "rss", "malloc_in_use"):
            del rest.values[metric]
    verdict = judge(under(record, NOW)).verdict
    assert verdict.name is VerdictName.INCONCLUSIVE
    assert "not measured" in verdict.summary


def test_a_record_that_has_only_begun_goes_on() -> None:
    judgement = judge(under(Script().record(0), NOW))
    assert (judgement.verdict.name, judgement.next) == (VerdictName.INCONCLUSIVE, NextStep.CONTINUE)


def test_an_inconclusive_run_says_which_gates_are_open_and_how_many_sessions_it_needs() -> None:
    verdict = judge(under(Script().record(16), NOW)).verdict
    assert verdict.open_gates[0] == "memory"
    assert verdict.sessions_needed == 70
    assert "About 70 more sessions would decide it" in verdict.summary


@pytest.mark.parametrize(
    ("script", "cycles", "summary"),
    [
        (
            Script(memory(32 * MIB)),
            12,
            "LEAK: memory grows by 32MiB per session (10.7MiB to 32MiB; limit 1KiB), shown "
            "by USS, unconfirmed, after 20 sessions",
        ),
        (
            LEAKING,
            LEAK_AT,
            "LEAK: memory grows by 16KiB per session (14.2KiB to 16KiB; limit 1KiB), shown "
            "by malloc in use, after 160 sessions",
        ),
        (
            Script({"tasks": rising(1, 1)}),
            16,
            "LEAK: tasks grow by 1 per session (limit 0.02), after 40 sessions",
        ),
        (
            Script({"children": rising(1, 0.5)}),
            LEAK_AT,
            "LEAK: child processes grow by 0.5 per session (limit 0.02), after 160 sessions",
        ),
        (
            Script(),
            FLAT_AT,
            "FLAT: memory grew by less than 146B per session over 110 sessions (limit 1KiB)",
        ),
        (
            Script({"uss": lambda t: 60 * MIB - 1e5 * t, "rss": lambda t: 80 * MIB - 1e5 * t}),
            FLAT_AT,
            "FLAT: memory did not grow over 110 sessions (limit 1KiB)",
        ),
        (
            SLOWER,
            FLAT_AT,
            "DEGRADED: memory is flat, but replies became slower, from 138ms to 508ms, after "
            "110 sessions",
        ),
    ],
)
def test_the_summary_is_one_sentence_with_how_much_and_what_decided(
    script: Script, cycles: int, summary: str
) -> None:
    assert judge(under(script.record(cycles), NOW)).verdict.summary == summary


def test_a_verdict_that_stands_is_kept_when_the_user_stops_the_search_for_its_cause() -> None:
    record = LEAKING.record(LEAK_AT)
    assert judge(under(record, NOW)).verdict.name is VerdictName.LEAK
    record.add(Incident(200.0, "stopped by the user", fatal=True, interrupted=True))
    assert judge(under(record, NOW)).verdict.name is VerdictName.LEAK
    early = LEAKING.record(20)
    early.add(Incident(200.0, "stopped by the user", fatal=True, interrupted=True))
    assert judge(under(early, NOW)).verdict.name is VerdictName.INTERRUPTED


def test_judging_twice_gives_the_same() -> None:
    record = LEAKING.record(LEAK_AT)
    assert judge(under(record, Policy())) == judge(under(record, Policy()))

"""What closed sessions have left: declared after ten of them, and never of a server that lets go
late.
"""

from __future__ import annotations

from dataclasses import replace

import pytest
from record_builder import MIB, NOW, Of, Script, level, memory, rising, under

from harness.record.policy import Policy
from harness.record.record import RestSample, RunRecord
from harness.verdict.counting import counter_gate
from harness.verdict.gate import GateResult
from harness.verdict.judge import judge
from harness.verdict.outcome import NextStep, Status, VerdictName
from harness.verdict.situation import Situation
from harness.verdict.waits import may_wait

PATIENT = Policy(grace_s=90)


def leaving(sessions: Of, **others: Of) -> Script:
    """A server that has tasks pending of so many closed sessions."""
    return Script(
        {
            "tasks": lambda t: 1 + sessions(t),
            "left_tasks": sessions,
            "leaving_sessions": sessions,
            **others,
        }
    )


EACH = leaving(rising(0, 1))


def decided(record: RunRecord, policy: Policy = PATIENT) -> GateResult:
    return counter_gate(Situation.of(under(record, policy)), "tasks")


def standing(record: RunRecord, policy: Policy = PATIENT) -> str | None:
    """What the orphans alone say; None where the count decides."""
    rules = [step.rule for step in decided(record, policy).gate.trace if step.decided]
    return {
        "tasks.orphans-survived": "leak",
        "tasks.orphans-for-good": "leak",
        "tasks.orphans-wait-due": "suspect",
    }.get(rules[-1])


def waited(record: RunRecord, waited_s: float = 90, **values: float) -> RunRecord:
    last = record.rests[-1]
    record.add(
        replace(last, idle=True, at_s=last.at_s + waited_s, values={**last.values, **values})
    )
    return record


def test_ten_sessions_that_each_left_a_task_are_to_be_waited_for() -> None:
    assert standing(EACH.record(9)) is None
    assert standing(EACH.record(10)) == "suspect"


def test_what_survives_a_wait_over_the_whole_grace_is_a_leak() -> None:
    result = decided(waited(EACH.record(10)))
    assert (result.gate.outcome, result.suspected_sessions) == (Status.LEAK, 2)
    assert (
        result.gate.reason
        == "10 tasks of 10 closed sessions are still pending, over 90 s after the last of these"
    )


def test_a_wait_that_was_cut_short_shows_nothing() -> None:
    assert standing(waited(EACH.record(10), 60)) is None


def test_a_server_of_which_a_wait_has_taken_some_is_not_asked_again() -> None:
    assert standing(waited(EACH.record(10), leaving_sessions=9)) is None
    record = EACH.record(10)
    record.add(
        replace(
            record.rests[-1], idle=True, at_s=200, values={"left_tasks": 9, "leaving_sessions": 10}
        )
    )
    for line in list(EACH.lines(30))[-40:]:
        record.add(line)
    assert standing(record) is None


@pytest.mark.parametrize(
    "sessions",
    [
        level(3),
        lambda t: min(t, 6),
        lambda t: t // 2,
        lambda t: max(0, t - 5),
        lambda t: min(t, 4) + (t > 9),
    ],
    ids=["the server's own", "a small pool", "every other session", "the latest five", "one late"],
)
def test_what_is_not_of_about_every_session_does_not_speak_for_itself(sessions: Of) -> None:
    assert standing(leaving(sessions).record(10)) is None


def test_a_warm_up_does_not_hide_it() -> None:
    assert standing(leaving(lambda t: max(0, t - 2)).record(10)) == "suspect"
    assert standing(leaving(lambda t: 40 + t).record(10)) == "suspect"


def test_where_nothing_goes_by_itself_it_is_a_leak_at_once() -> None:
    still = leaving(rising(0, 1), timers=level(0), python_threads=level(1), children=level(0))
    assert standing(still.record(10)) == "leak"
    assert standing(EACH.record(10), NOW) == "leak"


def test_cycles_of_many_sessions_tell_as_well() -> None:
    assert standing(replace(EACH, first_single=0, batch=12).record(1)) == "suspect"


def test_no_collection_is_needed() -> None:
    assert standing(EACH.record(10), replace(PATIENT, collect=False)) == "suspect"


def test_without_readings_it_says_nothing() -> None:
    assert standing(Script().record(10)) is None


@pytest.mark.parametrize("hold_s", [25, 60])
@pytest.mark.parametrize("session_s", [1, 5, 12])
def test_a_server_that_sleeps_with_each_session_for_a_while_is_innocent(
    hold_s: float, session_s: float
) -> None:
    """As python-socketio does for 25 s, and NiceGUI for 60 s."""
    held = leaving(lambda t: min(t, hold_s // session_s))
    record = RunRecord.from_lines(held.lines(0))
    for line in list(held.lines(10))[3:]:
        record.add(
            replace(line, at_s=line.cycle * session_s) if isinstance(line, RestSample) else line
        )
    waited(record, 90, left_tasks=0, leaving_sessions=0)
    assert standing(record) is None
    assert (
        counter_gate(Situation.of(under(record, PATIENT)), "tasks").gate.outcome is not Status.LEAK
    )


def test_the_run_waits_after_ten_sessions_and_then_stops_with_a_leak() -> None:
    record = EACH.record(10)
    assert judge(under(record, PATIENT)).next is NextStep.WAIT
    said = judge(under(waited(record), PATIENT))
    assert (said.next, said.verdict.name) == (NextStep.STOP, VerdictName.LEAK)
    assert said.verdict.gates["tasks"].reason.startswith("10 tasks of 10 closed sessions")
    assert said.verdict.summary.startswith(
        "LEAK: tasks grow by 1 per session (limit 0.02), after 10 sessions"
    )


def test_the_early_wait_is_not_one_of_those_that_the_other_counters_have() -> None:
    record = EACH.record(40)
    for cycle in (10, 22, 30):
        rest = record.rests[cycle]
        record.add(replace(rest, idle=True, at_s=rest.at_s + 90))
    assert may_wait(Situation.of(under(record, PATIENT)))
    record.add(replace(record.rests[35], idle=True))
    assert not may_wait(Situation.of(under(record, PATIENT)))


def test_memory_that_exceeds_its_budget_soon_decides_sooner() -> None:
    sessions = rising(0, 1)
    assert standing(leaving(sessions, **memory(8 * MIB)).record(10)) == "suspect"
    assert standing(leaving(sessions, **memory(32 * MIB)).record(10)) is None
    assert (
        judge(under(leaving(sessions, **memory(32 * MIB)).record(10), PATIENT)).next
        is NextStep.CONTINUE
    )

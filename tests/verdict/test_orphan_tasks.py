"""What closed sessions have left: declared after ten of them, and never of a server that lets go
late.
"""

from __future__ import annotations

from dataclasses import replace

import pytest
from record_builder import MIB, NOW, Of, Script, level, memory, rising

from harness.record.policy import Policy
from harness.record.record import RestSample, RunRecord
from harness.verdict.evidence import Situation, Standing
from harness.verdict.gates.counters import counter_gate
from harness.verdict.judge import judge
from harness.verdict.orphan_tasks import Left, left
from harness.verdict.outcome import NextStep, Outcome, VerdictName

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


def found(record: RunRecord, policy: Policy = PATIENT) -> Left | None:
    return left(Situation.of(record, policy))


def standing(record: RunRecord, policy: Policy = PATIENT) -> Standing | None:
    one = found(record, policy)
    return None if one is None else one.standing


def waited(record: RunRecord, waited_s: float = 90, **values: float) -> RunRecord:
    last = record.rests[-1]
    record.add(
        replace(last, idle=True, at_s=last.at_s + waited_s, values={**last.values, **values})
    )
    return record


def test_ten_sessions_that_each_left_a_task_are_to_be_waited_for() -> None:
    assert standing(EACH.record(9)) is None
    assert standing(EACH.record(10)) is Standing.SUSPECT


def test_what_survives_a_wait_over_the_whole_grace_is_a_leak() -> None:
    one = found(waited(EACH.record(10)))
    assert one == Left(Standing.LEAK, tasks=10, sessions=10, since_sessions=2, waited_s=90)
    assert (
        one.words
        == "10 tasks are pending of 10 sessions that are closed, over 90 s after the last of these"
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
    assert standing(leaving(lambda t: max(0, t - 2)).record(10)) is Standing.SUSPECT
    assert standing(leaving(lambda t: 40 + t).record(10)) is Standing.SUSPECT


def test_where_nothing_goes_by_itself_it_is_a_leak_at_once() -> None:
    still = leaving(rising(0, 1), timers=level(0), python_threads=level(1), children=level(0))
    assert standing(still.record(10)) is Standing.LEAK
    assert standing(EACH.record(10), NOW) is Standing.LEAK


def test_cycles_of_many_sessions_tell_as_well() -> None:
    assert standing(replace(EACH, first_single=0, batch=12).record(1)) is Standing.SUSPECT


def test_without_collections_or_readings_it_says_nothing() -> None:
    assert standing(EACH.record(10), replace(PATIENT, collect=False)) is None
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
    assert counter_gate(Situation.of(record, PATIENT), "tasks").gate.outcome is not Outcome.LEAK


def test_the_run_waits_after_ten_sessions_and_then_stops_with_a_leak() -> None:
    record = EACH.record(10)
    assert judge(record, PATIENT).next is NextStep.IDLE
    said = judge(waited(record), PATIENT)
    assert (said.next, said.verdict.name) == (NextStep.STOP, VerdictName.LEAK)
    assert said.verdict.gates["tasks"].reason.startswith("10 tasks are pending of 10 sessions")
    assert said.verdict.summary.startswith(
        "LEAK: tasks grow by 1 per session (limit 0.02), after 10 sessions"
    )


def test_the_early_wait_is_not_one_of_those_that_the_other_counters_have() -> None:
    record = EACH.record(40)
    for cycle in (10, 22, 30):
        rest = record.rests[cycle]
        record.add(replace(rest, idle=True, at_s=rest.at_s + 90))
    assert Situation.of(record, PATIENT).may_idle
    record.add(replace(record.rests[35], idle=True))
    assert not Situation.of(record, PATIENT).may_idle


def test_memory_that_exceeds_its_budget_soon_decides_sooner() -> None:
    sessions = rising(0, 1)
    assert standing(leaving(sessions, **memory(8 * MIB)).record(10)) is Standing.SUSPECT
    assert standing(leaving(sessions, **memory(32 * MIB)).record(10)) is None
    assert (
        judge(leaving(sessions, **memory(32 * MIB)).record(10), PATIENT).next is NextStep.CONTINUE
    )

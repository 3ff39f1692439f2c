"""The line of a run under way."""

from __future__ import annotations

from dataclasses import replace

import pytest
from record_builder import under
from stored_run import scripted_run

from harness.record.policy import Policy
from harness.record.record import RunRecord
from harness.reporters.progress import course, seconds_per_session
from harness.reporters.progress import render as progress
from harness.units import format_time
from harness.verdict.judge import judge
from harness.verdict.outcome import Judgement, NextStep, Wait


def so_far(cycles: int, policy: Policy) -> tuple[RunRecord, Judgement]:
    """A flat run after so many cycles, one session in each of the first ten."""
    record = RunRecord.from_lines(scripted_run(cycles, leak_bytes=0)[:-1])
    record.started = replace(record.started, policy=policy)
    return record, judge(under(record, policy))


def test_it_says_what_is_open_and_how_many_sessions_may_still_be_needed() -> None:
    line = progress(*so_far(6, Policy()))
    assert "sessions    6" in line
    assert "undecided: memory, objects, tasks and" in line
    assert "more sessions" in line


def test_where_nothing_is_open_it_says_so() -> None:
    record, judgement = so_far(6, Policy(fixed_cycles=16))
    decided = replace(
        judgement, verdict=replace(judgement.verdict, open_gates=()), next=NextStep.CONTINUE
    )
    assert "undecided: nothing; 10 more cycles" in progress(record, decided)


def test_before_the_first_cycle_it_promises_no_time() -> None:
    line = progress(*so_far(0, Policy()))
    assert line.endswith("more sessions")


def test_the_time_left_is_that_of_the_latest_sessions() -> None:
    record, judgement = so_far(6, Policy(fixed_cycles=16))
    pace_s = seconds_per_session(record)
    assert pace_s is not None
    assert progress(record, judgement).endswith(f"10 more cycles, {round(10 * pace_s)}s")


@pytest.mark.parametrize("width", [30, 60, 80, 100, 200])
def test_on_a_terminal_it_fits_the_line_and_keeps_what_comes_next(width: int) -> None:
    record, judgement = so_far(6, Policy(fixed_cycles=16))
    line = progress(record, judgement, width, terminal=True)
    assert len(line) < width
    assert "undecided: " in line
    if width >= 80:
        assert line.startswith("cycle   6  sessions    6")
        assert "more cycles" in line


def test_its_clock_runs_while_the_run_waits_and_the_wait_gets_shorter() -> None:
    record, judgement = so_far(6, Policy())
    wait = Wait(at_least_s=30, at_most_s=90, steady_s=10)
    line = course(record, replace(judgement, next=NextStep.WAIT, wait=wait), 120, True)
    began_s = record.rests[-1].at_s
    assert f"{began_s + 20:.0f}s" in line(20.0)
    assert "waiting at most 70s" in line(20.0)
    assert "waiting at most 1s" in line(95.0)


def test_where_something_grows_the_time_left_holds_the_wait_and_the_search() -> None:
    record, judgement = so_far(6, Policy(fixed_cycles=16))
    pace_s = seconds_per_session(record)
    assert pace_s is not None
    grows = replace(judgement, verdict=replace(judgement.verdict, first_suspicion_sessions=5))
    left = format_time(round(10 * pace_s + 40))  # the record has no probe that could be asked
    assert progress(record, grows).endswith(f"10 more cycles, {left} with wait and search")


@pytest.mark.parametrize(
    ("step", "words"), [(NextStep.WAIT, "waiting at most 90s"), (NextStep.STOP, "ended")]
)
def test_it_says_what_the_run_does_instead_of_going_on(step: NextStep, words: str) -> None:
    record, judgement = so_far(6, Policy())
    wait = Wait(at_least_s=30, at_most_s=90, steady_s=10)
    assert words in progress(record, replace(judgement, next=step, wait=wait))

"""A leak that meets a bound: a count rises with each session until sessions fail."""

from __future__ import annotations

from dataclasses import replace

from record_builder import NOW, Of, Script, level, rising

from harness.record.record import Cause, Causes, Census, Incident, LogCounts, RunRecord
from harness.verdict.judge import judge
from harness.verdict.outcome import NextStep, Status, VerdictName

WORKED = 60
"""Sessions; then the server has no descriptor left."""


def _until(start: float, per_session: float, last: int = WORKED) -> Of:
    return lambda t: start + per_session * min(t, last)


def _script(**metrics: Of) -> Script:
    return Script(metrics=metrics, ok=lambda number: number < WORKED)


def test_descriptors_that_rise_with_each_session_until_sessions_fail_are_a_leak() -> None:
    script = replace(_script(descriptors=_until(12, 1)), policy=replace(NOW, explain=True))
    judgement = judge(script.record(cycles=21))
    assert judgement.verdict.name is VerdictName.LEAK
    assert judgement.verdict.exit_status == 1
    assert judgement.verdict.gates["descriptors"].outcome is Status.LEAK
    assert judgement.next is NextStep.EXPLAIN


def test_the_headline_names_the_leak_and_what_the_server_ran_into() -> None:
    record = _script(descriptors=_until(12, 1)).record(cycles=21)
    said = "OSError: [Errno 24] Too many open files"
    record.add(LogCounts(22.0, 21, {}, reason=said))
    summary = judge(record).verdict.summary
    assert "file descriptors grow by 1 per session" in summary
    assert f"after 60 sessions that worked, 5 failed: the server's log says '{said}'" in summary


def test_without_a_line_of_the_log_the_headline_quotes_the_sessions() -> None:
    record = _script(threads=_until(3, 1)).record(cycles=21)
    assert "5 failed: NoReply: no answer within 10s" in judge(record).verdict.summary


def test_a_leak_that_ended_the_server_is_still_a_leak() -> None:
    record = _script(descriptors=_until(12, 2)).record(cycles=21)
    record.add(Incident(30.0, "the server exited with status 1", fatal=True))
    judgement = judge(record)
    assert judgement.verdict.name is VerdictName.LEAK
    assert judgement.next is NextStep.STOP


def test_sessions_that_fail_while_nothing_rises_are_no_leak() -> None:
    record = Script(ok=lambda number: number < WORKED).record(cycles=40)
    assert judge(record).verdict.name is VerdictName.SERVER_FAILED


def test_a_pool_that_is_full_long_before_sessions_fail_is_no_leak() -> None:
    record = _script(threads=_until(3, 1, last=20)).record(cycles=21)
    assert judge(record).verdict.gates["threads"].outcome is not Status.LEAK


def test_sessions_that_fail_now_and_then_are_not_at_a_bound() -> None:
    script = Script({"descriptors": rising(12, 1)}, ok=lambda number: number % 4 != 3)
    assert judge(script.record(cycles=12)).verdict.gates["descriptors"].outcome is not Status.LEAK


def test_a_server_that_fails_within_its_first_sessions_is_not_called_a_leak() -> None:
    script = Script({"descriptors": _until(12, 1, last=12)}, ok=lambda number: number < 12)
    assert judge(script.record(cycles=14)).verdict.name is not VerdictName.LEAK


def _with_container(owner: str, trimmed_at: str = "") -> RunRecord:
    record = _script(descriptors=level(12)).record(cycles=21)
    for sessions in (2, 5, 10, 20, 35, 50):
        cycle = min(sessions, 10) + max(0, sessions - 10) // 5
        lengths = tuple(n for n in (2, 5, 10, 20, 35, 50) if n <= sessions)
        rising = {"100:7": lengths} if len(lengths) >= 4 else {}
        record.add(Census(float(cycle), cycle, sessions, {}, rising=rising))
    cause = Cause(name="app.Pool.used", owner=owner, chain=("module app",), trimmed_at=trimmed_at)
    record.add(Causes(20.0, {"100:7": cause}))
    return record


def test_a_pool_whose_users_never_give_back_is_a_leak_once_it_is_dry() -> None:
    verdict = judge(_with_container("application")).verdict
    assert verdict.gates["containers"].outcome is Status.LEAK
    assert verdict.name is VerdictName.LEAK
    assert "app.Pool.used grows by 1.00 entries per session" in verdict.summary


def test_a_container_of_a_library_or_one_with_code_that_empties_it_proves_nothing() -> None:
    for record in (_with_container("dependency"), _with_container("application", "app.py:3")):
        assert judge(record).verdict.gates["containers"].outcome is not Status.LEAK


def test_objects_that_come_in_exact_numbers_until_sessions_fail_are_a_leak() -> None:
    assert judge(_script(gc_objects=_until(21_000, 3)).record(21)).verdict.name is VerdictName.LEAK
    saw = lambda t: 21_000 + 3 * min(t, WORKED) + t % 2  # noqa: E731
    assert judge(_script(gc_objects=saw).record(21)).verdict.name is not VerdictName.LEAK


def test_objects_are_no_evidence_where_nothing_is_collected() -> None:
    script = _script(gc_objects=_until(21_000, 3))
    record = replace(script, policy=replace(script.policy, collect=False)).record(cycles=21)
    assert judge(record).verdict.gates["objects"].outcome is not Status.LEAK

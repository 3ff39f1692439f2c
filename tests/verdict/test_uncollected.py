"""In a run that forces no collection: processes and tasks that only a collection would end."""

from __future__ import annotations

from dataclasses import replace

from record_builder import NOW, Of, Script, level, rising

from harness.record.record import RunRecord
from harness.verdict.counting import CounterGate
from harness.verdict.judge import judge
from harness.verdict.outcome import Kind, NextStep, Status, VerdictName

PATIENT = replace(NOW, collect=False, grace_s=30.0, max_sessions=250)
SAW: Of = lambda t: 1 + t % 41  # noqa: E731 - the collector comes every 41 sessions


def _run(children: Of, cycles: int = 58) -> RunRecord:
    return Script({"children": children, "timers": level(1)}, policy=PATIENT).record(cycles)


def _waited(record: RunRecord, left: float, after_collection: float) -> RunRecord:
    script = Script()
    record.add(script.idle(record, children=left))
    record.add(replace(script.idle(record, children=after_collection), collected=True))
    return record


def test_children_that_are_left_at_the_end_are_waited_for_and_then_collected() -> None:
    assert judge(_run(SAW)).next is NextStep.WAIT


def test_children_that_a_wait_leaves_and_a_collection_ends_are_a_leak() -> None:
    verdict = judge(_waited(_run(SAW), left=5 + 1, after_collection=1)).verdict
    gate = verdict.gates["children"]
    assert isinstance(gate, CounterGate)
    assert (gate.outcome, gate.kind) == (Status.LEAK, Kind.NOT_YET_COLLECTED)
    assert "one collection ended 5 of them" in gate.reason
    assert verdict.name is VerdictName.LEAK


def test_workers_of_a_pool_that_a_collection_leaves_alone_are_no_leak() -> None:
    pool = _run(lambda t: 1 + min(8, t))
    assert (
        judge(_waited(pool, left=9, after_collection=9)).verdict.gates["children"].outcome
        is not Status.LEAK
    )


def test_a_run_that_collects_asks_nothing_of_the_kind() -> None:
    record = Script({"children": SAW}, policy=replace(PATIENT, collect=True)).record(58)
    rules = [step.rule for step in judge(record).verdict.gates["children"].trace]
    assert "counter.ended-by-collection" in rules
    assert judge(record).verdict.gates["children"].outcome is not Status.LEAK


def test_tasks_of_closed_sessions_are_judged_without_collections_too() -> None:
    left = {"left_tasks": rising(0, 1), "leaving_sessions": rising(0, 1), "tasks": rising(1, 1)}
    script = Script({**left, "timers": level(2)}, policy=PATIENT)
    record = script.record(10)
    assert judge(record).next is NextStep.WAIT
    record.add(script.idle(record))
    assert judge(record).verdict.gates["tasks"].outcome is Status.LEAK

"""Several runs judged together, and the control."""

from __future__ import annotations

import pytest
from record_builder import MIB, Script, memory

from harness.reporters.result_json import result
from harness.verdict.judge import judge
from harness.verdict.outcome import VerdictName
from harness.verdict.several_runs import Done, controlled, together


def done(name: str, *, leak_bytes: float = 0.0, cycles: int = 40) -> Done:
    """A scripted run, judged."""
    record = Script(memory(leak_bytes)).record(cycles)
    return Done(record, judge(record).verdict, name)


FLAT, LEAK, SHORT = done("run-1"), done("run-2", leak_bytes=MIB), done("run-3", cycles=13)


@pytest.mark.parametrize(
    ("runs", "name"),
    [
        ((FLAT, FLAT), VerdictName.FLAT),
        ((FLAT, LEAK, SHORT), VerdictName.LEAK),
        ((FLAT, SHORT), VerdictName.INCONCLUSIVE),
    ],
)
def test_one_leak_makes_a_leak_and_only_all_flat_make_flat(
    runs: tuple[Done, ...], name: VerdictName
) -> None:
    assert together(runs).verdict.name is name


def test_the_result_names_each_run_and_shows_the_gates_of_the_one_that_decides() -> None:
    decided = together([FLAT, LEAK])
    assert decided.record is LEAK.record
    assert [run["verdict"] for run in result(decided.record, decided.verdict)["runs"]] == [
        "flat",
        "leak",
    ]
    assert "1 of 2 runs; this is run-2" in decided.verdict.summary


def test_a_single_run_stands_for_itself() -> None:
    assert together([FLAT]) is FLAT


def test_a_flat_verdict_holds_where_the_control_was_found() -> None:
    verdict = controlled(FLAT.verdict, LEAK, 2048)
    assert verdict.name is VerdictName.FLAT
    assert (
        verdict.control
        == f"a planted leak of 2KiB per session was found after {LEAK.record.sessions} sessions"
    )


def test_a_control_that_was_not_found_takes_the_word_from_a_flat_verdict() -> None:
    verdict = controlled(FLAT.verdict, SHORT, 2048)
    assert verdict.name is VerdictName.INCONCLUSIVE
    assert "the control failed" in verdict.doubts[-1]


def test_a_leak_stays_a_leak_whatever_the_control_says() -> None:
    assert controlled(LEAK.verdict, SHORT, 2048).name is VerdictName.LEAK

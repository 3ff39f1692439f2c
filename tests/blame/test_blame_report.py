"""What blame says of a run, and what its schedule is like."""

from __future__ import annotations

from collections import Counter

import pytest
from varied_runs import FACTORS, each, ran

from harness.blame.blame import blame
from harness.blame.design_matrix import WARMUP_CYCLES
from harness.blame.varied_load import BLOCK, Factor, schedule
from harness.record.record import (
    RunRecord,
)
from harness.reporters import html
from harness.reporters.blame_text import words
from harness.verdict.outcome import Verdict, VerdictName


def test_the_first_line_says_what_is_to_blame_and_the_second_what_to_do_next() -> None:
    first, second, *_ = words(
        blame(ran(lambda actions, _: {"tasks": actions["switch_character"]}))
    ).splitlines()
    assert (
        first
        == "to blame: switch_character (+1.00 tasks each time); 172 sessions in 56 cycles after "
        "the warm-up"
    )
    assert second.startswith("next: `leak-harness run` with the same options names what stays")
    first, second, *_ = words(blame(ran())).splitlines()
    assert first == "no action is to blame; 172 sessions in 56 cycles after the warm-up"
    assert second.startswith("next: nothing")


@pytest.mark.parametrize(
    ("record", "language", "said"),
    [
        (ran(each(chat=2048.0)), "en", "to blame: chat"),
        (ran(), "en", "to blame: no action"),
        (ran(per_second=5000.0), "zh", "责任动作: 时间（每秒）"),
    ],
)
def test_the_report_begins_with_who_is_to_blame(
    record: RunRecord, language: str, said: str
) -> None:
    degraded = Verdict(VerdictName.DEGRADED, "DEGRADED: CPU at rest rose", {})
    page = html.render(record, degraded, language, blame(record)).decode()
    assert said in page.partition("</header>")[0]


def test_where_nobody_is_to_blame_though_the_record_is_no_flat_one_that_is_said() -> None:
    degraded = Verdict(VerdictName.DEGRADED, "DEGRADED: CPU at rest rose", {})
    first, second, *_ = words(blame(ran()), degraded).splitlines()
    assert first.startswith("no action is to blame; ")
    assert first.endswith(", yet it is DEGRADED: CPU at rest rose")
    assert second.startswith("next: more --cycles")
    assert "DEGRADED" not in words(blame(ran(each(chat=2048.0))), degraded)


def test_what_speaks_against_trusting_the_record_is_told_last() -> None:
    flat = Verdict(VerdictName.INCONCLUSIVE, "", {}, doubts=("9 of 10 sessions failed",))
    assert words(blame(ran()), flat).splitlines()[-1] == "doubt: 9 of 10 sessions failed"


def test_actions_that_always_come_together_are_said_to_be_inseparable() -> None:
    record = ran(each(chat=2048.0))
    for cycle in record.cycles:
        for session in cycle.sessions:
            session.actions["wave"] = 3 * session.actions["chat"]
    assert blame(record).inseparable == ("wave",)


def test_every_factor_has_each_of_its_levels_equally_often_in_each_block() -> None:
    factors = [*FACTORS, Factor("call", (1, 2, 3)), Factor("wave", (0, 1))]
    block = schedule(WARMUP_CYCLES + BLOCK, 1, factors)[WARMUP_CYCLES:]
    assert Counter(cycle.times["chat"] for cycle in block) == {0: 2, 1: 2, 2: 2}
    assert Counter(cycle.times["call"] for cycle in block) == {1: 2, 2: 2, 3: 2}
    assert Counter(cycle.times["wave"] for cycle in block) == {0: 3, 1: 3}
    assert Counter(cycle.drop for cycle in block) == {False: 3, True: 3}


def test_a_schedule_is_the_same_for_the_same_seed_and_another_for_another() -> None:
    assert schedule(20, 1, FACTORS) == schedule(20, 1, FACTORS)
    assert schedule(20, 1, FACTORS) != schedule(20, 2, FACTORS)

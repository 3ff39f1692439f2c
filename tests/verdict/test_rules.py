"""The tables of rules: the first answer decides, each rule is documented, and all is traced."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import get_args

import pytest
from record_builder import KIB, NOW, Script, memory, under

from harness.record.policy import Policy
from harness.record.store import load_record
from harness.verdict.gates import entries
from harness.verdict.judge import every_rule, judge
from harness.verdict.metric_rules import METRIC_RULES, MetricFacts
from harness.verdict.rules import DOCUMENT, Rule, Section, Step, first_answer, source
from harness.verdict.verdict_rules import VERDICT_RULES, VerdictFacts

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / DOCUMENT).read_text(encoding="utf-8")
TABLE = PAGE.partition("<!-- rules -->")[2].partition("<!-- end of rules -->")[0]
LEAKING = Script(memory(16 * KIB))


@dataclass(frozen=True)
class Weather:
    rain_mm: float
    snow_mm: float | None = None
    wind_m_s: float = float("inf")


WEATHER: tuple[Rule[Weather, str], ...] = (
    Rule("wet", "It rains.", "", lambda seen: "wet" if seen.rain_mm else None, ("rain_mm",)),
    Rule("dry", "It does not.", "", lambda _: "dry", ("rain_mm", "snow_mm", "wind_m_s")),
)


def test_the_first_rule_with_an_answer_decides_and_the_rest_are_not_asked() -> None:
    assert first_answer(WEATHER, Weather(3.0)) == (
        "wet",
        (Step("wet", "It rains.", True, {"rain_mm": 3.0}),),
    )


def test_a_rule_that_passes_leaves_its_numbers_and_what_is_not_known_is_left_out() -> None:
    answer, steps = first_answer(WEATHER, Weather(0.0), "lawn")
    assert answer == "dry"
    assert [(step.rule, step.decided, step.about) for step in steps] == [
        ("wet", False, "lawn"),
        ("dry", True, "lawn"),
    ]
    assert steps[1].numbers == {"rain_mm": 0.0}


def test_a_table_without_an_answer_is_a_mistake_that_is_told() -> None:
    with pytest.raises(ValueError, match="wet"):
        first_answer(WEATHER[:1], Weather(0.0))


def test_every_rule_has_an_id_of_its_own_and_one_sentence() -> None:
    ids = [rule.id for rule in every_rule()]
    assert len({*ids}) == len(ids)
    for rule in every_rule():
        assert re.fullmatch(r"[a-z]+\.[a-z-]+", rule.id)
        assert rule.says.endswith(".")
        assert ";" not in rule.says


def test_the_documentation_lists_every_rule_and_no_other() -> None:
    listed = re.findall(r"^\| `([a-z]+\.[a-z-]+)`", TABLE, re.MULTILINE)
    assert sorted(listed) == sorted(rule.id for rule in every_rule())


def test_the_documentation_has_each_section_that_can_derive_a_rule() -> None:
    headings = re.findall(r"^#+ (.+)$", PAGE, re.MULTILINE)
    anchors = {
        re.sub(r"[^a-z0-9 -]", "", heading.lower()).replace(" ", "-") for heading in headings
    }
    assert {*get_args(Section)} - anchors == set()


def test_a_section_that_the_documentation_does_not_have_is_refused() -> None:
    with pytest.raises(ValueError, match="did you mean 'late-releases'"):
        source("late-release")  # type: ignore[arg-type]


@pytest.mark.parametrize("name", entries())
def test_each_gate_keeps_the_rules_that_it_was_decided_by(name: str) -> None:
    known = {rule.id for rule in entries()[name].rules}
    for record in (LEAKING.record(0), LEAKING.record(16), LEAKING.record(40)):
        trace = judge(under(record, NOW)).verdict.gates[name].trace
        assert trace[-1].decided
        assert {step.rule for step in trace} <= known


def test_the_facts_have_all_numbers_that_rules_compare() -> None:
    for rules, facts in ((METRIC_RULES, MetricFacts), (VERDICT_RULES, VerdictFacts)):
        compared = {name for rule in rules for name in rule.compares}
        assert compared <= {*dir(facts), *facts.__dataclass_fields__}


def test_a_leak_is_traced_to_the_number_that_is_over_its_limit() -> None:
    verdict = judge(LEAKING.record(40)).verdict
    decided = {step.rule: step.numbers for step in verdict.gates["memory"].trace if step.decided}
    grows = decided["memory.malloc-grows"]
    assert grows["malloc_bytes_per_session"] == pytest.approx(16 * KIB)
    assert grows["malloc_limit_bytes"] == 512
    assert verdict.trace[-1].rule == "verdict.leak"
    assert verdict.trace[-1].numbers == {"leaking_gates": 1}


def test_a_filling_run_is_traced_to_what_the_containers_account_for() -> None:
    record = load_record(ROOT / "tests" / "data" / "corpus" / "fastapi-history.jsonl")
    step = judge(record).verdict.gates["memory"].trace[-1]
    assert step.rule == "memory.filling"
    over = (
        step.numbers["lasting_bytes_per_session"] - 1.5 * step.numbers["filling_bytes_per_session"]
    )
    assert over <= step.numbers["limit_bytes"] < step.numbers["lasting_bytes_per_session"]


def test_the_record_holds_the_policy_that_it_is_judged_by() -> None:
    record = LEAKING.record(40)
    assert judge(record).verdict.name == "leak"
    assert judge(under(record, Policy(grace_s=0, allow=("memory",)))).verdict.name == "flat"

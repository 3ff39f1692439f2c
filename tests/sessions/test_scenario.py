from __future__ import annotations

from pathlib import Path

import pytest

from harness.errors import ScenarioInvalid, ScenarioNotFound
from harness.sessions.protocols import protocol_named
from harness.sessions.scenario import load_scenario, shipped_folder

SHIPPED = sorted(path.stem.replace("_", "-") for path in shipped_folder().glob("*.py"))


@pytest.mark.parametrize("name", SHIPPED)
def test_a_shipped_scenario_is_found_by_name_and_says_what_it_catches(name: str) -> None:
    assert "Catches" in load_scenario(name).description


def test_the_actions_of_a_script_are_read_from_its_code() -> None:
    assert load_scenario("character-switch").actions == {"chat", "switch_character"}


def test_a_protocol_without_an_action_is_refused_before_the_run() -> None:
    with pytest.raises(ScenarioInvalid, match="switch_character"):
        load_scenario("character-switch").require(protocol_named("plain"))


def test_an_unknown_name_is_answered_with_those_that_there_are() -> None:
    with pytest.raises(ScenarioNotFound, match="plain-chat"):
        load_scenario("no-such-scenario")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("def broken(:", "does not load"),
        ("x = 1", "holds no scenario"),
        ("raise RuntimeError('no database')", "no database"),
    ],
)
def test_a_file_that_is_no_scenario_file_is_refused_with_the_reason(
    tmp_path: Path, text: str, says: str
) -> None:
    (tmp_path / "mine.py").write_text(text)
    with pytest.raises(ScenarioInvalid, match=says):
        load_scenario(str(tmp_path / "mine.py"))


def test_one_of_several_scenarios_is_chosen_by_name(tmp_path: Path) -> None:
    text = (
        "from harness import scenario\n@scenario\nasync def one(session): ...\n@scenario\nasync "
        "def two(session): ...\n"
    )
    (tmp_path / "mine.py").write_text(text)
    assert load_scenario(f"{tmp_path / 'mine.py'}::two").name == "two"
    with pytest.raises(ScenarioInvalid, match="several"):
        load_scenario(str(tmp_path / "mine.py"))


def test_a_script_imports_what_lies_next_to_it(tmp_path: Path) -> None:
    (tmp_path / "words_of_a_visitor.py").write_text('GREETING = "hello"\n')
    (tmp_path / "visit.py").write_text(
        "from leak_harness import scenario\n"
        "from words_of_a_visitor import GREETING\n\n\n"
        "@scenario\n"
        "async def visit(session):\n"
        "    assert GREETING\n"
    )
    assert load_scenario(str(tmp_path / "visit.py")).name == "visit"

"""The table of options, and what is made from it."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import command
import pytest

from harness.errors import UsageError
from harness.experiment.marker import values_of_keywords
from harness.experiment.options import RunOptions, merged, options, options_from
from harness.target.ways import target_from, targets


def test_every_option_has_a_name_of_its_own_a_group_and_a_sentence() -> None:
    table = options()
    assert len({option.name for option in table}) == len(table)
    assert [option.name for option in table if not option.group] == ["scenario"]
    assert [option.name for option in table if not option.help.endswith(".")] == []


def test_values_that_are_absent_are_the_defaults_of_a_program() -> None:
    assert options_from({}) == RunOptions()
    assert options_from({"limit": 4096}).policy.limit_bytes == 4096


def test_options_and_targets_are_frozen() -> None:
    for owner in (RunOptions, *targets()):
        parameters: Any = owner.__dict__["__dataclass_params__"]
        assert parameters.frozen
    with pytest.raises(dataclasses.FrozenInstanceError):
        RunOptions().command_line = ()  # type: ignore[misc]


@pytest.mark.parametrize(
    ("keywords", "values"),
    [
        ({"limit": 4096, "grace": "1m"}, {"limit": 4096, "grace": 60.0}),
        ({"object_limit": 3, "cycles": "2"}, {"object_limit": 3.0, "cycles": 2}),
        ({"env": {"A": 1}}, {"env": {"A": "1"}}),
        ({"header": ["A=b=c"]}, {"header": {"A": "b=c"}}),
        ({"allow": "cpu"}, {"allow": ("cpu",)}),
        ({"fault": ["thread"]}, {"fault": ("thread",)}),
        ({"probe": False}, {"probe": False}),
        ({"cwd": "place"}, {"cwd": Path("place")}),
    ],
)
def test_a_marker_takes_what_python_writes(
    keywords: dict[str, Any], values: dict[str, Any]
) -> None:
    assert values_of_keywords(keywords) == values


@pytest.mark.parametrize(
    ("keywords", "says"),
    [
        ({"cycels": 2}, "no option 'cycels': did you mean cycles?"),
        ({"cycles": 0}, "cycles=0: '0' is not a whole number of at least 1"),
        ({"probe": "yes"}, "probe='yes': write True or False"),
        ({"lang": "de"}, "lang='de': choose one of en, zh"),
        ({"bisect_status": True}, "no option 'bisect_status'"),
    ],
)
def test_a_marker_that_is_wrong_is_told_with_what_it_may_be(
    keywords: dict[str, Any], says: str
) -> None:
    with pytest.raises(UsageError) as raised:
        values_of_keywords(keywords)
    assert says in str(raised.value)


def test_repeated_values_and_pairs_come_after_those_of_the_file() -> None:
    file = {"allow": ("cpu",), "header": {"A": "1", "B": "2"}, "limit": 1}
    given = {"allow": ("log",), "header": {"B": "3"}, "limit": 2}
    assert merged(file, given) == {
        "allow": ("cpu", "log"),
        "header": {"A": "1", "B": "3"},
        "limit": 2,
    }


def test_a_target_is_chosen_by_its_own_option_and_takes_no_other_targets() -> None:
    assert [target_from(values).NAME for values in ({}, {"pid": 1}, {"url": "ws://a"})] == [
        "embedded",
        "pid",
        "url",
    ]
    with pytest.raises(UsageError, match="--pid names the target, and --cwd is for --serve"):
        target_from({"pid": 1, "cwd": Path()})


def test_options_are_typed_in_full(tmp_path: Path) -> None:
    done = command.done(tmp_path, "run", "--cyc", "3")
    assert (
        done.returncode,
        "'--cyc' is not understood: did you mean --cycles?" in done.stderr,
    ) == (
        2,
        True,
    )


@pytest.mark.parametrize(
    ("verb", "lists", "lists_not"),
    [
        ("run", ["--serve", "--once", "--bisect-status"], []),
        ("doctor", ["--serve", "--header", "--no-probe"], ["--cycles", "--limit", "--live"]),
        ("blame", ["--serve", "--cycles"], ["--runs", "--once", "--grace", "--limit"]),
        ("bisect", ["--good", "--serve", "--limit"], ["--pid", "--cwd", "--fault"]),
        ("compare", ["--before", "--serve", "--lang"], ["--pid", "--runs", "--live"]),
        ("ci", ["--comment", "--serve", "--json"], ["--once", "--bisect-status"]),
    ],
)
def test_a_verb_lists_the_options_that_it_takes(
    tmp_path: Path, verb: str, lists: list[str], lists_not: list[str]
) -> None:
    words = command.done(tmp_path, verb, "--help").stdout.replace("]", " ").split()
    assert [option for option in lists if option not in words] == []
    assert [option for option in lists_not if option in words] == []


def test_the_line_of_a_run_can_be_given_to_doctor(tmp_path: Path) -> None:
    run = ["plain-request", "--serve", "no-such-command", "--limit", "4KiB", "--cycles", "3"]
    done = command.done(tmp_path, "doctor", *run)
    assert "directory: no-such-command" in done.stdout


def test_the_help_of_a_run_ends_with_three_examples_and_the_statuses(tmp_path: Path) -> None:
    said = command.done(tmp_path, "run", "--help").stdout
    _, _, end = said.partition("examples:\n")
    assert end.count("  leak-harness run") == 3
    assert "3 inconclusive" in end

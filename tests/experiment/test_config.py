"""Settings from a file."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import command
import pytest

from harness.errors import ConfigInvalid
from harness.experiment.config import find_config


def written(folder: Path, text: str, name: str = "leak-harness.toml") -> Path:
    (folder / name).write_text(text)
    return folder


def test_without_a_file_there_are_no_settings(tmp_path: Path) -> None:
    assert find_config(tmp_path) is None


def test_sizes_times_and_pairs_are_read_as_the_command_line_reads_them(tmp_path: Path) -> None:
    config = find_config(
        written(
            tmp_path, 'limit = "2KiB"\ngrace = "1m"\nobject-limit = 2\n[header]\nCookie = "a=b"'
        )
    )
    assert config is not None
    assert config.options == {
        "limit": 2048,
        "grace": 60.0,
        "object_limit": 2.0,
        "header": {"Cookie": "a=b"},
    }


def test_the_nearest_folder_upward_counts_and_paths_are_its_own(tmp_path: Path) -> None:
    written(tmp_path, 'scenario = "leaks/chat.py::mine"\ncwd = "server"')
    (tmp_path / "deep" / "er").mkdir(parents=True)
    config = find_config(tmp_path / "deep" / "er")
    assert config is not None
    assert config.options == {
        "scenario": str(tmp_path / "leaks/chat.py::mine"),
        "cwd": tmp_path / "server",
    }


def test_a_table_in_pyproject_does_as_well(tmp_path: Path) -> None:
    config = find_config(
        written(tmp_path, '[project]\nname = "x"\n[tool.leak-harness]\nruns = 3', "pyproject.toml")
    )
    assert config is not None
    assert config.options == {"runs": 3}


def test_a_pyproject_of_others_is_left_alone(tmp_path: Path) -> None:
    assert find_config(written(tmp_path, '[project]\nname = "x"', "pyproject.toml")) is None


def test_all_errors_come_at_once_each_with_line_and_key(tmp_path: Path) -> None:
    allowed = '[[allow]]\ngate = "tasks"\nreason = "known"\n[[allow]]\nreason = "no name"'
    text = f'cycles = 0\nlimit = "5 apples"\nlimitt = 1\n{allowed}'
    with pytest.raises(ConfigInvalid) as raised:
        find_config(written(tmp_path, text))
    for words in (
        "toml:1: cycles",
        "toml:2: limit: '5 apples' is not a size",
        "toml:3: limitt",
        "toml:7: allow.1",
    ):
        assert words in str(raised.value)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("cylces = 3", "toml:1: cylces: there is no such key: did you mean cycles?"),
        (
            '[[allow]]\ngate = "tasks"\nreasons = "known"',
            "reasons: there is no such key: did you mean reason?",
        ),
        ('ready-log = "["', "toml:1: ready-log: '\\[' is not a regular expression"),
    ],
)
def test_a_wrong_key_or_pattern_is_told_with_what_it_may_be(
    tmp_path: Path, text: str, says: str
) -> None:
    with pytest.raises(ConfigInvalid, match=says):
        find_config(written(tmp_path, text))


def test_a_pattern_is_read(tmp_path: Path) -> None:
    config = find_config(written(tmp_path, 'ready-log = "up$"'))
    assert config is not None
    assert config.options["ready_log"].search("it is up")


def test_what_is_no_toml_names_the_file_and_the_line(tmp_path: Path) -> None:
    with pytest.raises(ConfigInvalid, match=r"leak-harness\.toml cannot be read as TOML.*line 2"):
        find_config(written(tmp_path, "runs = 1\nruns = = 2"))


def test_an_allowance_counts_up_to_its_last_day(tmp_path: Path) -> None:
    config = find_config(
        written(tmp_path, '[[allow]]\ngate = "tasks"\nreason = "known"\nuntil = 2026-03-01')
    )
    assert config is not None
    assert config.expired(date(2026, 3, 1)) == ()
    assert [one.name for one in config.expired(date(2026, 3, 2))] == ["tasks"]


def said(folder: Path, *words: str, verb: str = "run") -> str:
    done = command.done(folder, verb, *words)
    return done.stdout + done.stderr


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ([], "directory: no-such-command"),
        (["--fault", "gremlins"], "there is no fault 'gremlins'"),
        (["--pid", "999999999"], "there is no process 999999999"),
        (["--serve", "nor-this-one"], "directory: nor-this-one"),
    ],
)
def test_a_server_that_the_command_line_names_takes_the_place_of_the_files(
    tmp_path: Path, words: list[str], says: str
) -> None:
    (tmp_path / "place").mkdir()
    written(
        tmp_path,
        'serve = "no-such-command"\ncwd = "place"\nurl = "ws://127.0.0.1:{port}/"\nprotocol = '
        '"plain"',
    )
    assert says in said(tmp_path, "plain-request", *words)


@pytest.mark.parametrize("verb", ["run", "ci", "doctor", "blame"])
def test_every_verb_that_starts_a_server_takes_that_of_the_file(tmp_path: Path, verb: str) -> None:
    written(tmp_path, 'serve = "no-such-command"\nprotocol = "plain"\nscenario = "plain-request"')
    assert "directory: no-such-command" in said(tmp_path, verb=verb)


def test_the_command_line_wins_over_the_file(tmp_path: Path) -> None:
    written(
        tmp_path,
        'scenario = "no-such-one"\n[[allow]]\ngate = "tasks"\nreason = "known"\nuntil = 2020-01-01',
    )
    assert "there is no scenario 'no-such-one'" in said(tmp_path)
    assert "there is no scenario 'nor-this-one'" in said(tmp_path, "nor-this-one")
    assert (
        "'tasks' was allowed until 2020-01-01 (known): mend the leak, or renew the entry"
        in said(tmp_path)
    )


def test_blame_reads_the_same_file_so_that_it_asks_the_same_server(tmp_path: Path) -> None:
    assert "there is no scenario 'no-such-one'" in said(
        written(tmp_path, 'scenario = "no-such-one"'), verb="blame"
    )


def test_a_file_with_errors_ends_the_run_before_it_begins(tmp_path: Path) -> None:
    assert "leak-harness.toml:1: runs" in said(written(tmp_path, "runs = 0"))


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("\ncycles = 2.5", "toml:2: cycles: Expected `int`, got `float`"),
        ('fault = ["a", 1]', "toml:1: fault.1: Expected `str`, got `int`"),
        ('header = "a"', "toml:1: header: Expected `table`, got `str`"),
        ('lang = "de"', "toml:1: lang: Expected one of en, zh"),
        ("grace = nan", "toml:1: grace: Expected a number"),
        ("allow = [3]", "toml:1: allow.0: Expected a table"),
        ('[[allow]]\ngate = "tasks"', "toml:1: allow.0.reason: it is missing"),
        ('[[allow]]\nreason = "x"\ngate = 1', "toml:3: allow.0.gate: Expected `str`, got `int`"),
    ],
)
def test_a_value_of_a_wrong_kind_is_told_once_with_the_kind_that_is_expected(
    tmp_path: Path, text: str, says: str
) -> None:
    with pytest.raises(ConfigInvalid) as raised:
        find_config(written(tmp_path, text))
    assert says in str(raised.value)
    assert "has 1 error:" in str(raised.value)

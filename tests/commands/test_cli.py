"""The command as a user types it, against real servers."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path

import psutil
import pytest
from server_scripts import CLOSES_EVERY_CONNECTION, ECHO, ECHO_SCENARIO, written

from harness.cli import main
from harness.commands import faults

RUN = [sys.executable, "-m", "harness", "run"]
SERVE = f"{sys.executable} -c"


def _run(*arguments: str, folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*RUN, *arguments], capture_output=True, text=True, timeout=240, cwd=folder, check=False
    )


@pytest.mark.parametrize(
    ("arguments", "status", "says"),
    [
        (["no-such-scenario"], 2, "there is no scenario"),
        (["--serve", "x", "--fault", "untracked-task"], 2, "embedded server"),
        (["--url", "ws://127.0.0.1:1/"], 2, "no memory to measure"),
        (["--serve", "no-such-command"], 2, "cannot be started"),
        (["--serve", f'{SERVE} "raise SystemExit(3)"'], 4, "ended with status 3"),
        (["--control", "--no-probe"], 2, "plants its leak through the probe"),
        (["--serve", "true", "--url", "http://127.0.0.1/"], 2, "is not a WebSocket address"),
        (["--cycles", "0"], 2, "whole number"),
        (["--limit", "5 apples"], 2, "not a size"),
        (["--protocol", "plain"], 2, "switch_character"),
        (["--protocol", "morse"], 2, "there is no protocol"),
        (["--fault", "gremlins"], 2, "there is no fault"),
        (["--once", "--url", "ws://127.0.0.1:1/"], 4, "HandshakeRefused: ws:"),
    ],
)
def test_bad_input_is_answered_with_one_clear_message(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
    *,
    arguments: list[str],
    status: int,
    says: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["run", *arguments]) == status
    said = capfd.readouterr().err
    assert says in said
    assert "Traceback" not in said
    assert len(said.splitlines()) <= 6


def test_the_status_of_the_command_is_that_of_what_it_says(tmp_path: Path) -> None:
    done = _run("--fault", "gremlins", folder=tmp_path)
    assert (done.returncode, done.stderr.splitlines()[0]) == (
        2,
        "leak-harness: there is no fault 'gremlins'",
    )


def test_a_short_run_of_the_embedded_server_leaves_a_whole_run_folder_and_nothing_running(
    tmp_path: Path,
) -> None:
    done = _run(
        "plain-chat",
        "--cycles",
        "3",
        "--agent-size",
        "1MiB",
        "--json",
        "--out",
        "out",
        folder=tmp_path,
    )
    result = json.loads(done.stdout)
    assert done.returncode == result["exit_status"] == 3
    assert (result["cycles"], result["sessions"], result["sessions_failed"]) == (3, 3, 0)
    files = {path.name for path in (tmp_path / "out").iterdir()}
    assert {
        "run.jsonl",
        "result.json",
        "report.html",
        "memory.png",
        "latency.png",
        "cpu.png",
        "server.log",
    } <= files
    assert not [
        one
        for one in psutil.process_iter(["cmdline"])
        if str(tmp_path) in " ".join(one.info["cmdline"] or [])
    ]


def test_fresh_servers_are_judged_together_and_each_run_is_kept(tmp_path: Path) -> None:
    options = [
        "plain-chat",
        "--cycles",
        "2",
        "--runs",
        "2",
        "--agent-size",
        "1MiB",
        "--json",
        "--out",
        "out",
    ]
    done = _run(*options, folder=tmp_path)
    result = json.loads(done.stdout)
    assert [run["folder"] for run in result["runs"]] == ["run-1", "run-2"]
    assert all((tmp_path / "out" / run["folder"] / "run.jsonl").exists() for run in result["runs"])


def test_a_run_is_drawn_again_from_its_record(tmp_path: Path) -> None:
    _run(
        "plain-chat",
        "--cycles",
        "3",
        "--agent-size",
        "1MiB",
        "--no-probe",
        "--out",
        "out",
        folder=tmp_path,
    )
    first = (tmp_path / "out" / "result.json").read_text()
    (tmp_path / "out" / "result.json").unlink()
    again = subprocess.run(
        [sys.executable, "-m", "harness", "report", "out"],
        cwd=tmp_path,
        capture_output=True,
        check=False,
    )
    assert again.returncode == 3
    assert (tmp_path / "out" / "result.json").read_text() == first


def test_an_interrupted_run_keeps_what_it_measured(tmp_path: Path) -> None:
    with subprocess.Popen(
        [*RUN, "plain-chat", "--out", "out"], cwd=tmp_path, stderr=subprocess.PIPE
    ) as running:
        assert running.stderr is not None
        running.stderr.readline()
        running.send_signal(signal.SIGINT)
        said = running.stderr.read().decode()
    assert running.returncode == 130
    assert "press Ctrl-C again to stop" in said
    assert json.loads((tmp_path / "out" / "result.json").read_text())["verdict"] == "interrupted"


def test_one_session_is_traced_message_by_message(tmp_path: Path) -> None:
    done = _run("--once", "--trace", "--agent-size", "1MiB", folder=tmp_path)
    assert done.returncode == 0
    assert '-> {"type": "switch-config"' in done.stderr
    assert "conversation-chain-end" in done.stderr


DIES_IN_ITS_FIRST_SESSION = """
async def handle(connection):
    async for message in connection:
        print("no room", flush=True)
        os._exit(3)
"""


def once(folder: Path, handler: str) -> int:
    """The status of one session with a server of this handler; its log is in the folder, if
    anywhere.
    """
    (folder / "echo.py").write_text(ECHO_SCENARIO)
    serve = written(folder, handler)
    return main(
        [
            "run",
            str(folder / "echo.py"),
            "--protocol",
            "plain",
            "--no-probe",
            "--once",
            "--serve",
            serve,
        ]
    )


@pytest.mark.parametrize(
    "handler", [DIES_IN_ITS_FIRST_SESSION, "print('no room', flush=True); sys.exit(3)"]
)
def test_a_server_that_died_in_its_one_session_leaves_its_log_and_the_path_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], handler: str
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    assert once(tmp_path, handler) == 4
    (log,) = tmp_path.glob("leak-harness-*/server.log")
    said = capfd.readouterr().err
    assert "the server ended with status 3" in said
    assert f"{log}:\n    no room" in said


def test_one_session_that_fails_names_the_log_of_a_server_that_lives(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    assert once(tmp_path, CLOSES_EVERY_CONNECTION) == 4
    (log,) = tmp_path.glob("leak-harness-*/server.log")
    assert f"see the server's log, {log}" in capfd.readouterr().err


def test_one_session_that_goes_well_leaves_no_log(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    assert once(tmp_path, ECHO) == 0
    assert not [*tmp_path.glob("leak-harness-*")]


def test_the_help_of_a_run_tells_its_statuses(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["run", "--help"]) == 0
    assert "3 inconclusive" in capsys.readouterr().out


def test_what_is_heavy_waits_until_a_verb_needs_it() -> None:
    code = (
        "import sys, harness.cli; print({'asyncio', 'matplotlib', 'msgspec', 'numpy', 'psutil'} "
        "& {*sys.modules})"
    )
    assert subprocess.check_output([sys.executable, "-c", code], text=True).strip() == "set()"


def test_the_version_is_that_of_the_project(capsys: pytest.CaptureFixture[str]) -> None:
    with (Path(__file__).parents[2] / "pyproject.toml").open("rb") as file:
        version = tomllib.load(file)["project"]["version"]
    assert main(["--version"]) == 0
    assert capsys.readouterr().out.startswith(f"leak-harness {version}, Python 3.")


def test_a_defect_of_the_harness_itself_is_no_leak(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(faults, "run", lambda options: 1 // 0)
    assert main(["faults"]) == 5


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ([], "which verb? One of: run,"),
        (["runn"], "there is no verb 'runn': did you mean run?"),
        (["qqqq"], "there is no verb 'qqqq': there are: run,"),
    ],
)
def test_a_verb_that_is_missing_or_misspelled_is_answered_with_the_verbs(
    capsys: pytest.CaptureFixture[str], words: list[str], says: str
) -> None:
    assert main(words) == 2
    assert says in capsys.readouterr().err


def test_two_stored_runs_are_not_compared_under_an_option_that_would_do_nothing(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["compare", "before", "after", "--limit", "4KiB"]) == 2
    assert "--limit is for servers that compare starts" in capsys.readouterr().err


def test_an_option_of_a_run_that_a_verb_does_not_use_is_named(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["blame", "plain-chat", "--sessions", "3", "--cycles", "2"]) == 2
    assert "--sessions does nothing here" in capsys.readouterr().err


@pytest.mark.parametrize("verb", ["run", "blame", "compare", "init", "doctor", "judge"])
def test_the_help_before_the_options_fits_80_columns(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], verb: str
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    assert main([verb, "--help"]) == 0
    assert max(map(len, capsys.readouterr().out.splitlines())) <= 80

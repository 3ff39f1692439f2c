"""What goes wrong around a run: one clear message, the right status, nothing left running."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import command
import psutil
import pytest
from server_scripts import (
    CLOSES_EVERY_CONNECTION,
    ECHO,
    ECHO_SCENARIO,
    KILLS_ITSELF_AT_THE_FOURTH_VISIT,
    written,
)

from harness.cli import main

FLAT = Path(__file__).parents[1] / "data" / "runs" / "flat.jsonl"
RUN = [sys.executable, "-m", "harness", "run"]


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Path]:
    """A folder with a scenario; no process that was started from it lives on."""
    (tmp_path / "echo.py").write_text(ECHO_SCENARIO)
    yield tmp_path
    assert [one.cmdline() for one in started_in(tmp_path)] == []


def started_in(folder: Path) -> list[psutil.Process]:
    return [
        one
        for one in psutil.process_iter(["cmdline"])
        if str(folder) in " ".join(one.info["cmdline"] or [])
    ]


def run(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return command.done(folder, "run", *words)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("from harness import scenario\ndef x(:\n", "line 2"),
        ("import no_such_module\n", "ModuleNotFoundError"),
        ("x = 1\n", "holds no scenario"),
    ],
)
def test_a_scenario_file_that_is_none(
    place: Path, capfd: pytest.CaptureFixture[str], text: str, says: str
) -> None:
    (place / "mine.py").write_text(text)
    assert main(["run", str(place / "mine.py")]) == 2
    said = capfd.readouterr().err
    assert (says in said, "Traceback" in said) == (True, False)


@pytest.mark.parametrize("option", [["--once"], ["--runs", "2"], ["--control"], ["--live"]])
def test_a_schedule_has_no_use_for_what_only_a_verdict_can_use(
    capsys: pytest.CaptureFixture[str], option: list[str]
) -> None:
    assert main(["blame", "plain-chat", *option]) == 2
    assert f"blame has no {option[0]}: it runs one schedule" in capsys.readouterr().err


def test_too_few_cycles_to_tell_actions_apart_are_refused_before_a_server_starts(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["blame", "plain-chat", "--cycles", "9"]) == 2
    assert "give --cycles 10 or more" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--out", "a-file"], "a-file is a file, not a folder"),
        (["--cwd", "nowhere"], "--cwd nowhere is not a folder"),
        (["--env", "NAME"], "'NAME' is not of the form K=V"),
        (["--allow", "memry"], "neither a gate nor the fingerprint"),
        (["--only", "memry"], "--only memry: there is no such gate"),
        (["--object-limit", "nan"], "'nan' is not a number of at least 0"),
        (["--subprotocol", "a b"], "'a b' is not a subprotocol"),
        (["--textfile", "nowhere/m.prom"], "--textfile nowhere/m.prom: there is no folder nowhere"),
        (["--otlp", "localhost"], "--otlp 'localhost' is not an address"),
        (["--log", "app.log"], "--serve names the target, and --log is for --cgroup"),
        (["--serve", "python 'app.py"], "No closing quotation"),
        (["--cycels", "3"], "'--cycels' is not understood: did you mean --cycles?"),
        (["--fail-on", "leaks"], "--fail-on leaks is not known"),
        (["--serve", ""], "--serve is empty"),
        (["--serve", "./not-executable"], "Permission denied"),
        (["character-switch"], "protocol 'plain' does not have"),
    ],
)
def test_words_that_cannot_be_followed(
    place: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
    words: list[str],
    says: str,
) -> None:
    monkeypatch.chdir(place)
    (place / "a-file").write_text("")
    (place / "not-executable").write_text("")
    serve = [] if "--serve" in words else ["--serve", written(place, ECHO)]
    scenario = [] if words[0] == "character-switch" else ["echo.py"]
    assert main(["run", *scenario, *serve, "--protocol", "plain", *words]) == 2
    said = capfd.readouterr().err
    assert (says in said, "Traceback" in said) == (True, False)


@pytest.mark.parametrize(
    ("handler", "says"),
    [
        (CLOSES_EVERY_CONNECTION, "none of 5 sessions did what the script says"),
        (KILLS_ITSELF_AT_THE_FOURTH_VISIT, "the server ended with status -9"),
        ("raise SystemExit('there is no configuration')", "there is no configuration"),
    ],
)
def test_a_server_that_fails_is_status_4_and_what_was_measured_is_kept(
    place: Path, handler: str, says: str
) -> None:
    done = run(
        place, "echo.py", "--protocol", "plain", "--serve", written(place, handler), "--out", "out"
    )
    assert (done.returncode, "Traceback" in done.stderr) == (4, False)
    assert says in done.stderr
    result = json.loads((place / "out" / "result.json").read_text())
    assert result["verdict"] == "server-failed"
    assert len((place / "out" / "run.jsonl").read_text().splitlines()) > 2


ANSWERS_NOBODY = """
async def handle(connection):
    async for message in connection:
        pass
"""
ANSWERS_THE_FIRST = """
async def handle(connection):
    global visits
    async for message in connection:
        visits += 1
        if visits == 1:
            await connection.send(message)
"""
IMPATIENT = ECHO_SCENARIO.replace("@scenario", "@scenario(reply_limit_s=0.2)")


def test_a_server_that_answers_nobody_ends_the_run_with_its_second_session(place: Path) -> None:
    (place / "echo.py").write_text(IMPATIENT)
    serve = ["--protocol", "plain", "--serve", written(place, ANSWERS_NOBODY)]
    done = run(place, "echo.py", *serve, "--sessions", "20", "--cycles", "3", "--out", "out")
    assert (done.returncode, "none of 2 sessions did what the script says" in done.stderr) == (
        4,
        True,
    ), done.stderr
    assert json.loads((place / "out" / "result.json").read_text())["sessions"] == 2


def test_sessions_that_are_answered_no_more_after_one_that_was_are_measured(place: Path) -> None:
    (place / "echo.py").write_text(IMPATIENT)
    serve = ["--protocol", "plain", "--serve", written(place, ANSWERS_THE_FIRST)]
    run(place, "echo.py", *serve, "--sessions", "7", "--cycles", "1", "--out", "out")
    result = json.loads((place / "out" / "result.json").read_text())
    assert (result["sessions"], result["sessions_failed"]) == (7, 6)


@contextmanager
def small_disk(folder: Path, size_kib: int) -> Iterator[Path]:
    """A disk of so many KiB."""
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={size_kib}k", "tmpfs", str(folder)],
        capture_output=True,
        check=False,
    )
    if mounted.returncode:
        pytest.skip("only root can make a disk")
    try:
        yield folder
    finally:
        subprocess.run(["umount", str(folder)], check=True)


def test_a_disk_that_fills_up_ends_the_run_and_keeps_what_it_holds(place: Path) -> None:
    with small_disk(place / "disk", 24) as disk:
        serve = ["--protocol", "plain", "--serve", written(place, ECHO)]
        done = run(place, "echo.py", *serve, "--cycles", "60", "--out", "disk/out")
        assert (done.returncode, "Traceback" in done.stderr) == (5, False)
        assert "disk/out cannot be written" in done.stderr
        lines = (disk / "out" / "run.jsonl").read_text().splitlines()
        assert json.loads(lines[0])["line"] == "run"


def test_a_disk_that_is_full_from_the_start_runs_nothing(place: Path) -> None:
    with small_disk(place / "disk", 4) as disk:
        (disk / "full").write_bytes(b"x" * 4096)
        done = run(
            place,
            "echo.py",
            "--protocol",
            "plain",
            "--serve",
            written(place, ECHO),
            "--out",
            "disk/out",
        )
        assert (done.returncode, "Traceback" in done.stderr) == (2, False)
        assert "No space left" in done.stderr or "no room" in done.stderr


@pytest.mark.slow
def test_killing_the_harness_leaves_nothing_running(place: Path) -> None:
    typed = [
        *RUN,
        "echo.py",
        "--protocol",
        "plain",
        "--serve",
        written(place, ECHO),
        "--out",
        "out",
    ]
    with subprocess.Popen(typed, cwd=place, stderr=subprocess.PIPE, text=True) as harness:
        assert harness.stderr is not None
        assert "cycle" in harness.stderr.readline()
        left = started_in(place)
        assert left
        os.kill(harness.pid, signal.SIGKILL)
    _, alive = psutil.wait_procs(left, timeout=60)
    assert alive == []


@pytest.mark.parametrize(
    "words",
    [
        ["history", "run", "--db", "history.sqlite"],
        ["compare", "run", "run"],
        ["bisect", "--good", "a", "--bad", "b"],
        ["blame", "plain-chat"],
        ["ci", "plain-chat"],
        ["selftest", "--only", "none"],
    ],
    ids=lambda words: words[0],
)
@pytest.mark.parametrize(
    ("out", "says"), [("a-file", "is a file, not a folder"), ("a-file/out", "cannot be written")]
)
def test_no_verb_takes_a_folder_that_cannot_be(
    place: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
    *,
    words: list[str],
    out: str,
    says: str,
) -> None:
    monkeypatch.chdir(place)
    (place / "a-file").write_text("")
    (place / "run").mkdir()
    shutil.copy(FLAT, place / "run" / "run.jsonl")
    assert main([*words, "--out", out]) == 2
    said = capfd.readouterr().err
    assert (f"{out} {says}" in said, "Traceback" in said, "Errno" in said) == (
        True,
        False,
        False,
    ), said


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["run", "--agent-size", "huge"], "--agent-size: 'huge' is not a size"),
        (
            ["run", "--attach-probe"],
            "the embedded server is the target, and --attach-probe is for --container or --pid",
        ),
        (["history"], "the history holds no runs"),
        (["report", "a-file"], "a-file: it holds no record of a run"),
        (["faults", "--jsn"], "'--jsn' is not understood: did you mean --json?"),
    ],
)
def test_words_without_a_server_that_cannot_be_followed(
    place: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
    words: list[str],
    says: str,
) -> None:
    monkeypatch.chdir(place)
    (place / "a-file").write_text("")
    assert main(words) == 2
    said = capfd.readouterr().err
    assert (says in said, "Traceback" in said) == (True, False), said


def test_report_draws_the_runs_among_what_it_is_given(
    place: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    for name in ("one", "bisect"):
        (place / name).mkdir()
    shutil.copy(FLAT, place / "one" / "run.jsonl")
    (place / "history.md").write_text("| started |")
    status = main(["report", *(str(place / name) for name in ("one", "bisect", "history.md"))])
    said = capfd.readouterr()
    assert (status, "FLAT" in said.out, said.err.count("leak-harness: left out: ")) == (
        0,
        True,
        2,
    ), said.err


@pytest.mark.parametrize("verb", ["report", "history"])
def test_a_run_that_was_cut_short_at_once_hides_none_of_the_others_in_its_folder(
    place: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], verb: str
) -> None:
    monkeypatch.chdir(place)
    for name in ("1", "2", "3"):
        (place / "reports" / name).mkdir(parents=True)
        text = FLAT.read_text().replace('"started_at":"', f'"started_at":"{name}', 1)
        (place / "reports" / name / "run.jsonl").write_text("" if name == "2" else text)
    assert main([verb, "reports"]) == 0
    said = capfd.readouterr()
    assert said.out.count("plain-chat against" if verb == "report" else " flat  ") == 2, said
    assert said.err.count("left out: reports/2/run.jsonl") == 1


@pytest.mark.parametrize("verb", ["report", "history"])
def test_the_several_runs_of_one_call_are_found_in_its_folder_without_their_control(
    place: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], verb: str
) -> None:
    monkeypatch.chdir(place)
    for number, name in enumerate(("run-1", "run-2", "control")):
        (place / "reports" / "call" / name).mkdir(parents=True)
        line = FLAT.read_text().replace('"started_at":"', f'"started_at":"{number}', 1)
        (place / "reports" / "call" / name / "run.jsonl").write_text(line)
    for folder in ("reports", "reports/call"):
        assert main([verb, folder]) == 0
        said = capfd.readouterr().out
        assert said.count("plain-chat against" if verb == "report" else " flat  ") == 2, said


def test_an_output_that_nobody_reads_is_no_leak_and_no_defect() -> None:
    reader, writer = os.pipe()
    os.close(reader)
    for stderr in (subprocess.PIPE, writer):
        command = [sys.executable, "-m", "harness", "faults"]
        done = subprocess.run(command, stdout=writer, stderr=stderr, text=True, check=False)
        assert (done.returncode, done.stderr or "") == (128 + signal.SIGPIPE, "")
    os.close(writer)

"""What a machine and a server allow, told in words with what to do."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import threading
from pathlib import Path
from types import SimpleNamespace

import command
import pytest
from server_scripts import ECHO, ECHO_SCENARIO, written

from harness.experiment import checks
from harness.experiment.checks import Check, _interpreters, _trap


def doctor(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    (folder / "echo.py").write_text(ECHO_SCENARIO)
    return command.done(folder, "doctor", "echo.py", "--protocol", "plain", *words)


def test_a_healthy_server_is_shown_with_its_interpreter_and_what_the_probe_reads(
    tmp_path: Path,
) -> None:
    done = doctor(tmp_path, "--serve", written(tmp_path, ECHO))
    assert (done.returncode, done.stderr) == (0, "")
    found = {
        line[6:18].strip(): line[:4].strip()
        for line in done.stdout.splitlines()
        if not line.startswith(" ")
    }
    assert {
        "system",
        "/proc",
        "memory",
        "server",
        "compression",
        "allocator",
        "probe",
    } <= found.keys()
    assert "gc_objects" in done.stdout
    assert "permessage-deflate" in done.stdout


def test_a_server_that_does_not_come_up_is_told_and_fails(tmp_path: Path) -> None:
    done = doctor(tmp_path, "--serve", written(tmp_path, "raise SystemExit('no configuration')"))
    assert done.returncode == 2
    assert "no    server" in done.stdout
    assert "no configuration" in done.stdout  # of its log
    assert "Traceback" not in done.stderr


def test_a_process_whose_program_cannot_be_read_is_told_as_such() -> None:
    ended = subprocess.Popen(
        [sys.executable, "-c", ""]
    )  # and not waited for: what is left of it has no program
    os.waitid(os.P_PID, ended.pid, os.WEXITED | os.WNOWAIT)

    async def told() -> list[Check]:
        return [one async for one in _interpreters(SimpleNamespace(pids=lambda: [ended.pid]))]

    (check,) = asyncio.run(told())
    ended.wait()
    assert (
        check.finding
        == "what program it is cannot be read: memory and counters from outside, no causes"
    )


def test_a_process_that_ends_while_it_is_looked_at_is_told_as_such(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    ending = subprocess.Popen([sys.executable, "-c", "import signal; signal.pause()"])
    reaped = threading.Thread(target=ending.wait)
    reaped.start()
    ends = f"import os; os.kill({ending.pid}, 9)\nwhile os.path.exists('/proc/{ending.pid}'): pass"
    monkeypatch.setattr(checks, "_ASK_VERSION", ends)

    async def told() -> list[Check]:
        return [one async for one in _interpreters(SimpleNamespace(pids=lambda: [ending.pid]))]

    (check,) = asyncio.run(told())
    reaped.join()
    assert check.finding == "has ended while it was looked at"


@pytest.mark.parametrize(
    ("version", "says"),
    [
        ("3.14.2 cpython", "incremental collector"),
        ("3.14.5 cpython", ""),
        ("3.11.7 cpython", ""),
        ("3.8.1 cpython", "3.9 or later"),
        ("3.10.14 pypy", "made for CPython"),
    ],
)
def test_known_traps_of_interpreters_are_told(version: str, says: str) -> None:
    assert (says in _trap(version)) if says else not _trap(version)

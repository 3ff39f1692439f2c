"""Runs that are killed at moments spread from the start of the process on, and what they leave.

`python tests/support/kills.py 1000` does so a thousand times; it takes about an hour.
"""

from __future__ import annotations

import os
import shlex
import signal
import subprocess
import sys
import tempfile
import time
import uuid
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from server_scripts import ECHO, ECHO_SCENARIO, written

from harness.errors import RecordError
from harness.record.store import load_record

VARIABLE = "LEAK_HARNESS_KILL_TEST"
LIMIT_S = 20.0


@dataclass(frozen=True, slots=True)
class Left:
    """What is there after all kills, and one run that was not killed."""

    survivors: list[str]
    """Command lines of processes that lived on."""
    files: list[str]
    """Names in the folder for temporary files."""
    unreadable: list[str]
    """Why records cannot be read."""
    last_status: int
    """Of the run that was not killed."""


def kill_runs(folder: Path, kills: int, longest_s: float) -> Left:
    """Kill so many runs, the last one after `longest_s` seconds, then look.

    Args:
        folder: for run folders.
        kills: how many.
        longest_s: how long a run takes here.
    """
    mark = uuid.uuid4().hex
    survivors: list[str] = []
    with tempfile.TemporaryDirectory(prefix="k") as scratch:  # short: sockets are below it
        variables = {**os.environ, VARIABLE: mark, "TMPDIR": scratch}
        for number in range(kills):
            running = _start(folder, f"run-{number}", variables)
            time.sleep(longest_s * (number + 0.5) / kills)
            running.kill()
            running.wait()
            survivors += _after_a_while(mark)
        last = _start(folder, "last", variables)
        status = last.wait(120)
        return Left(
            survivors, [path.name for path in Path(scratch).iterdir()], _unreadable(folder), status
        )


def _start(folder: Path, out: str, variables: dict[str, str]) -> subprocess.Popen[bytes]:
    (folder / "echo.py").write_text(ECHO_SCENARIO)
    words = [sys.executable, "-m", "harness", "run", "echo.py", "--protocol", "plain"]
    words += ["--cycles", "5", "--grace", "0s", "--no-explain", "--out", out]
    return subprocess.Popen(
        [*words, "--serve", written(folder, ECHO)],
        cwd=folder,
        env=variables,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


def _after_a_while(mark: str) -> list[str]:
    """Those that still live after the limit; they are ended then."""
    until_s = time.monotonic() + LIMIT_S
    while (living := _marked(mark)) and time.monotonic() < until_s:
        time.sleep(0.05)
    for pid in living:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    return list(living.values())


def _marked(mark: str) -> dict[int, str]:
    wanted = f"{VARIABLE}={mark}".encode()
    found = {}
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            if wanted in (process / "environ").read_bytes().split(b"\0"):
                command = (process / "cmdline").read_bytes().split(b"\0")
                found[int(process.name)] = shlex.join(
                    word.decode(errors="replace") for word in command
                )
    return found


def _unreadable(folder: Path) -> list[str]:
    """A run that was killed before its first line has no record, which is none to read."""
    problems = []
    for path in folder.glob("*/run.jsonl"):
        if path.stat().st_size:
            try:
                load_record(path.parent)
            except RecordError as error:
                problems.append(str(error))
    return problems


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as runs:
        began_s = time.monotonic()
        kills = int(sys.argv[1]) if len(sys.argv) > 1 else 1000
        left = kill_runs(Path(runs), kills, longest_s=4.0)
        print(f"{kills} kills in {time.monotonic() - began_s:.0f}s: {left}")
        sys.exit(bool(left.survivors or left.files or left.unreadable or left.last_status))

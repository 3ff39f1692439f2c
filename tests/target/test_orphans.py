"""Nothing of a run outlives it, however it ends."""

from __future__ import annotations

import fcntl
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest
from kills import kill_runs
from server_scripts import ECHO, ECHO_SCENARIO, written

import harness
from harness.target.scratch import ScratchFolder, remove_stale

GUARDIAN = [sys.executable, "-I", "-S", str(Path(harness.__file__).parent / "target/guardian.py")]
SLEEPER = [sys.executable, "-c", "import time; time.sleep(86400)"]
GONE = "leak-harness-4194305-17-abcdefgh"
"""No process has that id: Linux counts to 4194304."""


def _until(condition: Callable[[], object], limit_s: float = 20.0) -> bool:
    until_s = time.monotonic() + limit_s
    while not condition():
        if time.monotonic() > until_s:
            return False
        time.sleep(0.02)
    return True


def _names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def _guardian(command: list[str]) -> subprocess.Popen[bytes]:
    words = [*GUARDIAN, *command]
    return subprocess.Popen(
        words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True
    )


def test_a_harness_that_is_gone_before_the_guardian_speaks_leaves_no_server() -> None:
    mark = f"{86400 + os.getpid()}"
    guardian = _guardian(["sleep", mark])
    assert guardian.stdin is not None
    assert guardian.stdout is not None
    guardian.stdin.close()
    guardian.stdout.close()
    assert guardian.wait(20) == 0
    assert not [
        process
        for process in psutil.process_iter(["cmdline"])
        if process.info["cmdline"] == ["sleep", mark]
    ]


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGHUP])
def test_a_server_ends_with_its_guardian(number: signal.Signals) -> None:
    with _guardian(SLEEPER) as guardian:
        assert guardian.stdout is not None
        server = psutil.Process(int(guardian.stdout.readline().split()[1]))
        guardian.send_signal(number)
        guardian.wait(20)
        assert _until(lambda: not server.is_running() or server.status() == psutil.STATUS_ZOMBIE)


def test_a_folder_whose_process_is_gone_is_removed(tmp_path: Path) -> None:
    (tmp_path / GONE).mkdir()
    (tmp_path / GONE / "1.sock").touch()
    remove_stale(str(tmp_path))
    assert _names(tmp_path) == []


def test_a_folder_that_is_locked_or_that_a_message_names_stays(tmp_path: Path) -> None:
    (tmp_path / GONE).mkdir()
    lock = os.open(tmp_path / GONE, os.O_RDONLY)
    fcntl.flock(lock, fcntl.LOCK_EX)
    kept = ScratchFolder(str(tmp_path))
    kept.keep()
    named = tmp_path / GONE.replace("17", "18")
    kept.path.rename(named)
    remove_stale(str(tmp_path))
    os.close(lock)
    assert _names(tmp_path) == [GONE, named.name]


def test_a_folder_of_a_run_that_goes_on_stays_and_no_other_folder_is_touched(
    tmp_path: Path,
) -> None:
    mine = ScratchFolder(str(tmp_path))
    for name in ("leak-harness-notes", "other"):
        (tmp_path / name).mkdir()
    remove_stale(str(tmp_path))
    assert len(_names(tmp_path)) == 3
    mine.remove()
    assert _names(tmp_path) == ["leak-harness-notes", "other"]


def test_sighup_ends_a_run_as_sigterm_does_with_its_reports(tmp_path: Path) -> None:
    (tmp_path / "echo.py").write_text(ECHO_SCENARIO)
    words = [sys.executable, "-m", "harness", "run", "echo.py", "--protocol", "plain", "--out", "r"]
    served = written(tmp_path, ECHO)
    with subprocess.Popen([*words, "--serve", served], cwd=tmp_path, stderr=subprocess.PIPE) as run:
        record = tmp_path / "r" / "run.jsonl"
        assert _until(lambda: record.exists() and b'"cycle"' in record.read_bytes(), 60)
        run.send_signal(signal.SIGHUP)
        run.communicate(timeout=60)
        assert run.returncode == 130
    assert (tmp_path / "r" / "result.json").exists()


@pytest.mark.slow
def test_of_runs_that_are_killed_at_any_moment_nothing_is_left(tmp_path: Path) -> None:
    left = kill_runs(tmp_path, kills=20, longest_s=4.0)
    assert (left.survivors, left.files, left.unreadable) == ([], [], [])
    assert left.last_status == 3  # five cycles are too few for a verdict

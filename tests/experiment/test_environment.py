"""Odd surroundings: few descriptors, a plain locale, no home, a notebook's variables, a pause."""

from __future__ import annotations

import json
import os
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from server_scripts import ECHO, ECHO_SCENARIO, written

from harness.errors import UsageError
from harness.experiment.machine import check_descriptors
from harness.record.store import load_record


def _words(folder: Path, *more: str) -> list[str]:
    (folder / "echo.py").write_text(ECHO_SCENARIO)
    words = [sys.executable, "-m", "harness", "run", "echo.py", "--protocol", "plain", "--out", "r"]
    words += ["--grace", "0s", "--no-explain", "--serve", written(folder, ECHO)]
    return [*words, *more]


def _few_descriptors() -> None:
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (256, most))


def test_too_few_descriptors_are_told_before_the_run(tmp_path: Path) -> None:
    run = subprocess.run(
        _words(tmp_path, "--cycles", "1", "--sessions", "500", "--concurrency", "500"),
        cwd=tmp_path,
        preexec_fn=_few_descriptors,
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert run.returncode == 2
    assert "500 sessions at once need 560 descriptors, 256 are allowed" in run.stderr
    assert not (tmp_path / "r").exists()


def test_a_limit_that_is_wide_enough_is_not_told() -> None:
    check_descriptors(1)
    with pytest.raises(UsageError, match="descriptors"):
        check_descriptors(1 << 40)


@pytest.mark.parametrize(
    "variables",
    [
        {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
        {"PYTHONIOENCODING": "ascii:strict"},
        {"HOME": "/nonexistent", "MPLCONFIGDIR": "", "XDG_CACHE_HOME": "/nonexistent"},
        {"MPLBACKEND": "module://matplotlib_inline.backend_inline"},
    ],
    ids=["locale", "ascii", "home", "notebook"],
)
def test_a_run_ends_as_ever_whatever_its_variables(
    tmp_path: Path, variables: dict[str, str]
) -> None:
    run = subprocess.run(
        _words(tmp_path, "--cycles", "2"),
        cwd=tmp_path,
        env={**os.environ, **variables},
        capture_output=True,
        timeout=100,
        check=False,
    )
    assert run.returncode == 3, run.stderr
    assert json.loads((tmp_path / "r" / "result.json").read_text("utf-8"))["cycles"] == 2
    assert (tmp_path / "r" / "report.html").exists()


def _until(condition: Callable[[], object], limit_s: float = 60.0) -> None:
    until_s = time.monotonic() + limit_s
    while not condition():
        assert time.monotonic() < until_s
        time.sleep(0.02)


@pytest.mark.slow
def test_a_pause_of_the_harness_is_told_as_a_gap(tmp_path: Path) -> None:
    with subprocess.Popen(
        _words(tmp_path, "--cycles", "5", "--settle", "1s"), cwd=tmp_path, stderr=subprocess.PIPE
    ) as run:
        record = tmp_path / "r" / "run.jsonl"
        _until(lambda: record.exists() and b'"cycle"' in record.read_bytes())
        run.send_signal(signal.SIGSTOP)
        time.sleep(6)  # the pause itself
        run.send_signal(signal.SIGCONT)
        run.communicate(timeout=100)
    told = [incident.what for incident in load_record(tmp_path / "r").incidents]
    assert any("there is no sample for" in what for what in told), told

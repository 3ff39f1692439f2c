"""A server one of whose processes misbehaves: the others are still measured inside."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from lying_probe import PROBE
from server_scripts import ECHO, ECHO_SCENARIO, written

from harness.record.store import load_record

FORKS = """
child = subprocess.Popen([sys.executable, *FLAGS, "-c", CHILD])
"""
STOPPED = "import os, signal, time; time.sleep(3); os.kill(os.getpid(), signal.SIGSTOP)"
HOLDS_THE_LOCK = """
import ctypes, time
time.sleep(3)
ctypes.PyDLL(None).usleep(600_000_000)
"""
SAYS_ERRORS = f"""
{PROBE}
import time
start({{"sample": {{"error": "no room"}}, "census": {{"error": "no room"}}}})
time.sleep(600)
"""
GREETS_AND_FALLS_SILENT = """
import os, socket, time
listener = socket.socket(socket.AF_UNIX)
listener.bind(f"{os.environ['LEAK_HARNESS_PROBE']}/{os.getpid()}.sock")
listener.listen()
time.sleep(600)
"""


@pytest.mark.slow
@pytest.mark.parametrize(
    ("child", "flags", "reason"),
    [
        (STOPPED, [], "it is stopped"),
        (HOLDS_THE_LOCK, [], "did not answer"),
        (SAYS_ERRORS, ["-E"], "no room"),
        (GREETS_AND_FALLS_SILENT, ["-E"], "it sleeps"),
    ],
    ids=["stopped", "lock", "errors", "silent"],
)
def test_it_is_left_out_and_told_once_and_the_run_goes_on(
    tmp_path: Path, child: str, flags: list[str], reason: str
) -> None:
    (tmp_path / "echo.py").write_text(ECHO_SCENARIO)
    served = written(tmp_path, f"CHILD = {child!r}\nFLAGS = {flags!r}\n{FORKS}\n{ECHO}")
    words = ["run", "echo.py", "--protocol", "plain", "--cycles", "4", "--settle", "1s"]
    done = subprocess.run(
        [sys.executable, "-m", "harness", *words, "--grace", "0s", "--out", "r", "--serve", served],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    record = load_record(tmp_path / "r")
    assert len(record.cycles) == 4, done.stderr
    assert all("blocks" in rest.values for rest in record.rests)
    told = [incident.what for incident in record.incidents if "left out" in incident.what]
    assert told
    assert all(reason in what for what in told)
    assert len(told) == len(set(told)) <= 2  # of samples, and of censuses
    assert record.censuses
    assert any(incident.source == "process" for incident in record.incidents)

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import psutil

import harness

GUARDIAN = Path(harness.__file__).parent / "target" / "guardian.py"
LEAVES_ITS_GROUP = """
import os, subprocess, sys, time
sleeps = [sys.executable, "-c", "import time; time.sleep(600)"]
child = subprocess.Popen(sleeps, start_new_session=True)
print(child.pid, flush=True, file=sys.stderr)
time.sleep(600)
"""


def test_every_descendant_ends_with_the_harness_even_one_that_left_the_process_group(
    tmp_path: Path,
) -> None:
    command = [sys.executable, "-I", "-S", str(GUARDIAN), sys.executable, "-c", LEAVES_ITS_GROUP]
    guardian = subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    with guardian:
        assert guardian.stdin is not None
        assert guardian.stdout is not None
        assert guardian.stderr is not None
        server = int(guardian.stdout.readline().split()[1])
        grandchild = int(guardian.stderr.readline())
        assert psutil.pid_exists(server)
        assert psutil.pid_exists(grandchild)
        guardian.stdin.close()
        guardian.wait(60)
    assert not psutil.pid_exists(server)
    assert not psutil.pid_exists(grandchild)

"""A small process above the server: reaps and, when the harness is gone, ends every descendant.

Started as `python -I -S guardian.py COMMAND...`. Prints `started PID` or `failed WHY`, then `exited
STATUS`. It waits for the end of its standard input: closed by the harness, or by the kernel when
that was killed. Standard library only; as a child subreaper it inherits whatever leaves the
server's process group.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import select
import signal
import subprocess
import sys
from pathlib import Path

PR_SET_CHILD_SUBREAPER = 36


def main() -> None:
    """Start the command and stay until standard input ends."""
    ctypes.CDLL(None, use_errno=True).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    try:
        server = subprocess.Popen(
            sys.argv[1:],
            stdin=subprocess.DEVNULL,
            stdout=sys.stderr,
            stderr=sys.stderr,
            start_new_session=True,
        )
    except OSError as error:
        print(f"failed {error.strerror}: {sys.argv[1]}", flush=True)
        return
    print(f"started {server.pid}", flush=True)
    # A server that prints to a full pipe would hang; stderr here is the log file itself.
    while not select.select([sys.stdin], [], [], 0.05)[0]:
        _reap(server.pid)
    while descendants := _descendants():
        for pid in descendants:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        _reap(server.pid)


def _reap(server_pid: int) -> None:
    with contextlib.suppress(ChildProcessError):
        while True:
            pid, status = os.waitpid(-1, os.WNOHANG)
            if pid == 0:
                return
            if pid == server_pid:
                with contextlib.suppress(BrokenPipeError):
                    print(f"exited {os.waitstatus_to_exitcode(status)}", flush=True)


def _descendants() -> list[int]:
    """Pids below this one, zombies included until they are reaped."""
    descendants: list[int] = []
    waiting = [os.getpid()]
    while waiting:
        for task in Path(f"/proc/{waiting.pop()}/task").glob("*"):
            with contextlib.suppress(OSError):
                children = [int(pid) for pid in (task / "children").read_text().split()]
                descendants += children
                waiting += children
    return descendants


if __name__ == "__main__":
    main()

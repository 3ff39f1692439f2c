"""A small process above the server: reaps and, when the harness is gone, ends every descendant.

Started as `python -I -S guardian.py COMMAND...`. Prints `started PID` or `failed WHY`, then `exited
STATUS`. The harness is gone when standard input ends or when this process has another parent: both
are the kernel's doing where the harness was killed. It is asked before the server is started, too:
a harness that is killed in between leaves no server. Standard library only; as a child subreaper it
inherits whatever leaves the server's process group.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import select
import signal
import subprocess
import sys
import time
from pathlib import Path

PR_SET_PDEATHSIG = 1
PR_SET_CHILD_SUBREAPER = 36
POLL_S = 0.05
KILL_PAUSE_S = 0.01
_libc = ctypes.CDLL(None, use_errno=True)


class _Harness:
    """Who has started this process."""

    def __init__(self) -> None:
        self._parent = os.getppid()
        self._was_told = False
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, self._hear)

    def _hear(self, *_: object) -> None:
        self._was_told = True

    def is_gone(self, wait_s: float) -> bool:
        """Whether the server has to end; known after `wait_s` seconds at the latest."""
        if self._was_told or os.getppid() != self._parent:
            return True
        return bool(select.select([sys.stdin], [], [], wait_s)[0])


def main() -> None:
    """Start the command and stay until the harness is gone."""
    harness = _Harness()
    _libc.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    if harness.is_gone(0):
        return
    try:
        server = subprocess.Popen(
            sys.argv[1:],
            stdin=subprocess.DEVNULL,
            stdout=sys.stderr,
            stderr=sys.stderr,
            start_new_session=True,
            preexec_fn=_end_with_guardian,  # noqa: PLW1509 - there is one thread here
        )
    except OSError as error:
        _say(f"failed {error.strerror}: {sys.argv[1]}")
        return
    _say(f"started {server.pid}")
    # A server that prints to a full pipe would hang; stderr here is the log file itself.
    while not harness.is_gone(POLL_S):
        _reap(server.pid)
    while descendants := _descendants():
        for pid in descendants:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(pid, signal.SIGKILL)
        _reap(server.pid)
        time.sleep(KILL_PAUSE_S)


def _say(text: str) -> None:
    """Tell the harness, which may be gone: then the server ends soon, and nobody needs to know."""
    with contextlib.suppress(OSError):
        os.write(1, f"{text}\n".encode(errors="replace"))


def _end_with_guardian() -> None:
    """In the server, before its program begins: when the guardian is killed, it ends, too."""
    _libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)


def _reap(server_pid: int) -> None:
    with contextlib.suppress(ChildProcessError):
        while True:
            pid, status = os.waitpid(-1, os.WNOHANG)
            if pid == 0:
                return
            if pid == server_pid:
                _say(f"exited {os.waitstatus_to_exitcode(status)}")


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

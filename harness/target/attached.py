"""A server that runs already: its process and all below it are looked at, and never stopped."""

from __future__ import annotations

import asyncio
import os
import pwd
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Final

import psutil

from ..errors import NoSuchProcess, NotPermitted, ServerExited, ServerNotReady
from .probe_client import ProbeLink
from .process_tree import descendants
from .sampler import Sampler

READY_STEP_S: Final = 0.1


class Attached:
    """The process with this id, and its children.

    Raises:
        NoSuchProcess: there is none.
        NotPermitted: its memory may not be read.
    """

    def __init__(self, pid: int) -> None:
        self.pid = pid
        try:
            self._process = psutil.Process(pid)
            Path(f"/proc/{pid}/smaps_rollup").read_bytes()
        except (psutil.NoSuchProcess, FileNotFoundError, ProcessLookupError) as error:
            raise NoSuchProcess(
                f"there is no process {pid}", hint="see `ps -ef` for those that run"
            ) from error
        except (psutil.AccessDenied, PermissionError) as error:
            raise NotPermitted(
                f"the memory of process {pid} ({_owner(pid)}) may not be read by "
                f"{_name(os.getuid())}",
                why=f"kernel.yama.ptrace_scope is {_ptrace_scope()}; a process of another user "
                f"needs root at any value",
                hint="run leak-harness as the same user or as root; in a container give it "
                "SYS_PTRACE",
            ) from error

    @property
    def exit_status(self) -> int | None:
        """None while it runs; how another's process ended is not known, so that any end is -1."""
        return (
            None
            if self._process.is_running() and self._process.status() != psutil.STATUS_ZOMBIE
            else -1
        )

    def check_alive(self) -> None:
        """Raise `ServerExited` when the process has ended."""
        if self.exit_status is not None:
            raise ServerExited(f"process {self.pid} has ended", hint="see the server's own log")

    async def ended_within(self, limit_s: float) -> bool:  # noqa: ARG002
        """Whether the process has ended; another's process is not waited for."""
        return self.exit_status is not None

    async def wait_ready(self, why_not: Callable[[], Awaitable[str]], limit_s: float) -> None:
        """See that it answers.

        Raises:
            ServerExited: it has ended.
            ServerNotReady: it does not answer within the limit.
        """
        await until_ready(
            why_not, self.check_alive, limit_s, "is --url the address of this process?"
        )

    def processes(self) -> list[psutil.Process]:
        """The process, and all below it."""
        try:
            return [
                self._process,
                *sorted(self._process.children(recursive=True), key=lambda process: process.pid),
            ]
        except psutil.NoSuchProcess:
            return []

    def pids(self) -> list[int]:
        """The processes' ids."""
        return [process.pid for process in self.processes()]

    def tree(self) -> list[int]:
        """Their ids, read in a way that any thread may use."""
        return [self.pid, *descendants(self.pid)]

    def sampler(self, probe: ProbeLink | None, began_s: float) -> Sampler:
        """What reads its processes; `began_s` is the monotonic time at which the run began."""
        return Sampler(self.processes, probe, began_s)

    async def stop(self) -> None:
        """It is not ours to stop."""


async def until_ready(
    why_not: Callable[[], Awaitable[str]], check: Callable[[], None], limit_s: float, hint: str
) -> None:
    """Wait for a server that somebody else has started.

    Raises:
        ServerNotReady: it does not answer within the limit.
    """
    deadline_s = time.monotonic() + limit_s
    while why := await why_not():
        check()
        if time.monotonic() > deadline_s:
            raise ServerNotReady(
                f"the server did not answer a WebSocket handshake within {limit_s:g}s",
                why=why,
                hint=hint,
            )
        await asyncio.sleep(READY_STEP_S)
    check()


def _owner(pid: int) -> str:
    try:
        return f"user {_name(Path(f'/proc/{pid}').stat().st_uid)}"
    except OSError:
        return "of another user"


def _name(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)


def _ptrace_scope() -> str:
    try:
        return Path("/proc/sys/kernel/yama/ptrace_scope").read_text(encoding="ascii").strip()
    except OSError:
        return "absent"

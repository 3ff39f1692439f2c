"""The server under test as processes: launched below the guardian, its tree, its log, its end."""

from __future__ import annotations

import asyncio
import contextlib
import os
import random
import re
import signal
import socket
import sys
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final

import psutil

from ..errors import ServerError, ServerExited, ServerNotReady, UsageError
from .log_lines import LogLines, tail
from .probe_client import ProbeLink
from .process_tree import descendants
from .sampler import Sampler
from .scratch import ScratchFolder, remove_stale

STOP_LIMIT_S = 5.0


SERVER_PORTS: Final = range(10_000, 32_768)
"""Below what Linux gives to outgoing connections: none of those takes the port before the server
does.
"""
PORTS_TRIED: Final = 1000
"""To draw them all takes 35 ms, and where a thousand are taken the others are, too."""


def free_port() -> int:
    """A TCP port of loopback that nobody listens on now; at random, for another run may be
    looking, too.
    """
    for port in random.SystemRandom().sample(SERVER_PORTS, PORTS_TRIED):
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port
    raise ServerError(
        "no port of loopback is free", hint="end some of the servers that listen there"
    )


@contextlib.contextmanager
def trial_log() -> Iterator[Path]:
    """Where a server that is started for a moment writes: removed, unless a `ServerError` leaves
    that may name it.
    """
    folder = ScratchFolder()
    is_kept = False
    try:
        yield folder.path / "server.log"
    except ServerError:
        is_kept = any(folder.path.iterdir())
        raise
    finally:
        if is_kept:
            folder.keep()
        else:
            folder.remove()


class Server:
    """A server that this run started and ends."""

    def __init__(
        self,
        guardian: asyncio.subprocess.Process,
        pid: int,
        log: Path,
        ready_log: re.Pattern[str] | None = None,
    ) -> None:
        self.pid = pid
        self.exit_status: int | None = None
        self._ready_log = ready_log
        self._guardian = guardian
        self._log = log
        self._lines = LogLines(log, from_end=False)
        self._said_ready = False
        self._exited = asyncio.Event()
        self._watching = asyncio.create_task(self._watch())

    @classmethod
    async def launch(
        cls,
        command: Sequence[str],
        *,
        environment: Mapping[str, str],
        folder: Path | None,
        log: Path,
        ready_log: re.Pattern[str] | None = None,
    ) -> Server:
        """Start the command below a guardian, in a process group of its own, its output appended to
        `log`.

        It is ready when it answers a handshake; or, with `ready_log`, when a line of its log has
        that in it.

        Raises:
            UsageError: the command cannot be started.
        """
        remove_stale()
        with log.open("ab") as output:
            guardian = await asyncio.create_subprocess_exec(
                *(
                    sys.executable,
                    "-I",
                    "-S",
                    str(Path(__file__).with_name("guardian.py")),
                    *command,
                ),
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=output,
                env=dict(environment),
                cwd=folder,
                start_new_session=True,
            )
        assert guardian.stdout is not None
        word, _, rest = (await guardian.stdout.readline()).decode().strip().partition(" ")
        if word != "started":
            await guardian.wait()
            raise UsageError(
                f"the server's command cannot be started: {rest}",
                hint="check --serve, --cwd and PATH",
            )
        return cls(guardian, int(rest), log, ready_log)

    async def _watch(self) -> None:
        assert self._guardian.stdout is not None
        async for line in self._guardian.stdout:
            word, _, rest = line.decode().strip().partition(" ")
            if word == "exited":
                self.exit_status = int(rest)
                self._exited.set()

    async def wait_ready(self, why_not: Callable[[], Awaitable[str]], limit_s: float) -> None:
        """Wait until `why_not` has nothing to say.

        Raises:
            ServerExited: it ended before.
            ServerNotReady: it did not answer within the limit.
        """
        deadline_s = time.monotonic() + limit_s
        while why := self._silence(self._ready_log) if self._ready_log else await why_not():
            self.check_alive()
            if time.monotonic() > deadline_s:
                raise ServerNotReady(
                    f"the server was not ready within {limit_s:g}s: {why}",
                    why=self._last_words(),
                    hint="is the pattern right?"
                    if self._ready_log
                    else "does it listen on {port} or $PORT, and is the path of --url right?",
                )
            await asyncio.sleep(0.05)
        self.check_alive()  # or else another server has taken the port, and answered

    def check_alive(self) -> None:
        """Raise `ServerExited` when the server's process has ended."""
        if self.exit_status is not None:
            raise ServerExited(
                f"the server ended with status {self.exit_status}",
                why=self._last_words(),
                hint="run its command by hand",
            )

    def processes(self) -> list[psutil.Process]:
        """The server's living processes, the one that was started first; the guardian is not
        among them.
        """
        try:
            below = psutil.Process(self._guardian.pid).children(recursive=True)
        except psutil.NoSuchProcess:
            return []
        return sorted(below, key=lambda process: (process.pid != self.pid, process.pid))

    def pids(self) -> list[int]:
        """The processes' ids."""
        return [process.pid for process in self.processes()]

    def tree(self) -> list[int]:
        """Their ids, read in a way that any thread may use."""
        return descendants(self._guardian.pid)

    def sampler(self, probe: ProbeLink | None, began_s: float) -> Sampler:
        """What reads its processes; `began_s` is the monotonic time at which the run began."""
        return Sampler(self.processes, probe, began_s)

    def _silence(self, pattern: re.Pattern[str]) -> str:
        self._said_ready |= any(pattern.search(line) for line in self._lines.new())
        return "" if self._said_ready else f"it wrote no line with '{pattern.pattern}'"

    async def ended_within(self, limit_s: float) -> bool:
        """Whether its process has ended, or does so soon: its connections break before the
        guardian knows.
        """
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._exited.wait(), limit_s)
        return self.exit_status is not None

    def _last_words(self) -> str:
        return f"the last lines of its log, {self._log}:\n{self.log_tail()}"

    def log_tail(self, lines: int = 12) -> str:
        """The last lines of the server's log, indented."""
        last = tail(self._log, lines)
        return "\n".join(f"    {line}" for line in last) or "    (empty)"

    async def stop(self) -> None:
        """SIGTERM to its process group, then, after a while, SIGKILL to every descendant."""
        if self.exit_status is None:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self.pid, signal.SIGTERM)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._exited.wait(), STOP_LIMIT_S)
        assert self._guardian.stdin is not None
        self._guardian.stdin.close()
        await self._guardian.wait()
        await self._watching

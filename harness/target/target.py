"""The server under test, whichever it is: launched, running already, or somewhere else."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import psutil

from harness.record.record import FastSample, RestSample
from harness.target.attached import Attached
from harness.target.launched import Server
from harness.target.probe_client import ProbeLink
from harness.target.remote import Remote, RemoteSampler, Source
from harness.target.sampler import Sampler


@dataclass(frozen=True, slots=True)
class Target:
    """Which server, and how it is come by: the command that starts it, its process, or a source
    of numbers.
    """

    command: Sequence[str]
    words: dict[str, str]
    """What the record says of it."""
    environment: Mapping[str, str]
    folder: Path | None = None
    probe: bool = True
    ready_log: re.Pattern[str] | None = None
    """Of a server that is launched: it is ready once a line of its log has this in it."""
    ready_limit_s: float = 30.0
    """Seconds until it has to answer."""
    pid: int | None = None
    attach_probe: bool = False
    """Put the probe into a process that runs already."""
    source: Source | None = None
    log: Path | None = None
    """Of a server that this run does not launch."""

    @property
    def is_launched(self) -> bool:
        """Whether this run starts it, and ends it."""
        return self.pid is None and self.source is None


class ServerUnderTest(Protocol):
    """What a run needs of it."""

    pid: int
    """0 where that is not known."""

    @property
    def exit_status(self) -> int | None:
        """None while it lives."""
        ...

    def check_alive(self) -> None:
        """Raise `ServerExited` when it has ended."""
        ...

    async def wait_ready(self, why_not: Callable[[], Awaitable[str]], limit_s: float) -> None:
        """Wait until it answers: `why_not` then has nothing to say."""
        ...

    def processes(self) -> list[psutil.Process]:
        """Its living processes."""
        ...

    def pids(self) -> list[int]:
        """Their ids."""
        ...

    async def stop(self) -> None:
        """End it, where this run has started it."""
        ...


class AnySampler(Protocol):
    """Where a run's samples come from."""

    async def used_ns(self) -> float:
        """On-CPU time so far."""
        ...

    async def fast_sample(self) -> FastSample:
        """What is cheap to read; without values where there is nothing new."""
        ...

    async def rest(
        self, cycle: int, sessions: int, *, idle: bool = False, collect: bool = True
    ) -> RestSample:
        """A sample of everything, once the server has come to rest."""
        ...


async def open_server(target: Target, environment: Mapping[str, str], log: Path) -> ServerUnderTest:
    """Launch it or find it.

    Raises:
        UsageError: its command cannot be started.
        ServerError: its process cannot be looked at.
    """
    if target.pid is not None:
        return Attached(target.pid)
    if target.source is not None:
        return Remote(target.source)
    return await Server.launch(
        target.command,
        environment=environment,
        folder=target.folder,
        log=log,
        ready_log=target.ready_log,
    )


def sampler_of(server: ServerUnderTest, probe: ProbeLink | None, began_s: float) -> AnySampler:
    """The sampler that fits; `began_s` is the monotonic time at which the run began."""
    if isinstance(server, Remote):
        return RemoteSampler(server.source, began_s)
    return Sampler(server.processes, probe, began_s)

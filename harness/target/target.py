"""What a target is: a way to reach a server under test. Each is one file in `ways`.

A target is a frozen dataclass whose fields are its options, so that a program writes
`Serve("uvicorn app:app --port {port}")` and a command line `--serve "..."`. What makes it work is
imported by its `open`, so that `--help` stays light.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Final, Protocol

from ..option import FLAG, PAIRS, PATH, TEXT, TIME, Option, from_option

if TYPE_CHECKING:
    import psutil

    from ..record.record import FastSample, RestSample
    from .probe_client import ProbeLink

LAUNCHED_READY_LIMIT_S: Final = 30.0
"""For a server that the run starts."""
NOT_ATTACHED: Final = "the server ran already; --attach-probe puts the probe into it"
ELSEWHERE: Final = "the server is somewhere else"

ENV: Final = Option("env", PAIRS, "Set a variable in the environment of the server.")
URL: Final = Option(
    "url",
    TEXT,
    "The WebSocket address of the server. {port} in it becomes the port that --serve gets. Without"
    " a path, it gets that of the scenario or protocol.",
    metavar="URL",
    default_text="ws://127.0.0.1:{port} with --serve",
)
LOG: Final = Option(
    "log",
    PATH,
    "The log file of a server that this run does not start.",
    metavar="FILE",
)
ATTACH_PROBE: Final = Option(
    "attach-probe",
    FLAG,
    "Put the probe into the running process. It needs CPython 3.14 or gdb.",
    default=False,
)
READY_LIMIT: Final = Option(
    "ready-limit",
    TIME,
    "The longest wait for the first answer of the server.",
    default_text="30s for a server that this run starts, 10s for others",
)


@dataclass(frozen=True, slots=True)
class Start:
    """What a server is opened with."""

    port: str
    """A free port of this machine, for a server that is started."""
    environment: Mapping[str, str]
    """The whole environment of a server that is started."""
    log: Path
    """Where a server that is started writes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Target(ABC):
    """A way to reach a server."""

    NAME: ClassVar[str]
    """Its name in records."""
    HELP_NAME: ClassVar[str]
    """How messages call it: `--serve`, `the embedded server`."""
    CHOSEN_BY: ClassVar[str] = ""
    """The key of the option that chooses it; empty where it is chosen when nothing else is."""
    LAUNCHES: ClassVar[bool] = False
    """Whether the run starts the server, and ends it."""
    READY_LIMIT_S: ClassVar[float] = 10.0
    """Seconds until the server has to answer, where `--ready-limit` does not say."""
    NEEDS: ClassVar[str] = ""
    """What is missing for a run, where no memory can be read this way; empty: nothing."""

    ready_limit_s: float | None = from_option(READY_LIMIT)
    """How long the server may take until it answers, in seconds. None: `READY_LIMIT_S`."""

    def check(self) -> None:  # noqa: B027 - most targets have nothing to see
        """See before anything starts that what was asked for can be done.

        Raises:
            UsageError: it cannot.
        """

    def address(self, port: str) -> str:  # noqa: ARG002
        """The WebSocket address that was given, with the port in it; empty where none was."""
        return ""

    def words(self, port: str) -> dict[str, str]:  # noqa: ARG002
        """What the record says of this server, apart from its mode and its address.

        Raises:
            HarnessError: the server that is meant is not there.
        """
        return {}

    @abstractmethod
    async def open(self, start: Start) -> ServerUnderTest:
        """Start the server, or find it.

        Raises:
            UsageError: its command cannot be started.
            ServerError: its process cannot be looked at.
        """

    @property
    def variables(self) -> Mapping[str, str]:
        """What is set in the environment of a server that is started."""
        return {}

    @property
    def folder(self) -> Path | None:
        """Where a server is started; None: in the current folder."""
        return None

    @property
    def no_probe(self) -> str:
        """Why the probe cannot be in this server; empty where it can."""
        return ""

    @property
    def attaches_probe(self) -> bool:
        """Whether the probe is put into a process that runs already."""
        return False

    @property
    def log_file(self) -> Path | None:
        """The log of a server that this run does not start."""
        return None


@dataclass(frozen=True, slots=True, kw_only=True)
class Running(Target):
    """A server that somebody else has started. It is never stopped, and takes no probe."""

    url: str | None = from_option(URL)
    """Its WebSocket address."""
    log: Path | None = from_option(LOG)
    """Its log file."""

    def address(self, port: str) -> str:
        """The address that was given."""
        return (self.url or "").replace("{port}", port)

    @property
    def no_probe(self) -> str:
        """Nothing is put into a server that may be elsewhere."""
        return ELSEWHERE

    @property
    def log_file(self) -> Path | None:
        """The server's log, where `--log` names one."""
        return self.log


@dataclass(frozen=True, slots=True, kw_only=True)
class LocalProcess(Running):
    """A process of this machine, and its children. The probe is put into it only on demand."""

    attach_probe: bool = from_option(ATTACH_PROBE)
    """Whether the probe is put into the process."""

    @property
    def no_probe(self) -> str:
        """Unasked, nothing is put into a process of somebody else."""
        return "" if self.attach_probe else NOT_ATTACHED

    @property
    def attaches_probe(self) -> bool:
        """Whether `--attach-probe` asks for it."""
        return self.attach_probe


class ServerUnderTest(Protocol):
    """A server that was opened: what a run needs of it."""

    pid: int
    """0 where that is not known."""

    @property
    def exit_status(self) -> int | None:
        """None while it lives."""
        ...

    def check_alive(self) -> None:
        """Raise `ServerExited` when it has ended."""
        ...

    async def ended_within(self, limit_s: float) -> bool:
        """Whether it has ended, or does so within the limit, as far as that can be known."""
        ...

    async def wait_ready(self, why_not: Callable[[], Awaitable[str]], limit_s: float) -> None:
        """Wait until it answers: `why_not` then has nothing to say."""
        ...

    def processes(self) -> list[psutil.Process]:
        """Its living processes."""
        ...

    def pids(self) -> list[int]:
        """The processes' ids."""
        ...

    def tree(self) -> list[int]:
        """Their ids, read in a way that any thread may use."""
        ...

    def sampler(self, probe: ProbeLink | None, began_s: float) -> AnySampler:
        """What reads it; `began_s` is the monotonic time at which the run began."""
        ...

    async def stop(self) -> None:
        """End it, where this run has started it."""
        ...


class AnySampler(Protocol):
    """Where the samples of a run come from."""

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

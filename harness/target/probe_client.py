"""Our end of the talk with the probes: one private folder, one connection to each Python process
of the server.
"""

from __future__ import annotations

import asyncio
import os
import shutil
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from tempfile import gettempdir, mkdtemp
from typing import Annotated, Any, Final, TypeVar

import msgspec

from harness.errors import ProbeError, ProbeSilent, ProbeVersionMismatch
from harness.probe import wire
from harness.record.record import Bounded, TaskGroup, Values

INJECTED: Final = Path(__file__).parents[1] / "probe" / "inject"
GREETING_LIMIT_S: Final = 4.0
ATTACHED_LIMIT_S: Final = 10.0
ANSWER_LIMIT_S: Final = 60.0
_POLL_S: Final = 0.02
_SHOWN: Final = 80
"""Of a malformed answer: so many of its first bytes."""
_SOCKET_PATH_BYTES: Final = 107
"""Linux: sockaddr_un.sun_path holds 108 bytes, the last of them 0."""

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Collection:
    """What collecting in one process found."""

    found: tuple[int, ...]
    """Unreachable objects, by collection."""
    took_s: float
    loop_answered: bool | None
    """Whether all event loops took part in time; None where none is running."""
    trimmed: bool
    """Whether malloc was told to give its free pages back."""


Count = Annotated[int, msgspec.Meta(ge=0)]


@dataclass(frozen=True, slots=True)
class CensusAnswer:
    """What one process says of its heap."""

    names: dict[str, int]
    """Tracked objects by qualified type or code."""
    tasks: tuple[TaskGroup, ...]
    bounded: tuple[Bounded, ...]
    """Their `id` is that of the object alone."""
    threads: dict[str, int]
    labels: dict[str, str]
    apart: tuple[Count, ...]
    """Identities of containers that are not to be followed."""
    lengths: str
    """The file with the lengths of containers, for the caller to remove."""
    skipped: dict[str, int] = field(default_factory=dict)
    """What could not be read, counted by reason."""


@dataclass(frozen=True, slots=True)
class HomeAnswer:
    """What a container hangs on."""

    names: tuple[str, ...]
    files: tuple[str, ...]
    numbers: dict[str, int]
    own: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class CauseAnswer:
    """What one process says of a thing that piles up; the fields are those of `Cause`."""

    chain: tuple[str, ...] = ()
    name: str = ""
    owner: str = ""
    made_at: str = ""
    made_by: str = ""
    bytes: int = 0
    objects: int = 0
    of: str = ""
    state: str = ""
    unreached: bool = False
    closed_s: float | None = None
    home: HomeAnswer | None = None
    graph: str = ""


@dataclass(frozen=True, slots=True)
class GarbageAnswer:
    """What a collection in one process found."""

    names: dict[str, int]
    made: dict[str, CauseAnswer]
    bytes: int


@dataclass(frozen=True, slots=True)
class NativeAnswer:
    """The file into which memray writes, or why there is none."""

    path: str
    problem: str


class ProbeLink:
    """Finds the probes of a server, its workers and children, and asks all of them at once.

    Processes that have come since the last question are found, those that have ended are dropped.

    Raises:
        ProbeError: no folder for sockets can be made.
    """

    def __init__(self) -> None:
        self._folder = _private_folder()
        self._idle: dict[int, _Peer] = {}
        self._asking = asyncio.Lock()

    @property
    def folder(self) -> Path:
        """Where processes greet."""
        return self._folder

    def environment(self, base: Mapping[str, str]) -> dict[str, str]:
        """The environment in which to launch a server so that its processes greet here."""
        path = os.pathsep.join(filter(None, (str(INJECTED), base.get("PYTHONPATH"))))
        return {**base, "PYTHONPATH": path, wire.ENVIRONMENT_VARIABLE: str(self._folder)}

    async def greet(self, limit_s: float = GREETING_LIMIT_S) -> wire.Greeting:
        """Wait for the first process that has a probe.

        Raises:
            ProbeSilent: none greeted in time.
            ProbeVersionMismatch: one speaks another version of the wire.
        """
        try:
            async with asyncio.timeout(limit_s):
                while True:
                    for pid in self._listening():
                        if (peer := await self._reach(pid)) is not None:
                            self._idle[pid] = peer
                            return peer.greeting
                    await asyncio.sleep(_POLL_S)
        except TimeoutError as error:
            raise self._silence(limit_s) from error

    async def await_attached(
        self,
        pids: Sequence[int],
        wake: Callable[[], Awaitable[object]],
        limit_s: float = ATTACHED_LIMIT_S,
    ) -> None:
        """Wait until each of these processes listens.

        Args:
            pids: those that have been asked to load the probe.
            wake: gives the server something to do; an interpreter that sleeps loads nothing.
            limit_s: seconds for all of them.

        Raises:
            ProbeSilent: one has not loaded it in time. The sums would lack it, and jump when it
                comes.
        """
        with suppress(TimeoutError):
            async with asyncio.timeout(limit_s):
                while not set(pids) <= set(self._listening()):
                    await wake()
                    await asyncio.sleep(_POLL_S)
        if missing := sorted(set(pids) - set(self._listening())):
            raise ProbeSilent(
                f"process {missing[0]} was asked to load the probe, and did not within "
                f"{limit_s:g} s",
                why=self._failure()
                or "its main thread runs no Python code: it waits, or is busy in a library",
                hint="start the server with --serve; without --attach-probe it is measured from "
                "outside only",
            )

    async def collect(self, limit_s: float = ANSWER_LIMIT_S) -> dict[int, Collection]:
        """Collect garbage in every process, let its loops finish what that closed, collect again
        and trim, by pid.

        Raises:
            ProbeSilent: a process that lives did not answer in time.
            ProbeVersionMismatch: one speaks another version of the wire.
            ProbeError: one could not do it.
        """
        return await self._ask_all({"request": "collect"}, Collection, limit_s)

    async def plant(self, size_bytes: int, count: int) -> None:
        """Leak `count` blocks in the oldest process: the control that a run finds what it is to
        find.

        Raises:
            ProbeError: it does not answer, or so much is no control.
        """
        request = {"request": "plant", "bytes": size_bytes, "count": count}
        async with self._asking:
            pid = min(self._listening(), default=0)
            answer = await self._ask(pid, request, ANSWER_LIMIT_S)
        if answer is None:
            raise ProbeSilent(
                "no process of the server has a probe any more", hint="see server.log"
            )
        _answer(pid, answer, int)

    async def census(
        self, followed: Iterable[int], limit_s: float = ANSWER_LIMIT_S
    ) -> dict[int, CensusAnswer]:
        """What the heap of every process holds, by pid; `lengths` names a file, for the caller to
        remove.

        Raises:
            ProbeError: one did not answer in time, or could not do it.
        """
        request = {"request": "census", "followed": [str(number) for number in followed]}
        answers = await self._ask_all(request, CensusAnswer, limit_s)
        for pid, answer in answers.items():  # the file will be removed: no other one may be named
            if Path(answer.lengths).parent != self._folder:
                raise _defect(
                    f"process {pid} says what no probe says",
                    f"its file is {answer.lengths[:_SHOWN]!r}",
                )
        return answers

    async def causes(
        self,
        targets: Sequence[Mapping[str, str]],
        limit_s: float = ANSWER_LIMIT_S,
        drawn: Sequence[str] = (),
    ) -> dict[int, dict[str, CauseAnswer]]:
        """Why each target is still there, by pid and the target's `key`.

        Args:
            targets: what is asked about.
            limit_s: seconds for all processes.
            drawn: keys of targets of which a graph of references is wanted.

        Raises:
            ProbeError: one did not answer in time, or could not do it.
        """
        request: dict[str, Any] = {"request": "causes", "targets": list(targets)}
        if drawn:
            request |= {"drawn": list(drawn), "objgraph": objgraph_file()}
        return await self._ask_all(request, dict[str, CauseAnswer], limit_s)

    async def numbers(self, files: Iterable[str]) -> dict[int, dict[str, dict[str, int]]]:
        """Names of whole numbers by source file of the application, and of these files, by pid.

        Raises:
            ProbeError: one did not answer in time, or could not do it.
        """
        return await self._ask_all(
            {"request": "numbers", "files": list(files)}, dict[str, dict[str, int]], ANSWER_LIMIT_S
        )

    async def trace(self, *, on: bool) -> None:
        """From now on, or no longer, see where things are made.

        Raises:
            ProbeError: one did not answer in time, or could not do it.
        """
        await self._ask_all({"request": "trace", "on": on}, bool, ANSWER_LIMIT_S)

    async def native(self, *, on: bool) -> dict[int, NativeAnswer]:
        """From now on, or no longer, watch what C code allocates: by pid the `path` of memray's
        file, or a `problem`.

        Raises:
            ProbeError: one did not answer in time, or could not do it.
        """
        return await self._ask_all({"request": "native", "on": on}, NativeAnswer, ANSWER_LIMIT_S)

    async def stacks(self, seconds: float) -> dict[int, dict[str, int]]:
        """What the threads do instead of waiting, by pid: places, and how often each was seen.

        Raises:
            ProbeError: one did not answer in time, or could not do it.
        """
        return await self._ask_all(
            {"request": "stacks", "seconds": seconds}, dict[str, int], ANSWER_LIMIT_S
        )

    async def garbage(self) -> dict[int, GarbageAnswer]:
        """Collect in every process, and hear by pid what was found.

        Raises:
            ProbeError: one did not answer in time, or could not do it.
        """
        return await self._ask_all({"request": "garbage"}, GarbageAnswer, ANSWER_LIMIT_S)

    async def sample(
        self, *, collect: bool = True, limit_s: float = ANSWER_LIMIT_S
    ) -> dict[int, Values]:
        """Read the gauges of every process, by pid; first collect as `collect()` does, unless told
        not to.

        Raises:
            ProbeSilent: a process that lives did not answer in time.
            ProbeVersionMismatch: one speaks another version of the wire.
            ProbeError: one could not do it.
        """
        samples = await self._ask_all(
            {"request": "sample", "collect": collect}, wire.Sample, limit_s
        )
        return {
            pid: {name: float(value) for name, value in answer["gauges"].items()}
            for pid, answer in samples.items()
        }

    async def close(self) -> None:
        """Remove the folder, and leave the probes alone: one that then finds no folder goes,
        too.
        """
        shutil.rmtree(self._folder, ignore_errors=True)
        while self._idle:
            _, peer = self._idle.popitem()
            await peer.close()

    def _listening(self) -> list[int]:
        names = (path.stem for path in self._folder.glob(f"*{wire.SOCKET_SUFFIX}"))
        return sorted(int(name) for name in names if name.isascii() and name.isdigit())

    async def _ask_all(
        self, request: Mapping[str, Any], wanted: type[T], limit_s: float
    ) -> dict[int, T]:
        async with self._asking:
            pids = self._listening()
            answers = await asyncio.gather(
                *(self._ask(pid, request, limit_s) for pid in pids), return_exceptions=True
            )
        by_pid: dict[int, T] = {}
        for pid, answer in zip(pids, answers, strict=True):
            if isinstance(answer, BaseException):
                raise answer
            if answer is not None:
                by_pid[pid] = _answer(pid, answer, wanted)
        return by_pid

    async def _ask(
        self, pid: int, request: Mapping[str, Any], limit_s: float
    ) -> dict[str, Any] | None:
        """The message that answers; None when the process is gone."""
        try:
            async with asyncio.timeout(limit_s):
                answer = await self._ask_kept(pid, request)
                return await self._ask_anew(pid, request) if answer is None else answer
        except TimeoutError as error:
            if not _lives(pid):
                return None
            raise ProbeSilent(
                f"the probe in process {pid} did not answer '{request['request']}' within "
                f"{limit_s:g} s",
                why="the process is stopped, or code that does not let other threads run keeps "
                "it busy",
                hint="look at that process with py-spy or gdb; --no-probe measures it from "
                "outside only",
            ) from error

    async def _ask_kept(self, pid: int, request: Mapping[str, Any]) -> dict[str, Any] | None:
        """Over the connection of last time; None when that is no longer there."""
        # Taken out while it is used: one that was left in the middle of an answer is never used
        # again.
        peer = self._idle.pop(pid, None)
        if peer is None:
            return None
        try:
            answer = await peer.ask(request)
        except (ConnectionError, asyncio.IncompleteReadError):
            return None
        self._idle[pid] = peer
        return answer

    async def _ask_anew(self, pid: int, request: Mapping[str, Any]) -> dict[str, Any] | None:
        peer = await self._reach(pid)
        if peer is None:
            return None
        self._idle[pid] = peer
        return await self._ask_kept(pid, request)

    async def _reach(self, pid: int) -> _Peer | None:
        """A new connection to a process; None when nobody listens."""
        path = self._folder / f"{pid}{wire.SOCKET_SUFFIX}"
        try:
            return await _Peer.connect(pid, path)
        except (ConnectionError, FileNotFoundError, asyncio.IncompleteReadError):
            if not _lives(pid):
                path.unlink(missing_ok=True)
            return None
        except OSError as error:
            raise ProbeError(
                f"the probe in process {pid} cannot be reached", why=str(error)
            ) from error

    def _silence(self, limit_s: float) -> ProbeSilent:
        return ProbeSilent(
            f"no probe greeted within {limit_s:g} s",
            why=self._failure()
            or "the server is not Python, or its Python ignores PYTHONPATH (-I, -E or -S, a "
            "frozen application), "
            "or is started without our environment (sudo, env -i, a container)",
            hint="start the server with a plain `python`; "
            "with --no-probe it is measured from outside only",
        )

    def _failure(self) -> str:
        """What the first process in which the probe failed has left word of."""
        for failed in sorted(self._folder.glob(f"*{wire.ERROR_SUFFIX}")):
            text = failed.read_text(errors="replace").strip()
            reason = text.splitlines()[-1] if text else "for no stated reason"
            return f"it failed in process {failed.stem}: {reason}"
        return ""


def summed(samples: Mapping[int, Values], pids: Iterable[int]) -> Values:
    """The gauges of some processes together.

    A process without a sample is no Python, and adds nothing. A gauge that one of the others lacks
    is left out: a sum that misses a part is no reading.
    """
    having = [samples[pid] for pid in pids if pid in samples]
    common = set.intersection(*map(set, having)) if having else set()
    return (
        {name: sum(values[name] for values in having) for name in having[0] if name in common}
        if having
        else {}
    )


def objgraph_file() -> str:
    """The source file of objgraph in the harness's environment, which the probe loads by its path;
    empty without one.
    """
    spec = find_spec("objgraph")
    return (spec.origin or "") if spec is not None else ""


def _private_folder() -> Path:
    for base in (gettempdir(), "/tmp"):
        folder = Path(mkdtemp(prefix="leak-harness-", dir=base))
        if len(os.fsencode(folder / f"{2**22}{wire.SOCKET_SUFFIX}.new")) <= _SOCKET_PATH_BYTES:
            return folder
        folder.rmdir()
    raise ProbeError("no folder has a name short enough for a Unix socket")


def _lives(pid: int) -> bool:
    return Path(f"/proc/{pid}").exists()


def _greeting(pid: int, message: Mapping[str, Any]) -> wire.Greeting:
    version = message.get("wire")
    if version != wire.WIRE_VERSION:
        raise ProbeVersionMismatch(
            f"the probe in process {pid} speaks version {version} of the wire, "
            f"we speak {wire.WIRE_VERSION}",
            why="the server was started by another version of leak-harness",
            hint="let this version start the server",
        )
    return _checked(pid, message, wire.Greeting)


def _answer(pid: int, message: Mapping[str, Any], wanted: type[T]) -> T:
    if "error" in message:
        raise _defect(
            f"the probe in process {pid} could not do what it was asked", message["error"]
        )
    return _checked(pid, message.get("answer"), wanted)


def _checked(pid: int, value: object, wanted: type[T]) -> T:
    try:
        return msgspec.convert(value, wanted)
    except msgspec.ValidationError as error:
        shown = msgspec.json.encode(value)[:_SHOWN].decode(errors="replace")
        raise _defect(
            f"process {pid} says what no probe says", f"{error}; it begins with {shown}"
        ) from error


def _defect(what: str, why: object) -> ProbeError:
    return ProbeError(
        what,
        why=str(why),
        hint="a defect of leak-harness: please report it; --no-probe does without",
    )


class _Peer:
    """A connection to one probe, after its greeting. It closes itself when something goes wrong."""

    def __init__(
        self, pid: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self._pid = pid
        self._reader = reader
        self._writer = writer
        self.greeting: wire.Greeting

    @classmethod
    async def connect(cls, pid: int, path: Path) -> _Peer:
        """Connect and hear the greeting.

        Raises:
            ProbeVersionMismatch: it is of another version.
        """
        peer = cls(pid, *await asyncio.open_unix_connection(path))
        greeting = await peer._receive()
        try:
            peer.greeting = _greeting(pid, greeting)
        except ProbeError:
            await peer.close()
            raise
        return peer

    async def ask(self, request: Mapping[str, Any]) -> dict[str, Any]:
        """Send a request and receive the message that answers it."""
        self._writer.write(wire.pack(request, wire.MAX_REQUEST_BYTES))
        return await self._receive()

    async def _receive(self) -> dict[str, Any]:
        data = b""
        try:
            data = await self._reader.readexactly(wire.HEADER_BYTES)
            data = await self._reader.readexactly(wire.body_bytes(data, wire.MAX_ANSWER_BYTES))
            return wire.unpack(data)
        except wire.BadMessage as error:
            self._writer.close()
            why = f"{error}; it begins with {data[:_SHOWN]!r}"
            raise _defect(f"process {self._pid} says what no probe says", why) from error
        except BaseException:
            self._writer.close()
            raise

    async def close(self) -> None:
        """Hang up."""
        self._writer.close()
        with suppress(ConnectionError):
            await self._writer.wait_closed()

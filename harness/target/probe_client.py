"""Our end of the talk with the probes: one private folder, one connection to each Python process
of the server.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from importlib.util import find_spec
from itertools import islice
from pathlib import Path
from tempfile import gettempdir
from typing import Any, Final, TypeVar

from ..errors import ProbeError, ProbeSilent
from ..probe import wire
from ..record.record import Values
from .probe_answers import (
    CauseAnswer,
    CensusAnswer,
    Collection,
    GarbageAnswer,
    NativeAnswer,
)
from .probe_health import Health, Silent, watched
from .probe_peer import SHOWN_BYTES, Peer, checked_answer, defect
from .scratch import ScratchFolder

INJECTED: Final = Path(__file__).parents[1] / "probe" / "inject"
GREETING_LIMIT_S: Final = 4.0
ONE_GREETING_LIMIT_S: Final = 1.0
ATTACHED_LIMIT_S: Final = 10.0
ANSWER_LIMIT_S: Final = 60.0
MAX_FOLLOWED: Final = 40_000
"""Containers whose lengths a census is asked for: so many fit into a request."""
QUICK_LIMIT_S: Final = 15.0
"""Of what is asked after each cycle, where several processes answer: one that is this late is left
out.
"""
_QUICK: Final = ("sample", "collect")
_POLL_S: Final = 0.02
_SOCKET_PATH_BYTES: Final = 107
"""Linux: sockaddr_un.sun_path holds 108 bytes, the last of them 0."""

T = TypeVar("T")


class ProbeLink:
    """Finds the probes of a server, its workers and children, and asks all of them at once.

    Processes that have come since the last question are found, those that have ended are dropped.

    Raises:
        ProbeError: no folder for sockets can be made.
    """

    def __init__(self) -> None:
        self._scratch = _private_folder()
        self._folder = self._scratch.path
        self._idle: dict[int, Peer] = {}
        self._asking = asyncio.Lock()
        self._health = Health()

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
                        if (peer := await self._greeted(pid)) is not None:
                            self._idle[pid] = peer
                            return peer.greeting
                    await asyncio.sleep(_POLL_S)
        except TimeoutError as error:
            raise self._silence(limit_s) from error

    async def _greeted(self, pid: int) -> Peer | None:
        """A connection, unless this process keeps the others waiting."""
        with suppress(TimeoutError):
            async with asyncio.timeout(ONE_GREETING_LIMIT_S):
                return await self._reach(pid)
        return None

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
            ProbeError: it does not answer, or that size cannot be planted.
        """
        request = {"request": "plant", "bytes": size_bytes, "count": count}
        async with self._asking:
            pid = min(self._listening(), default=0)
            answer = await self._ask(pid, request, ANSWER_LIMIT_S)
        if answer is None:
            raise ProbeSilent(
                "no process of the server has a probe any more", hint="see server.log"
            )
        checked_answer(pid, answer, int)

    async def census(
        self, followed: Iterable[int], limit_s: float = ANSWER_LIMIT_S
    ) -> dict[int, CensusAnswer]:
        """What the heap of every process holds, by pid; `lengths` names a file, for the caller to
        remove.

        Raises:
            ProbeError: one did not answer in time, or could not do it.
        """
        request = {
            "request": "census",
            "followed": [str(number) for number in islice(followed, MAX_FOLLOWED)],
        }
        answers = await self._ask_all(request, CensusAnswer, limit_s)
        for pid, answer in answers.items():  # the file will be removed: no other one may be named
            if Path(answer.lengths).parent != self._folder:
                raise defect(
                    f"process {pid} does not answer as a probe",
                    f"its file is {answer.lengths[:SHOWN_BYTES]!r}",
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
            pid: {name: float(value) for name, value in one["gauges"].items()}
            for pid, one in samples.items()
        }

    async def close(self) -> None:
        """Remove the folder, and leave the probes alone: one that then finds no folder goes,
        too.
        """
        self._scratch.remove()
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
            name = str(request["request"])
            pids = [pid for pid in self._listening() if not self._health.is_left_out(pid, name)]
            if len(pids) > 1 and name in _QUICK:
                limit_s = min(limit_s, QUICK_LIMIT_S)
            answers = await asyncio.gather(
                *(self._ask(pid, request, limit_s) for pid in pids), return_exceptions=True
            )
        by_pid: dict[int, T] = {}
        errors: dict[int, ProbeError] = {}
        for pid, answer in zip(pids, answers, strict=True):
            if isinstance(answer, BaseException) and not isinstance(answer, ProbeError):
                raise answer
            try:
                if isinstance(answer, ProbeError):
                    raise answer
                if answer is not None:
                    by_pid[pid] = checked_answer(pid, answer, wanted)
                    self._health.answered(pid, name)
            except ProbeError as error:
                errors[pid] = error
        self._leave_out(name, errors, others_answer=bool(by_pid))
        return by_pid

    def _leave_out(
        self, name: str, errors: Mapping[int, ProbeError], *, others_answer: bool
    ) -> None:
        """Go on without the processes that failed, where others have answered.

        Raises:
            ProbeError: none has.
        """
        for pid, error in errors.items():
            why = ": ".join(filter(None, (error.what, error.why)))
            of = "" if isinstance(error, ProbeSilent) else name
            self._health.failed(pid, of, why, others_answer=others_answer)
        if errors and not others_answer:
            raise next(iter(errors.values()))
        if not others_answer and (reason := self._health.any_reason(name)):
            raise ProbeSilent("no process of the server answers any more", why=reason)

    def news(self) -> list[str]:
        """Which processes are left out since the last call, and why."""
        return self._health.news()

    async def _ask(
        self, pid: int, request: Mapping[str, Any], limit_s: float
    ) -> dict[str, Any] | None:
        """The message that answers; None when the process is gone."""
        try:
            async with asyncio.timeout(limit_s):
                return await watched(
                    pid, self._ask_kept_or_anew(pid, request), lambda: self._ping(pid)
                )
        except (TimeoutError, Silent) as error:
            if not _lives(pid):
                return None
            raise ProbeSilent(
                f"the probe in process {pid} did not answer '{request['request']}'"
                + ("" if isinstance(error, Silent) else f" within {limit_s:g} s"),
                why=str(error)
                or "the process is stopped, or code that does not let other threads run keeps "
                "it busy",
                hint="look at that process with py-spy or gdb; --no-probe measures it from "
                "outside only",
            ) from error

    async def _ask_kept_or_anew(
        self, pid: int, request: Mapping[str, Any]
    ) -> dict[str, Any] | None:
        answer = await self._ask_kept(pid, request)
        return await self._ask_anew(pid, request) if answer is None else answer

    async def _ping(self, pid: int) -> None:
        """Ends once the process greets a new connection."""
        peer = await self._reach(pid)
        if peer is None:
            raise ProbeSilent(f"nobody listens in process {pid}")
        await peer.close()

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

    async def _reach(self, pid: int) -> Peer | None:
        """A new connection to a process; None when nobody listens."""
        path = self._folder / f"{pid}{wire.SOCKET_SUFFIX}"
        try:
            return await Peer.connect(pid, path)
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
    is left out: a sum that misses a part is not a reading.
    """
    having = [samples[pid] for pid in pids if pid in samples]
    common = set.intersection(*map(set, having)) if having else set()
    sums = {}
    for name in having[0] if having else ():
        if name in common:
            sums[name] = sum(values[name] for values in having)
    return sums


def objgraph_file() -> str:
    """The source file of objgraph in the harness's environment, which the probe loads by its path;
    empty without one.
    """
    spec = find_spec("objgraph")
    return (spec.origin or "") if spec is not None else ""


def _private_folder() -> ScratchFolder:
    for base in (gettempdir(), "/tmp"):
        folder = ScratchFolder(base)
        longest = folder.path / f"{2**22}{wire.SOCKET_SUFFIX}.new"
        if len(os.fsencode(longest)) <= _SOCKET_PATH_BYTES:
            return folder
        folder.remove()
    raise ProbeError("no folder has a name short enough for a Unix socket")


def _lives(pid: int) -> bool:
    return Path(f"/proc/{pid}").exists()

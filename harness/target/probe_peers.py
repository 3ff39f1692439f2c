"""Our connections to the probes: one private folder, one connection to each Python process of the
server.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from tempfile import gettempdir
from typing import Final

from ..errors import ProbeError, ProbeSilent
from ..probe import wire
from .probe_health import Silent, watched
from .probe_peer import Peer
from .scratch import ScratchFolder

INJECTED: Final = Path(__file__).parents[1] / "probe" / "inject"
GREETING_LIMIT_S: Final = 4.0
ONE_GREETING_LIMIT_S: Final = 1.0
ATTACHED_LIMIT_S: Final = 10.0
_POLL_S: Final = 0.02
_SOCKET_PATH_BYTES: Final = 107
"""Linux: sockaddr_un.sun_path holds 108 bytes, the last of them 0."""


class ProbePeers:
    """Finds the probes of a server, its workers and children.

    Processes that have come since the last question are found, those that have ended are dropped.

    Raises:
        ProbeError: no folder for sockets can be made.
    """

    def __init__(self) -> None:
        self._scratch = _private_folder()
        self._idle: dict[int, Peer] = {}

    @property
    def folder(self) -> Path:
        """Where processes greet."""
        return self._scratch.path

    def environment(self, base: Mapping[str, str]) -> dict[str, str]:
        """The environment in which to launch a server so that its processes greet here."""
        path = os.pathsep.join(filter(None, (str(INJECTED), base.get("PYTHONPATH"))))
        return {**base, "PYTHONPATH": path, wire.ENVIRONMENT_VARIABLE: str(self.folder)}

    def listening(self) -> list[int]:
        """Processes that have a probe, by pid."""
        names = (path.stem for path in self.folder.glob(f"*{wire.SOCKET_SUFFIX}"))
        return sorted(int(name) for name in names if name.isascii() and name.isdigit())

    async def greet(self, limit_s: float = GREETING_LIMIT_S) -> wire.Greeting:
        """Wait for the first process that has a probe.

        Raises:
            ProbeSilent: none greeted in time.
            ProbeVersionMismatch: one speaks another version of the wire.
        """
        try:
            async with asyncio.timeout(limit_s):
                while True:
                    for pid in self.listening():
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
                while not set(pids) <= set(self.listening()):
                    await wake()
                    await asyncio.sleep(_POLL_S)
        if missing := sorted(set(pids) - set(self.listening())):
            raise ProbeSilent(
                f"process {missing[0]} was asked to load the probe, and did not within "
                f"{limit_s:g} s",
                why=self._failure()
                or "its main thread runs no Python code: it waits, or is busy in a library",
                hint="start the server with --serve; without --attach-probe it is measured from "
                "outside only",
            )

    async def close(self) -> None:
        """Remove the folder, and leave the probes alone: one that then finds no folder goes,
        too.
        """
        self._scratch.remove()
        while self._idle:
            _, peer = self._idle.popitem()
            await peer.close()

    async def ask(
        self, pid: int, request: wire.Request, limit_s: float
    ) -> dict[str, object] | None:
        """The message that answers; None when the process is gone.

        Raises:
            ProbeSilent: the process lives, and did not answer in time.
            ProbeVersionMismatch: it speaks another version of the wire.
            ProbeError: it cannot be reached.
        """
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

    async def _ask_kept_or_anew(self, pid: int, request: wire.Request) -> dict[str, object] | None:
        answer = await self._ask_kept(pid, request)
        return await self._ask_anew(pid, request) if answer is None else answer

    async def _ping(self, pid: int) -> None:
        """Ends once the process greets a new connection."""
        peer = await self._reach(pid)
        if peer is None:
            raise ProbeSilent(f"nobody listens in process {pid}")
        await peer.close()

    async def _ask_kept(self, pid: int, request: wire.Request) -> dict[str, object] | None:
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

    async def _ask_anew(self, pid: int, request: wire.Request) -> dict[str, object] | None:
        peer = await self._reach(pid)
        if peer is None:
            return None
        self._idle[pid] = peer
        return await self._ask_kept(pid, request)

    async def _reach(self, pid: int) -> Peer | None:
        """A new connection to a process; None when nobody listens."""
        path = self.folder / f"{pid}{wire.SOCKET_SUFFIX}"
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
        for failed in sorted(self.folder.glob(f"*{wire.ERROR_SUFFIX}")):
            text = failed.read_text(errors="replace").strip()
            reason = text.splitlines()[-1] if text else "for no stated reason"
            return f"it failed in process {failed.stem}: {reason}"
        return ""


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

"""A server from its start to its end, with the probe in it where that is possible."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from ..errors import ProbeError
from ..sessions.driver import Load
from ..sessions.handshake import why_not_ready
from ..target.attach_probe import attach_probe
from ..target.probe_client import ProbeLink
from ..target.target import ServerUnderTest, Start
from .memory_guard import Limits, MemoryGuard
from .plan import PlannedServer


@dataclass(frozen=True, slots=True)
class OpenedServer:
    """A server that was started or found, and the link that its probe may use."""

    server: ServerUnderTest
    planned: PlannedServer
    load: Load
    link: ProbeLink | None
    guard: MemoryGuard
    """It watches until the server has ended."""

    async def wait_ready(self) -> None:
        """Wait until the server answers.

        Raises:
            ServerExited: it has ended.
            ServerNotReady: it does not answer within the limit.
        """
        await self.server.wait_ready(self.why_not_ready, self.planned.ready_limit_s)

    async def why_not_ready(self) -> str:
        """Why sessions cannot connect yet; empty once they can.

        A script that connects by itself goes to a path of its own: there, any answer shows that
        the server is up.
        """
        return await why_not_ready(self.load.address, any_answer=not self.load.scenario.connect)

    async def greeted(self) -> tuple[ProbeLink | None, str]:
        """The probe once it has greeted, else None and why it is not there."""
        if self.link is None:
            return None, self.planned.no_probe
        try:
            if self.planned.target.attaches_probe:
                pids = await attach_probe(self.server.pids(), self.link.folder)
                await self.link.await_attached(pids, self.why_not_ready)
            await self.link.greet()
        except ProbeError as error:
            return None, str(error)
        return self.link, ""


@asynccontextmanager
async def opened(
    planned: PlannedServer, load: Load, log: Path, limits: Limits
) -> AsyncIterator[OpenedServer]:
    """A server for the time of a block; one that the run starts ends with it.

    Args:
        planned: the server.
        load: what connects to it.
        log: where a server that is started writes.
        limits: what the memory guard holds it to.

    Raises:
        OutOfMemoryGuard: the memory guard has ended the block.
        UsageError: its command cannot be started.
        ServerError: its process cannot be looked at.
    """
    link = None if planned.no_probe else ProbeLink()
    try:
        environment = planned.environment
        if link is not None:
            environment = link.environment(environment)
        server = await planned.target.open(Start(planned.port, environment, log))
        guard = MemoryGuard(limits, server.tree, may_end=planned.target.LAUNCHES)
        guard.start()
        try:
            async with guard:
                yield OpenedServer(server, planned, load, link, guard)
        finally:
            await server.stop()
            guard.stop()
    finally:
        if link is not None:
            await link.close()

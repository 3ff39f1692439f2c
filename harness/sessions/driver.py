"""Sessions: one by its script, those of a cycle at a concurrency, and those that stay connected."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

from ..blame.varied_load import Variation
from ..errors import ConnectionLost, SessionError
from ..record.record import SessionResult
from .connection import Trace
from .contract import ChatProtocol
from .following import failure_of, follow_script, result_of, within_limit
from .handshake import Address
from .long_connection import LongConnection, reading
from .patience import Patience
from .scenario import Scenario
from .script_errors import all_awaited
from .session import BaseSession, Session
from .varied_session import varied


@dataclass(frozen=True, slots=True)
class Load:
    """What each session does, and how many there are at once."""

    scenario: Scenario
    protocol: type[ChatProtocol]
    address: Address
    concurrency: int = 1
    trace: Trace | None = None
    variation: Variation | None = None
    """How often each action of the script really happens; None: as the script says."""
    long_connections: list[LongConnection] = field(default_factory=list, compare=False)
    """Those that are open, while `standing_sessions` keeps them; of a scenario per message."""
    patience: Patience = field(default_factory=Patience, compare=False)
    """How long the next session is waited for, by what became of the latest ones."""

    def session(self) -> BaseSession:
        """A session of the protocol, not connected yet."""
        kind: type[BaseSession] = getattr(self.protocol, "session", Session)
        limits = self.patience.limited(self.scenario).limits
        arguments = (self.address, self.protocol(), limits, self.trace)
        if self.variation is None:
            return kind(*arguments)
        return varied(kind)(self.variation, *arguments)


async def run_session(load: Load) -> SessionResult:
    """One session from connect to close. What goes wrong in it is its result, not an error.

    Raises:
        UsageError: the script is wrong, or asks for something that cannot be done in any session.
    """
    began_s = time.monotonic()
    session = load.session()
    failure = ""
    try:
        script = asyncio.create_task(follow_script(session, load.scenario))
        await within_limit(script, load.patience.limited(load.scenario))
    except SessionError as error:
        failure = failure_of(error)
    finally:
        await session.close()
    result = result_of(session, time.monotonic() - began_s, failure)
    load.patience.note(result)
    return result


async def run_cycle(
    load: Load, sessions: int, go_on: Callable[[Sequence[SessionResult]], bool]
) -> tuple[SessionResult, ...]:
    """Run this many sessions, `load.concurrency` at once. No new one begins once `go_on`, told of
    those done, says no.

    Of a scenario per message, run the script this many times on the connections that are open, or
    on new ones where none are.
    """
    if load.scenario.is_per_message and not load.long_connections:
        async with standing_sessions(load):
            return await run_cycle(load, sessions, go_on)
    results: list[SessionResult] = []
    left = iter(range(sessions))

    async def one_after_another(place: int) -> None:
        for _ in left:
            if not go_on(results):
                return
            if load.long_connections:
                results.append(await load.long_connections[place].run())
            else:
                results.append(await run_session(load))

    try:
        with all_awaited():
            async with asyncio.TaskGroup() as group:
                for place in range(min(load.concurrency, sessions)):
                    group.create_task(one_after_another(place))
    except ExceptionGroup as errors:
        raise errors.exceptions[0] from None
    return tuple(results)


@asynccontextmanager
async def standing_sessions(load: Load) -> AsyncIterator[Callable[[], None]]:
    """Keep sessions connected for as long as the block runs: the scenario's standing ones, which
    only read, and where it is per message those on which its script runs.

    What it gives is to be called now and then: it raises `ConnectionLost` when one of them is gone,
    for rest samples with fewer sessions connected are not comparable to those before.
    """
    sessions = [load.session() for _ in range(load.scenario.standing)]
    readers: list[asyncio.Task[None]] = []
    number = load.concurrency if load.scenario.is_per_message else 0
    connections = [LongConnection(load.session, load.scenario) for _ in range(number)]

    def check() -> None:
        for task in [*readers, *(connection.reader for connection in connections)]:
            if task is not None and task.done() and (error := task.exception()) is not None:
                raise ConnectionLost(
                    f"a standing session was lost: {error}", hint="see server.log"
                ) from error

    try:
        for session in sessions:
            await session.connect()
            readers.append(reading(session))
        for connection in connections:
            await connection.open()
        load.long_connections.extend(connections)
        yield check
    finally:
        load.long_connections.clear()
        for task in readers:
            task.cancel()
        await asyncio.gather(*readers, return_exceptions=True)
        for session in sessions:
            with suppress(SessionError):
                await session.close()
        for connection in connections:
            await connection.close()

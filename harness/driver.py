"""Sessions: one by its script, those of a cycle at a concurrency, and the standing ones."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass

from harness.contracts import ChatProtocol
from harness.errors import ConnectionLost, HarnessError, NoReply, ScriptFailed, SessionError, UsageError
from harness.handshake import Address
from harness.record import SessionResult
from harness.scenarios import Scenario
from harness.schedule import Variation, VariedSession
from harness.session import Session, Trace


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

    def session(self) -> Session:
        """A session that is not connected yet."""
        arguments = (self.address, self.protocol(), self.scenario, self.trace)
        return Session(*arguments) if self.variation is None else VariedSession(self.variation, *arguments)


async def run_session(load: Load) -> SessionResult:
    """One session from connect to close. What goes wrong in it is its result, not an error.

    Raises:
        UsageError: the script asks for something that cannot be done in any session.
    """
    began_s = time.monotonic()
    session = load.session()
    failure = ""
    try:
        async with asyncio.timeout(load.scenario.session_limit_s):
            await _follow_script(session, load.scenario)
    except UsageError:
        raise
    except TimeoutError:
        failure = _words(NoReply(f"the session was not over within {load.scenario.session_limit_s:g}s"))
    except SessionError as error:
        failure = _words(error)
    return SessionResult(
        ok=not failure,
        duration_s=time.monotonic() - began_s,
        failure=failure,
        connect_s=session.connect_s,
        turns=tuple(session.turns),
        switches_s=tuple(session.switches_s),
        actions=dict(session.counts),
    )


async def _follow_script(session: Session, scenario: Scenario) -> None:
    try:
        if scenario.connect:
            await session.connect()
        await scenario.script(session)
    except (HarnessError, TimeoutError):
        raise
    except ExceptionGroup as group:  # of tasks that the script has started
        first = next(iter(group.exceptions))
        if isinstance(first, HarnessError):
            raise first from group
        raise ScriptFailed(f"the script raised {type(first).__name__}: {first}") from group
    except Exception as error:
        raise ScriptFailed(f"the script raised {type(error).__name__}: {error}") from error
    finally:
        await session.close()


def _words(error: SessionError) -> str:
    return f"{type(error).__name__}: {error.what}"


async def run_cycle(
    load: Load, sessions: int, go_on: Callable[[Sequence[SessionResult]], bool]
) -> tuple[SessionResult, ...]:
    """So many sessions, `load.concurrency` at once; no new one begins once `go_on`, told of those done, says no."""
    results: list[SessionResult] = []
    left = iter(range(sessions))

    async def one_after_another() -> None:
        for _ in left:
            if not go_on(results):
                return
            results.append(await run_session(load))

    try:
        async with asyncio.TaskGroup() as group:
            for _ in range(min(load.concurrency, sessions)):
                group.create_task(one_after_another())
    except ExceptionGroup as errors:
        raise errors.exceptions[0] from None
    return tuple(results)


@asynccontextmanager
async def standing_sessions(load: Load) -> AsyncIterator[Callable[[], None]]:
    """Keep the scenario's standing sessions connected and reading for as long as the block runs.

    What it gives is to be called now and then: it raises `ConnectionLost` when one of them is gone, for rest samples
    with fewer sessions connected are not comparable to those before.
    """
    sessions = [load.session() for _ in range(load.scenario.standing)]
    reading: list[asyncio.Task[None]] = []

    def check() -> None:
        for task in reading:
            if task.done() and (error := task.exception()) is not None:
                raise ConnectionLost(f"a standing session was lost: {error}", hint="see server.log") from error

    try:
        for session in sessions:
            await session.connect()
            reading.append(asyncio.create_task(session.idle(24 * 3600.0)))
        yield check
    finally:
        for task in reading:
            task.cancel()
        await asyncio.gather(*reading, return_exceptions=True)
        for session in sessions:
            with suppress(SessionError):
                await session.close()

"""Sessions: one by its script, those of a cycle at a concurrency, and the standing ones."""

from __future__ import annotations

import asyncio
import inspect
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from types import CodeType, FrameType
from typing import Any, Final

from harness.blame.varied_load import Variation
from harness.errors import (
    CheckFailed,
    ConnectionLost,
    HarnessError,
    NoReply,
    ScriptFailed,
    SessionError,
    UsageError,
)
from harness.record.record import SessionResult
from harness.sessions.connection import Trace
from harness.sessions.contract import ChatProtocol
from harness.sessions.handshake import Address, lost
from harness.sessions.scenario import Scenario, plain_function
from harness.sessions.script_errors import Stopped, all_awaited, place, raised
from harness.sessions.session import BaseSession, Session
from harness.sessions.varied_session import varied

ABANDON_S: Final = 3.0
"""How long a script may take to end once it was cancelled."""
_ABANDONED: Final[list[asyncio.Task[None]]] = []
"""Scripts that did not end; kept, for a task that nobody refers to complains when it goes."""


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

    def session(self) -> BaseSession:
        """A session of the protocol, not connected yet."""
        kind: type[BaseSession] = getattr(self.protocol, "session", Session)
        arguments = (self.address, self.protocol(), self.scenario.limits, self.trace)
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
        await _within_limit(
            asyncio.create_task(_follow_script(session, load.scenario)), load.scenario
        )
    except SessionError as error:
        failure = _words(error)
    finally:
        await session.close()
    return SessionResult(
        ok=not failure,
        duration_s=time.monotonic() - began_s,
        failure=failure,
        connect_s=session.connect_s,
        turns=tuple(session.replies),
        switches_s=tuple(session.switches_s),
        actions=dict(session.counts),
    )


async def _within_limit(script: asyncio.Task[None], scenario: Scenario) -> None:
    """Wait for a script until its limit, then end it; one that does not let itself be ended is left
    behind.

    Raises:
        NoReply: it was not over within the limit.
        ScriptFailed: it swallows its cancellation.
        SessionError: what ended it.
    """
    limit_s = scenario.session_limit_s
    try:
        await asyncio.wait({script}, timeout=limit_s)
    except asyncio.CancelledError:
        await _ended(script)
        raise
    if script.done():
        await script
        return
    if await _ended(script):
        raise NoReply(f"the session was not over within {limit_s:g}s")
    code = inspect.unwrap(scenario.script).__code__
    line = _waiting_line(script, code)
    raise ScriptFailed(
        f"{place(code.co_filename, line)}: the script was not over within {limit_s:g}s, and then "
        f"did not end within "
        f"{ABANDON_S:g}s of its cancellation: it was left behind",
        why="something in it catches asyncio.CancelledError and goes on",
        hint="catch Exception instead of BaseException, or raise the error again",
    )


def _waiting_line(script: asyncio.Task[None], code: CodeType) -> int:
    """Where a script waits: it is among the coroutines that its task waits for; else where it
    begins.
    """
    waiting: Any = script.get_coro()
    while inspect.iscoroutine(waiting):
        if waiting.cr_code is code and waiting.cr_frame is not None:
            return waiting.cr_frame.f_lineno
        waiting = waiting.cr_await
    return code.co_firstlineno


async def _ended(script: asyncio.Task[None]) -> bool:
    """Cancel a script, and say whether it ended."""
    script.cancel()
    await asyncio.wait({script}, timeout=ABANDON_S)
    if not script.done():
        _ABANDONED.append(script)
        return False
    if not script.cancelled():
        script.exception()  # which is of no interest any more
    return True


async def _follow_script(session: BaseSession, scenario: Scenario) -> None:
    if scenario.connect:
        await session.connect()
    try:
        begun = scenario.script(session)
        if not inspect.isawaitable(begun):
            raise plain_function(scenario.script)
        await begun
        session.calls.check()
    except Stopped:
        raise
    except SessionError:
        session.calls.check()  # what was not awaited may be why
        raise
    except BaseException as error:
        task = asyncio.current_task()
        if isinstance(error, asyncio.CancelledError) and task is not None and task.cancelling():
            raise
        raise _script_error(error, scenario) from error


def is_in_script(frame: FrameType | None) -> bool:
    """Whether this frame, or one that called it, is a script's."""
    while frame is not None and frame.f_code is not _follow_script.__code__:
        frame = frame.f_back
    return frame is not None


def _script_error(error: BaseException, scenario: Scenario) -> HarnessError:
    """What left a script: the server's fault where the connection ended or an answer was bad,
    else the script's.
    """
    while isinstance(error, BaseExceptionGroup):  # of tasks that the script has started
        error = error.exceptions[0]
    if isinstance(error, SessionError | ScriptFailed):
        return error
    if isinstance(error, HarnessError) and not isinstance(error, UsageError):
        return error
    if (ended := lost(error)) is not None:
        return ended
    failed = raised(error, scenario.script)
    return CheckFailed(failed.what) if isinstance(error, AssertionError) else failed


def _words(error: SessionError) -> str:
    return f"{type(error).__name__}: {error.what}"


async def run_cycle(
    load: Load, sessions: int, go_on: Callable[[Sequence[SessionResult]], bool]
) -> tuple[SessionResult, ...]:
    """Run this many sessions, `load.concurrency` at once. No new one begins once `go_on`, told of
    those done, says no.
    """
    results: list[SessionResult] = []
    left = iter(range(sessions))

    async def one_after_another() -> None:
        for _ in left:
            if not go_on(results):
                return
            results.append(await run_session(load))

    try:
        with all_awaited():
            async with asyncio.TaskGroup() as group:
                for _ in range(min(load.concurrency, sessions)):
                    group.create_task(one_after_another())
    except ExceptionGroup as errors:
        raise errors.exceptions[0] from None
    return tuple(results)


@asynccontextmanager
async def standing_sessions(load: Load) -> AsyncIterator[Callable[[], None]]:
    """Keep the scenario's standing sessions connected and reading for as long as the block runs.

    What it gives is to be called now and then: it raises `ConnectionLost` when one of them is gone,
    for rest samples with fewer sessions connected are not comparable to those before.
    """
    sessions = [load.session() for _ in range(load.scenario.standing)]
    reading: list[asyncio.Task[None]] = []

    def check() -> None:
        for task in reading:
            if task.done() and (error := task.exception()) is not None:
                raise ConnectionLost(
                    f"a standing session was lost: {error}", hint="see server.log"
                ) from error

    try:
        for session in sessions:
            await session.connect()
            reading.append(asyncio.create_task(session.dwell(24 * 3600.0)))
        yield check
    finally:
        for task in reading:
            task.cancel()
        await asyncio.gather(*reading, return_exceptions=True)
        for session in sessions:
            with suppress(SessionError):
                await session.close()

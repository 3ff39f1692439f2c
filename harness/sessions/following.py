"""One run of a script on a session: its limit, its result, and whose fault an error is."""

from __future__ import annotations

import asyncio
import inspect
import os
from types import CodeType, FrameType
from typing import Any, Final

from ..errors import (
    CheckFailed,
    HarnessError,
    NoReply,
    ScriptFailed,
    SessionError,
    UsageError,
)
from ..exits import leave_if_forked
from ..record.record import SessionResult
from .handshake import lost
from .scenario import Scenario, plain_function
from .script_errors import Stopped, place, raised
from .session import BaseSession

ABANDON_S: Final = 3.0
"""How long a script may take to end once it was cancelled."""
_ABANDONED: Final[list[asyncio.Task[None]]] = []
"""Scripts that did not end; kept, for a task that nobody refers to complains when it goes."""


def result_of(session: BaseSession, duration_s: float, failure: str) -> SessionResult:
    """What the session did since it was made, or since this was asked before."""
    result = SessionResult(
        ok=not failure,
        duration_s=duration_s,
        failure=failure,
        connect_s=session.connect_s,
        turns=tuple(session.replies),
        switches_s=tuple(session.switches_s),
        actions=dict(session.counts),
    )
    session.replies.clear()
    session.switches_s.clear()
    session.counts.clear()
    session.connect_s = None
    return result


async def within_limit(script: asyncio.Task[None], scenario: Scenario) -> None:
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


async def follow_script(session: BaseSession, scenario: Scenario, *, connect: bool = True) -> None:
    """Run the script on the session, connected before it begins unless the script does that.

    Raises:
        SessionError: the session failed.
        ScriptFailed, ScenarioInvalid: the script is wrong.
    """
    here = os.getpid()
    if scenario.connect and connect:
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
    finally:
        leave_if_forked(here)


def is_in_script(frame: FrameType | None) -> bool:
    """Whether this frame, or one that called it, is a script's."""
    while frame is not None and frame.f_code is not follow_script.__code__:
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


def failure_of(error: SessionError) -> str:
    """What a failed session's result says."""
    return f"{type(error).__name__}: {error.what}"

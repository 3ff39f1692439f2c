"""One session and no verdict, for writing a scenario: `--once`, `--trace`."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Final

from ..errors import CheckFailed, ScriptFailed, ServerError
from ..record.record import SessionResult
from ..sessions.connection import Trace
from ..sessions.contract import Data
from ..sessions.driver import run_cycle
from ..sessions.handshake import why_not_ready
from ..target.launched import trial_log
from ..target.server_errors import ServerErrors
from ..target.target import ServerUnderTest, Start
from .plan import Plan
from .runs import Tell
from .stopping import run_stoppable

END_KNOWN_S: Final = 2.0
"""After a session that failed, how long it takes until the end of the server is known."""
MAX_SHOWN: Final = 300
"""Characters of a message that a trace shows."""


def run_once(plan: Plan, tell: Tell) -> str:
    """One session: a line on what it did.

    Args:
        plan: the run that the session would be part of.
        tell: hears of a session that failed because its server ended.

    Raises:
        ScriptFailed: a check of the script does not hold.
        ServerError: the session failed, or the server did.
    """
    with trial_log() as log:
        return run_stoppable(lambda: _once(plan, log, tell))


async def _once(plan: Plan, log: Path, tell: Tell) -> str:
    planned, load = plan.server, plan.load
    server: ServerUnderTest | None = None
    if planned.target.LAUNCHES:
        server = await planned.target.open(Start(planned.port, planned.environment, log))
    try:
        if server is not None:
            any_answer = not load.scenario.connect
            await server.wait_ready(
                lambda: why_not_ready(load.address, any_answer=any_answer), planned.ready_limit_s
            )
        errors = ServerErrors(log)
        errors.begin()
        (result,) = await errors.next_to(await run_cycle(load, 1, lambda _: True))
        words = _in_words(result)
        if result.ok:
            return words
        if result.failure.startswith(CheckFailed.__name__):
            raise ScriptFailed(
                result.failure.partition(": ")[2], hint="see every message with --trace"
            )
        if server is not None and await server.ended_within(END_KNOWN_S):
            tell(words)
            server.check_alive()
        raise ServerError(
            words, hint="see the server's log" + ("" if server is None else f", {log}")
        )
    finally:
        if server is not None:
            await server.stop()


def _in_words(result: SessionResult) -> str:
    replies = ", ".join(f"{turn.complete_s * 1000:.0f}ms" for turn in result.turns)
    outcome = "ok" if result.ok else result.failure
    return f"{outcome} in {result.duration_s:.2f}s; replies: {replies or 'none'}"


def tracer(tell: Tell) -> Trace:
    """What tells of each message, with the seconds since now and its direction."""
    began_s = time.monotonic()

    def trace(direction: str, data: Data) -> None:
        text = data if isinstance(data, str) else data.hex()
        if len(text) > MAX_SHOWN:
            text = f"{text[:MAX_SHOWN]}... ({len(text)} characters)"
        tell(f"{time.monotonic() - began_s:8.3f} {direction} {text}")

    return trace

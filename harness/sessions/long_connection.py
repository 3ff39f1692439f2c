"""A session that stays connected while its script runs again and again: for what a server keeps per
message, which no session that ends can show.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Final

from ..errors import ScriptFailed, SessionError
from ..record.record import SessionResult
from .following import failure_of, follow_script, result_of, within_limit
from .scenario import Scenario
from .script_errors import place
from .session import BaseSession

READING_S: Final = 24 * 3600.0
"""Longer than any run."""


def reading(session: BaseSession) -> asyncio.Task[None]:
    """A task that reads whatever comes, until it is cancelled or the connection is lost."""
    return asyncio.create_task(session.dwell(READING_S))


class LongConnection:
    """One session, and the script that runs on it. Between two runs it reads, so that pings are
    answered.
    """

    def __init__(self, make: Callable[[], BaseSession], scenario: Scenario) -> None:
        self.reader: asyncio.Task[None] | None = None
        """Reads between two runs; it has failed where the connection is lost."""
        self._make = make
        self._scenario = scenario
        self._session = make()

    async def open(self) -> None:
        """Connect, and read.

        Raises:
            SessionError: it cannot be connected.
        """
        await self._session.connect()
        self.reader = reading(self._session)

    async def run(self) -> SessionResult:
        """The script once. A session that failed is replaced by a new one, for nobody knows what
        its server will say next.

        Raises:
            UsageError: the script is wrong, or has closed its connection.
            SessionError: no other could be connected.
        """
        await self._stop_reading()
        began_s = time.monotonic()
        failure = ""
        result_of(self._session, 0.0, "")  # forgets what opening and reading have counted
        try:
            script = asyncio.create_task(
                follow_script(self._session, self._scenario, connect=False)
            )
            await within_limit(script, self._scenario)
        except SessionError as error:
            failure = failure_of(error)
        result = result_of(self._session, time.monotonic() - began_s, failure)
        if failure:
            await self.close()
            self._session = self._make()
            await self.open()
        elif self._session.is_connected:
            self.reader = reading(self._session)
        else:
            raise self._has_closed()
        return result

    async def close(self) -> None:
        """Leave properly."""
        await self._stop_reading()
        with suppress(SessionError):
            await self._session.close()

    async def _stop_reading(self) -> None:
        if self.reader is not None:
            self.reader.cancel()
            await asyncio.gather(self.reader, return_exceptions=True)
            self.reader = None

    def _has_closed(self) -> ScriptFailed:
        code = self._scenario.script.__code__
        return ScriptFailed(
            f"{place(code.co_filename, code.co_firstlineno)}: the script has closed its connection",
            why="with per='message' the connection stays open, and the script runs again on it",
            hint="leave close() and drop() out, or leave per='message' out",
        )

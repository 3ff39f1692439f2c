"""Tracebacks that a Python server writes into its log, in one line each: what stands next to a
session that failed at that time.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from ..errors import CheckFailed
from ..record.record import SessionResult
from ..redaction import printable

MAX_READ_BYTES: Final = 1 << 18
"""Of the log, from its end."""
POLL_S: Final = 0.05
POLLS: Final = 10
"""Of the log, until the error of a connection that was lost stands there."""
MAX_FRAMES: Final = 3
"""Calls that are named, the innermost first."""
MAX_CHARACTERS: Final = 300
"""Of what an exception says."""
_BEGINS: Final = "Traceback (most recent call last):"
_FRAME: Final = re.compile(r'^File "(?P<file>[^"]+)", line (?P<line>\d+), in (?P<name>.+)$')
_ERROR: Final = re.compile(r"^[A-Za-z_][\w.]*(?:: .*)?$")
_LIBRARIES: Final = ("/site-packages/", "/dist-packages/", "/lib/python3", "<")


@dataclass(frozen=True, slots=True)
class _Frame:
    """A line of a traceback that names a call."""

    file: str
    line: int
    name: str

    @property
    def is_library(self) -> bool:
        """Whether it is not code of the application."""
        return any(mark in self.file for mark in _LIBRARIES)

    def __str__(self) -> str:
        path = Path(self.file)
        if path.is_relative_to(Path.cwd()):
            path = path.relative_to(Path.cwd())
        return f"{self.name} ({path}:{self.line})"


class ServerErrors:
    """Reads what the server's log says since a moment.

    Args:
        log: the file; it may come later.
    """

    def __init__(self, log: Path) -> None:
        self._log = log
        self._from = 0
        self._texts: dict[tuple[str, tuple[_Frame, ...]], str] = {}

    def begin(self) -> None:
        """Look from here on."""
        self._from = self._log.stat().st_size if self._log.exists() else 0

    async def next_to(self, results: Sequence[SessionResult]) -> tuple[SessionResult, ...]:
        """Sessions; those that failed, and not by a check of their script, with the last error
        of the server since then.
        """
        checked = f"{CheckFailed.__name__}:"
        failed = [
            result for result in results if not (result.ok or result.failure.startswith(checked))
        ]
        error = await self._soon() if failed else ""
        if not error:
            return tuple(results)
        return tuple(
            replace(result, failure=f"{result.failure}; the server's log says: {error}")
            if result in failed
            else result
            for result in results
        )

    async def _soon(self) -> str:
        """The last traceback, waited for: some servers close a connection before they write."""
        for _ in range(POLLS):
            if error := self.latest():
                return error
            await asyncio.sleep(POLL_S)
        return self.latest()

    def latest(self) -> str:
        """The last traceback since then, in one line; empty without one.

        Errors of one class and place have the words of the first of them.
        """
        try:
            with self._log.open("rb") as log:
                size = log.seek(0, 2)
                log.seek(max(self._from, size - MAX_READ_BYTES))
                text = log.read(MAX_READ_BYTES).decode(errors="replace")
        except OSError:
            return ""
        frames, error = _last_traceback(text)
        if not error:
            return ""
        own = tuple(frame for frame in frames if not frame.is_library) or tuple(frames[-1:])
        innermost = own[::-1][:MAX_FRAMES]
        words = printable(error, MAX_CHARACTERS)
        where = ", called by ".join(printable(str(frame)) for frame in innermost)
        key = (error.partition(":")[0], innermost)
        return self._texts.setdefault(key, f"{words}, raised in {where}" if where else words)


def _last_traceback(text: str) -> tuple[list[_Frame], str]:
    """Calls and error of the last traceback; without an error where it is not there in full."""
    _, mark, rest = text.rpartition(_BEGINS)
    frames: list[_Frame] = []
    if not mark:
        return frames, ""
    for line in rest.splitlines():
        words = re.sub(r"^\s*\| ", "", line)  # a group of exceptions draws a bar before each
        if found := _FRAME.match(words.lstrip()):
            frames.append(_Frame(found["file"], int(found["line"]), found["name"]))
        elif frames and _ERROR.match(words):
            return frames, words
    return frames, ""

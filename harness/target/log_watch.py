"""What a server writes, counted: lines that should come with each session, and lines that should
not come at all.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from ..record.metrics import names
from ..record.record import LogCounts
from .log_lines import LogLines

_BOUND_WORDS: Final = (
    r"too many open files|can't start new thread|out of system resource|cannot allocate"
    r"|resource temporarily unavailable|no space left|exhausted|memoryerror"
    r"|\b(limit|maximum)\b.{0,40}\b(reached|exceeded|overflow)|too many (connections|clients)"
    r"|no (free|idle|available) |no \w+ (is |are )?(free|available|left)"
)
_ERROR: Final = r"^[\w.]*(Error|Exception|Timeout|Exhausted|Full)\b"
REASONS: Final = (
    re.compile(f"{_ERROR}.*({_BOUND_WORDS})", re.IGNORECASE),
    re.compile(_BOUND_WORDS, re.IGNORECASE),
    re.compile(rf"{_ERROR}|\b(ERROR|CRITICAL)\b"),
)
"""What a server writes when it has come to a bound, and what it writes of any other failure; what
says most first.
"""
MAX_REASON: Final = 300
"""Characters of a line that are kept."""

_TRACEBACK: Final = "Traceback (most recent call last)"
_EXCEPTION: Final = re.compile(r"^[A-Za-z_][\w.]*(?::|$)")
"""The last line of a traceback begins with the name of the exception, at the left margin."""
_MAX_TRACEBACK_LINES: Final = 200
"""Lines after a wrong one among which its exception is looked for."""
_MAX_EXAMPLE: Final = 300
"""Characters of an example."""


class LogWatch:
    """Reads on in a log from where it was left.

    Args:
        path: the log; it may come later.
        expected: patterns that each session leaves, in this order.
        forbidden: patterns that none should leave.
    """

    def __init__(self, path: Path, expected: Sequence[str], forbidden: Sequence[str]) -> None:
        self._path = path
        self._patterns = {text: re.compile(text) for text in (*expected, *forbidden)}
        self._expected = list(expected)
        self._counts = dict.fromkeys(self._patterns, 0)
        self._examples: dict[str, str] = {}
        self._early = 0
        self._unexplained: str | None = None
        """The wrong line, by its pattern, whose exception is still to come."""
        self._lines_since = 0
        self._in_traceback = False
        self._lines = LogLines(path, from_end=True)

    def counts(self, at_s: float, cycle: int, *, is_failing: bool = False) -> LogCounts:
        """How often each pattern has been seen so far.

        Args:
            at_s: since the start of the run.
            cycle: the latest one.
            is_failing: sessions of that cycle have failed, and the reason is looked for.
        """
        problem = ""
        reasons = [""] * len(REASONS)
        try:
            for line in self._lines.new():
                self._count(line)
                if is_failing:
                    _note_reason(line, reasons)
        except FileNotFoundError:  # it may come later
            pass
        except OSError as error:
            problem = f"{self._path}: {error.strerror}"
        return LogCounts(
            at_s,
            cycle,
            dict(self._counts),
            dict(self._examples),
            self._early,
            problem,
            next(filter(None, reasons), ""),
        )

    def _count(self, line: str) -> None:
        self._look_for_exception(line)
        for text, pattern in self._patterns.items():
            if pattern.search(line):
                self._counts[text] += 1
                if text not in self._examples:
                    self._examples[text] = line[:_MAX_EXAMPLE]
                    self._unexplained, self._lines_since, self._in_traceback = text, 0, False
                at = self._expected.index(text) if text in self._expected else 0
                if at and self._counts[text] > self._counts[self._expected[at - 1]]:
                    self._early += 1

    def _look_for_exception(self, line: str) -> None:
        """Add to an example the exception whose traceback follows it."""
        if self._unexplained is None:
            return
        self._lines_since += 1
        if _TRACEBACK in line:
            self._in_traceback = True
        elif self._in_traceback and _EXCEPTION.match(line):
            example = f"{self._examples[self._unexplained]}: {line.strip()}"
            self._examples[self._unexplained] = example[:_MAX_EXAMPLE]
            self._unexplained = None
        elif self._lines_since >= _MAX_TRACEBACK_LINES:
            self._unexplained = None


def _note_reason(line: str, reasons: list[str]) -> None:
    """Keep the first line of each kind that says why something fails. The source lines of a
    traceback are indented, and only look so.
    """
    if line[:1].isspace():
        return
    for place, pattern in enumerate(REASONS):
        if not reasons[place] and pattern.search(line):
            reasons[place] = line.strip()[:MAX_REASON]


def files_in(folders: Sequence[Path]) -> dict[str, float]:
    """Number and bytes of the files below some folders; empty without folders."""
    if not folders:
        return {}
    number = size = 0
    for folder in folders:
        for path in folder.rglob("*"):
            try:
                state = path.lstat()
            except OSError:
                continue
            if not path.is_dir():
                number += 1
                size += state.st_size
    return {names.FILES: float(number), names.FILE_BYTES: float(size)}

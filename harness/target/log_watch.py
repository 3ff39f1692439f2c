"""What a server writes, counted: lines that should come with each session, and lines that should
not come at all.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from ..record.metrics import names
from ..record.record import LogCounts
from .log_lines import LogLines


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
        self._lines = LogLines(path, from_end=True)

    def counts(self, at_s: float, cycle: int) -> LogCounts:
        """So far."""
        problem = ""
        try:
            for line in self._lines.new():
                self._count(line)
        except FileNotFoundError:  # it may come later
            pass
        except OSError as error:
            problem = f"{self._path}: {error.strerror}"
        return LogCounts(
            at_s, cycle, dict(self._counts), dict(self._examples), self._early, problem
        )

    def _count(self, line: str) -> None:
        for text, pattern in self._patterns.items():
            if pattern.search(line):
                self._counts[text] += 1
                self._examples.setdefault(text, line[:300])
                at = self._expected.index(text) if text in self._expected else 0
                if at and self._counts[text] > self._counts[self._expected[at - 1]]:
                    self._early += 1


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

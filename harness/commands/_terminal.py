"""What a run prints for a person: its progress, then its result."""

from __future__ import annotations

import shutil
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Final, Self

from ..record.record import RunRecord
from ..reporters.console import render
from ..reporters.progress import course
from ..verdict.outcome import Judgement, NextStep, Verdict

CYCLES_PER_LINE: Final = 5
"""Elsewhere than on a terminal, so that a log stays short."""
TICK_S: Final = 1.0
"""How often the clock of the line moves."""
_SIZE: Final = (100, 24)
"""Columns and lines where standard output is not a terminal."""
_TO_END_OF_LINE: Final = "\x1b[K\r"


class ProgressLine:
    """Every cycle in one line that is written over on a terminal, with a clock that runs; every
    fifth in a line of its own elsewhere.
    """

    def __init__(self) -> None:
        self._is_terminal = sys.stderr.isatty()
        self._over = threading.Event()
        self._lock = threading.Lock()
        self._line: Callable[[float], str] | None = None
        self._since_s = 0.0

    def __enter__(self) -> Self:
        if self._is_terminal:
            threading.Thread(target=self._tick, name="progress line", daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        with self._lock:
            if self._line is not None:
                self._line = None
                self._write("\n")

    def announce(self, record: RunRecord, judgement: Judgement) -> None:
        """How far the run is, and what comes next."""
        goes_on = judgement.next is NextStep.CONTINUE
        if goes_on and not self._is_terminal and len(record.cycles) % CYCLES_PER_LINE:
            return
        columns = shutil.get_terminal_size(_SIZE).columns
        line = course(record, judgement, columns, self._is_terminal)
        with self._lock:
            if not self._is_terminal:
                self._write(f"{line(0.0)}\n")
                return
            self._line, self._since_s = line, time.monotonic()
            self._show()

    def _tick(self) -> None:
        while not self._over.wait(TICK_S):
            with self._lock:
                if self._line is not None:
                    self._show()

    def _show(self) -> None:
        if self._line is not None:
            self._write(f"{self._line(time.monotonic() - self._since_s)}{_TO_END_OF_LINE}")

    def _write(self, text: str) -> None:
        with suppress(OSError, ValueError):  # the terminal has gone
            print(end=text, file=sys.stderr, flush=True)


def report_text(record: RunRecord, verdict: Verdict, folder: Path) -> str:
    """The result as the terminal shows it, and where the reports are."""
    columns = shutil.get_terminal_size(_SIZE).columns
    text = render(record, verdict, columns, sys.stdout.isatty()).rstrip()
    return (
        f"{text}\n\nreport: {folder / 'report.html'}\n"
        f"plots:  {folder}/memory.png latency.png cpu.png\n"
    )

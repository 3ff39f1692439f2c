"""What a run prints for a person: its progress, then its result."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path
from typing import Final

from ..record.record import RunRecord
from ..reporters.console import render
from ..reporters.progress import render as progress_line
from ..verdict.outcome import Judgement, NextStep, Verdict

CYCLES_PER_LINE: Final = 5
"""Elsewhere than on a terminal, so that a log stays short."""
_SIZE: Final = (100, 24)
"""Columns and lines where standard output is not a terminal."""
_TO_END_OF_LINE: Final = "\x1b[K\r"


def announce(record: RunRecord, judgement: Judgement) -> None:
    """Every cycle in one line that is written over on a terminal; every fifth in a line of its own
    elsewhere.
    """
    is_terminal = sys.stderr.isatty()
    goes_on = judgement.next is NextStep.CONTINUE
    if goes_on and not is_terminal and len(record.cycles) % CYCLES_PER_LINE:
        return
    columns = shutil.get_terminal_size(_SIZE).columns
    line = progress_line(record, judgement, columns, is_terminal)
    ending = _TO_END_OF_LINE if is_terminal and goes_on else "\n"
    print(line, end=ending, file=sys.stderr, flush=True)


def report_text(record: RunRecord, verdict: Verdict, folder: Path) -> str:
    """The result as the terminal shows it, and where the reports are."""
    columns = shutil.get_terminal_size(_SIZE).columns
    text = render(record, verdict, columns, sys.stdout.isatty()).rstrip()
    return (
        f"{text}\n\nreport: {folder / 'report.html'}\n"
        f"plots:  {folder}/memory.png latency.png cpu.png\n"
    )

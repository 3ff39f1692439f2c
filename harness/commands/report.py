"""`leak-harness report`: draw a run again from its record, also one that was cut short."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from harness.record import RunRecord
    from harness.verdict import Verdict

HELP = "draw a run again from its run.jsonl, also one that was cut short"


def add_options(parser: argparse.ArgumentParser) -> None:
    """Declare this verb's options."""
    parser.add_argument("run", metavar="RUN", type=Path, help="the run's folder")


def run(options: argparse.Namespace) -> int:
    """Judge the stored record and write its reports beside it."""
    from harness.judge import judge
    from harness.store import load_record

    record = load_record(options.run)
    verdict = judge(record, record.started.policy).verdict
    folder = options.run if options.run.is_dir() else options.run.parent
    print(write_reports(folder, record, verdict), end="")
    return verdict.exit_status


def write_reports(folder: Path, record: RunRecord, verdict: Verdict) -> str:
    """Write every report into the folder; the console's text comes back, with the paths."""
    import shutil

    from harness.reporters import REPORTERS
    from harness.reporters.console import render
    from harness.store import write_whole

    for name, draw in REPORTERS.items():
        write_whole(folder / name, draw(record, verdict))
    text = render(record, verdict, shutil.get_terminal_size((100, 24)).columns, sys.stdout.isatty())
    return f"{text.rstrip()}\n\nreport: {folder / 'report.html'}\nplots:  {folder}/memory.png latency.png cpu.png\n"

"""`leak-harness report`: draw a run again from its record, also one that was cut short."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

from harness.errors import (
    ExitStatus,
    NotARun,
    RecordError,
    RecordLost,
    RecordNotWritable,
    UsageError,
)
from harness.reporters.translation import LANGUAGES

if TYPE_CHECKING:
    from harness.record.record import RunRecord
    from harness.verdict.outcome import Verdict

RESULT: Final = "result.json"
HELP = "draw a run again from its run.jsonl, also one that was cut short"


def add_options(parser: argparse.ArgumentParser) -> None:
    """Declare this verb's options."""
    parser.add_argument(
        "runs", metavar="RUN", type=Path, nargs="+", help="run folders, or folders of such"
    )
    parser.add_argument(
        "--lang", choices=LANGUAGES, default="en", help="language of report.html (%(default)s)"
    )
    parser.add_argument("--index", metavar="FILE", type=Path, help="a page over all of them")


def run(options: argparse.Namespace) -> int:
    """Judge the stored records and write their reports beside them; the worst status comes back.

    What holds no run is left out, for `reports/*` may match it: it fails only where nothing else
    was named.
    """
    from harness.record.store import records_in, write_whole
    from harness.reporters.index import Entry, Index, render
    from harness.verdict.judge import judge

    entries, failed = [], False
    for run, record in records_in(options.runs):
        if isinstance(record, RecordError):
            failed |= not isinstance(record, NotARun)
            print(f"leak-harness: left out: {record.what}", file=sys.stderr)
            continue
        verdict = judge(record).verdict
        folder = run if run.is_dir() else run.parent
        print(write_reports(folder, record, verdict, options.lang), end="")
        entries.append(Entry(str(folder), record, verdict))
    if not entries:
        raise UsageError(
            "none of these is a run that can be drawn", hint="give folders that `run` wrote"
        )
    if options.index:
        write_whole(options.index, render(Index(entries, options.index.parent)))
        print(f"index:  {options.index}")
    return max(
        [
            ExitStatus.USAGE if failed else ExitStatus.FLAT,
            *(one.verdict.exit_status for one in entries),
        ]
    )


def write_reports(folder: Path, record: RunRecord, verdict: Verdict, language: str = "en") -> str:
    """Write the result, then every report into the folder; the console's text comes back, with the
    paths.

    A report that cannot be drawn or written is named on standard error, and left out.

    Raises:
        RecordLost: the result cannot be written.
    """
    import shutil

    from harness.commands.graph import draw as draw_graph
    from harness.record.store import write_whole
    from harness.reporters import REPORTERS, html, plots
    from harness.reporters.console import render

    pictures: dict[str, bytes] = {}

    def page(record: RunRecord, verdict: Verdict) -> bytes:
        return html.render(record, verdict, language, pictures=pictures, draw_graph=draw_graph)

    draws = dict(REPORTERS)
    try:
        write_whole(folder / RESULT, draws.pop(RESULT)(record, verdict))
    except RecordNotWritable as error:
        raise RecordLost(
            error.what, why=f"the verdict is {verdict.summary}", hint=error.hint
        ) from error
    for name, draw in {
        **plots.FILES,
        **draws,
        "report.html": page,
    }.items():  # pictures first: the page holds them
        try:
            drawn = draw(record, verdict)
            if name in plots.FILES:
                pictures[name] = drawn
            write_whole(folder / name, drawn)
        except Exception as error:  # noqa: BLE001 - a report that cannot be drawn takes no verdict with it
            said = (
                error.what
                if isinstance(error, RecordNotWritable)
                else f"{type(error).__name__}: {error}"
            )
            print(f"leak-harness: {name} is missing: {said}", file=sys.stderr)
    text = render(record, verdict, shutil.get_terminal_size((100, 24)).columns, sys.stdout.isatty())
    return (
        f"{text.rstrip()}\n\nreport: {folder / 'report.html'}\nplots:  {folder}/memory.png "
        f"latency.png cpu.png\n"
    )

"""`leak-harness report`: draw a run again from its record, also one that was cut short."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Final

from ..errors import ExitStatus, NotARun, RecordError, UsageError
from ._run_options import tell

HELP: Final = (
    "Write the reports of a run again from its run.jsonl, even if the run was interrupted."
)


def add_options(parser: argparse.ArgumentParser) -> None:
    """Run folders, and what to draw."""
    from ..experiment.options.output import LANGUAGES

    parser.add_argument(
        "runs", metavar="RUN", type=Path, nargs="+", help="A run folder, or a folder of such."
    )
    parser.add_argument(
        "--lang",
        choices=LANGUAGES,
        default="en",
        help="The language of report.html. (default: %(default)s)",
    )
    parser.add_argument(
        "--index",
        metavar="FILE",
        type=Path,
        help="Write a page that lists all of them. The status is 0, or 2 if a run is damaged.",
    )


def run(options: argparse.Namespace) -> int:
    """Judge the stored records and write their reports next to them.

    What holds no run is left out, for `reports/*` may match it: it fails only where nothing else
    was named.

    Returns:
        The worst status of the runs; with `--index` 0, or 2 where a run is damaged.
    """
    from ..experiment.reports import write_reports
    from ..record.store import records_in, write_whole
    from ..reporters.index import Entry, Index, render
    from ..verdict.judge import judge
    from ._terminal import report_text

    entries, is_damaged = [], False
    for place, record in records_in(options.runs):
        if isinstance(record, RecordError):
            is_damaged |= not isinstance(record, NotARun)
            tell(f"leak-harness: left out: {record.what}")
            continue
        verdict = judge(record).verdict
        folder = place if place.is_dir() else place.parent
        for name, why in write_reports(folder, record, verdict, options.lang).items():
            tell(f"leak-harness: {name} is missing: {why}")
        print(report_text(record, verdict, folder), end="")
        entries.append(Entry(str(folder), record, verdict))
    if not entries:
        raise UsageError(
            "none of these is a run that can be drawn", hint="give folders that `run` wrote"
        )
    if options.index:
        write_whole(options.index, render(Index(entries, options.index.parent)))
        print(f"index:  {options.index}")
    if options.index:  # what the runs came to stands in the page
        return ExitStatus.USAGE if is_damaged else ExitStatus.FLAT
    worst = max(entry.verdict.exit_status for entry in entries)
    return max(ExitStatus.USAGE, worst) if is_damaged else worst

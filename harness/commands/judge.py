"""`leak-harness judge`: decide stored series, each as a run that measured it would have been; and
tell why a run was decided as it was.
"""

from __future__ import annotations

import argparse
import csv
import sys
from collections.abc import Sequence
from pathlib import Path

from ..errors import ExitStatus, NotASeries, RecordError, UsageError

HELP = "Judge stored series and print file,verdict,sessions,kind. With --why, print the reasons."


def add_options(parser: argparse.ArgumentParser) -> None:
    """Declare this verb's options."""
    parser.add_argument(
        "series",
        metavar="SERIES.csv",
        nargs="+",
        type=Path,
        help="A table with the columns cycle,rss,uss,blocks,malloc_in_use,... With --why, also a "
        "run folder or its run.jsonl.",
    )
    parser.add_argument(
        "--why",
        action="store_true",
        help="Print the rules that were asked, the numbers that they compared, and the rule that "
        "decided.",
    )


def run(options: argparse.Namespace) -> int:
    """Print one line for each series; 0 once all are decided, whatever the verdicts.

    A table that is not a series is left out, for `*.csv` may match one: it fails only where nothing
    else was named. What cannot be read, or is damaged, might have been a leak: the others are
    judged, and the status is 2.
    """
    from ..experiment.judged_files import series_in
    from ..verdict.stored_series import COLUMNS, judge_series

    if options.why:
        return _tell_why(options.series)
    records, failed = [], False
    for label, series in series_in(options.series):
        if isinstance(series, RecordError):
            failed |= not isinstance(series, NotASeries)
            _tell_left_out(series)
        else:
            records.append((label, series))
    if not records:
        raise UsageError("none of these files is a series that can be judged", hint=COLUMNS)
    lines = csv.writer(sys.stdout, lineterminator="\n")
    lines.writerow(["file", "verdict", "sessions", "kind"])
    for label, record in records:
        judgement, sessions = judge_series(record)
        kind = getattr(judgement.verdict.gates["memory"], "kind", None)
        lines.writerow([label, judgement.verdict.name, sessions, kind or ""])
    return ExitStatus.USAGE if failed else 0


def _tell_why(paths: Sequence[Path]) -> int:
    """Print the argument of each run or series; 0 once all are told, whatever the verdicts."""
    from ..experiment.judged_files import verdict_of
    from ..reporters.why import why

    failed = False
    for path in paths:
        try:
            verdict = verdict_of(path)
        except RecordError as error:
            failed = True
            _tell_left_out(error)
            continue
        print(f"{path}\n{verdict.summary}\n\n{why(verdict)}\n")
    return ExitStatus.USAGE if failed else 0


def _tell_left_out(error: RecordError) -> None:
    print(f"leak-harness: left out: {error.what}", file=sys.stderr)

"""`leak-harness judge`: decide stored series, each as a run that measured it would have been; and
tell why a run was decided as it was.
"""

from __future__ import annotations

import argparse
import csv
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

from ..errors import ExitStatus, NotASeries, RecordError, UsageError
from ..units import format_size

if TYPE_CHECKING:
    from ..verdict.outcome import Verdict

MAX_SERIES_BYTES: Final = 64 * 2**20
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

    A table that is no series is left out, for `*.csv` may match one: it fails only where nothing
    else was named. What cannot be read, or is damaged, might have been a leak: the others are
    judged, and the status is 2.
    """
    from ..verdict.stored_series import COLUMNS, judge_series, read_series

    if options.why:
        return _tell_why(options.series)
    records, failed = [], False
    for name, path in zip(_names(options.series), options.series, strict=True):
        try:
            records.append((name, read_series(_text(path), str(path))))
        except RecordError as error:
            failed |= not isinstance(error, NotASeries)
            print(f"leak-harness: left out: {error.what}", file=sys.stderr)
    if not records:
        raise UsageError("none of these files is a series that can be judged", hint=COLUMNS)
    lines = csv.writer(sys.stdout, lineterminator="\n")
    lines.writerow(["file", "verdict", "sessions", "kind"])
    for name, record in records:
        judgement, sessions = judge_series(record)
        kind = getattr(judgement.verdict.gates["memory"], "kind", None)
        lines.writerow([name, judgement.verdict.name, sessions, kind or ""])
    return ExitStatus.USAGE if failed else 0


def _tell_why(paths: Sequence[Path]) -> int:
    """Print the argument of each run or series; 0 once all are told, whatever the verdicts."""
    from ..reporters.why import why

    failed = False
    for path in paths:
        try:
            verdict = _verdict(path)
        except RecordError as error:
            failed = True
            print(f"leak-harness: left out: {error.what}", file=sys.stderr)
            continue
        print(f"{path}\n{verdict.summary}\n\n{why(verdict)}\n")
    return ExitStatus.USAGE if failed else 0


def _verdict(path: Path) -> Verdict:
    from ..record.store import load_record
    from ..verdict.judge import judge
    from ..verdict.stored_series import judge_series, read_series

    if path.suffix == ".csv":
        return judge_series(read_series(_text(path), str(path)))[0].verdict
    return judge(load_record(path)).verdict


def _text(path: Path) -> str:
    try:
        if path.stat().st_size > MAX_SERIES_BYTES:
            raise RecordError(
                f"{path} is larger than {format_size(MAX_SERIES_BYTES)}: no series is so long"
            )
        return path.read_text(encoding="utf-8-sig")  # spreadsheets put a mark in front
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is no text"
        raise RecordError(f"{path} cannot be read: {reason}") from error


def _names(paths: Sequence[Path]) -> list[str]:
    """The files' own names, as labels have them; with their folders where two are alike."""
    counts = Counter(path.name for path in paths)
    return [path.name if counts[path.name] == 1 else str(path) for path in paths]

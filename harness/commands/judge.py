"""`leak-harness judge`: decide stored series, each as a run that measured it would have been."""

from __future__ import annotations

import argparse
import csv
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from harness.errors import UsageError

HELP = "decide stored series, and print file,verdict,sessions,kind"


def add_options(parser: argparse.ArgumentParser) -> None:
    """Declare this verb's options."""
    parser.add_argument(
        "series", metavar="SERIES.csv", nargs="+", type=Path, help="columns cycle,rss,uss,blocks,malloc_in_use,..."
    )


def run(options: argparse.Namespace) -> int:
    """Print one line for each series; 0 once all are decided, whatever the verdicts."""
    from harness.series import judge_series, read_series

    records = [read_series(_text(path), str(path)) for path in options.series]
    lines = csv.writer(sys.stdout, lineterminator="\n")
    lines.writerow(["file", "verdict", "sessions", "kind"])
    for name, record in zip(_names(options.series), records, strict=True):
        judgement, sessions = judge_series(record)
        kind = getattr(judgement.verdict.gates["memory"], "kind", None)
        lines.writerow([name, judgement.verdict.name, sessions, kind or ""])
    return 0


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is no text"
        raise UsageError(f"{path} cannot be read: {reason}", hint="name the files of stored series") from error


def _names(paths: Sequence[Path]) -> list[str]:
    """The files' own names, as labels have them; with their folders where two are alike."""
    counts = Counter(path.name for path in paths)
    return [path.name if counts[path.name] == 1 else str(path) for path in paths]

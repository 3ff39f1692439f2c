"""`leak-harness blame`: which action of a scenario leaves something behind?"""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Final

from ..errors import ExitStatus
from ._run_options import add_run_options, asked, tell

if TYPE_CHECKING:
    from ..record.record import RunRecord
    from ..verdict.outcome import Judgement

HELP: Final = "Find the action that leaks: vary how often each one runs, and measure its growth."
_SCHEDULE: Final = "it runs one schedule, to its end"
_REFUSED: Final = dict.fromkeys(("once", "runs", "control", "live", "bisect_status"), _SCHEDULE)
_HIDDEN: Final = (
    *("min_cycles", "max_cycles", "sessions", "grace", "explain", "textfile", "otlp", "trace"),
    *("limit", "object_limit", "allow", "only", "fail_on", "log_expect", "log_forbid"),
)
"""What a schedule says itself, what only a run writes, and what only a verdict rests on."""
CYCLES_PER_LINE: Final = 10


def add_options(parser: argparse.ArgumentParser) -> None:
    """Those of a run."""
    add_run_options(parser, refused=_REFUSED, hidden=_HIDDEN)


def run(options: argparse.Namespace) -> int:
    """Run a schedule, print what each action leaves; 1 if one is to blame, or time is."""
    from ..experiment.blaming import run_schedule
    from ..record.store import BLAME_FILE
    from ..reporters.blame_text import words

    wanted = asked(options, left_out=() if "cycles" in options else ("cycles",))
    ended = run_schedule(wanted, _announce)
    if ended.blame is None:
        tell(f"leak-harness: {ended.verdict.summary}")
        return ended.verdict.exit_status
    if wanted.output.json:
        print((ended.folder / BLAME_FILE).read_text(encoding="utf-8"))
    else:
        text = words(ended.blame, ended.verdict)
        print(f"{text}\n\nreport: {ended.folder / 'report.html'}")
    is_to_blame = ended.blame.guilty or ended.blame.with_time
    return ExitStatus.LEAK if is_to_blame else ExitStatus.FLAT


def _announce(record: RunRecord, judgement: Judgement) -> None:  # noqa: ARG001
    if len(record.cycles) % CYCLES_PER_LINE == 0:
        tell(f"cycle {len(record.cycles):3}  sessions {record.sessions:4}")

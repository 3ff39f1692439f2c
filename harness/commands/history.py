"""`leak-harness history`: memory, latency and CPU over runs, where they changed, and what is
new.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final

from ..errors import ExitStatus
from . import run as run_verb
from ._run_options import asked_again, tell

if TYPE_CHECKING:
    from ..across_runs.history import HistoryRun

HELP: Final = (
    "Show runs over time: where memory, latency or CPU changed, and which findings are new."
)


def add_options(parser: argparse.ArgumentParser) -> None:
    """Which runs, and where results go."""
    parser.add_argument(
        "runs", metavar="RUN", nargs="*", type=Path, help="Run folders to add, or folders of such."
    )
    parser.add_argument(
        "--db",
        metavar="FILE",
        type=Path,
        default=Path("reports/history.sqlite"),
        help="The file of the history. (default: %(default)s)",
    )
    parser.add_argument("--scenario", metavar="NAME", help="Show runs of this scenario alone.")
    parser.add_argument(
        "--target",
        metavar="TEXT",
        help="Show runs of servers with this text in their command or address alone.",
    )
    parser.add_argument(
        "--confirm",
        action="store_true",
        help="Run again, here, what the last run makes suspect.",
    )
    parser.add_argument(
        "--out",
        metavar="DIR",
        type=Path,
        help="The folder for history.html, .md and .png. (default: that of the history)",
    )
    parser.add_argument(
        "--json",
        action="store_true",
        help="Print the steps as JSON, and nothing else on standard output.",
    )


def run(options: argparse.Namespace) -> int:
    """Add, look for steps, print them; 1 where the last level is confirmed to be worse than the
    one before.
    """
    from ..across_runs.history import History
    from ..experiment.histories import confirmed, course, entries_in
    from ..record.store import made, write_whole
    from ..reporters import history_page

    history = History(options.db)
    history.add(entries_in(options.runs, tell))
    look = partial(course, history, options.scenario, options.target)
    seen = look()
    if options.confirm:
        seen = confirmed(history, look, partial(_run_again, options.db.parent), tell)
    folder = options.out or options.db.parent
    made(folder)
    runs = history_page.Runs(seen.entries, seen.steps)
    for name, draw in history_page.REPORTS.items():
        write_whole(folder / name, draw(runs))
    if options.json:
        print(json.dumps(seen.as_data()))
    else:
        print(history_page.screen(runs), end="")
    return ExitStatus.LEAK if seen.is_worse else ExitStatus.FLAT


def _run_again(folder: Path, last: HistoryRun) -> Path:
    from ..experiment.histories import run_again

    with contextlib.redirect_stdout(sys.stderr):
        return run_again(last, folder, asked_again, run_verb.run_with)

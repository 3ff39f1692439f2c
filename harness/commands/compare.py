"""`leak-harness compare`: before and after, from two run folders or from two servers that take
turns.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Final

from ._run_options import add_run_options, asked, tell, values_of

if TYPE_CHECKING:
    from ..experiment.compared_runs import Judged

HELP: Final = "Compare memory, latency, CPU and findings before and after a change."
EXAMPLES: Final = """\
examples:
  leak-harness compare reports/before reports/after
  leak-harness compare visit.py --before "python old.py" --after "python new.py"
  leak-harness compare visit.py --serve "python app.py" --against main

status:
  0 not worse   1 worse by more than the limit   3 too noisy to tell
  2 wrong usage   4 a server failed"""
_OF_STORED: Final = frozenset(("scenario", "out", "json"))
"""The options of a run that count where both runs are stored."""
_SIDES: Final = ("before", "after", "before_fault", "against", "setup")
_RUNNING: Final = "compare starts both servers"
_REFUSED: Final = {
    "fault": "--before-fault names those of the first server",
    **dict.fromkeys(
        ("pid", "container", "attach_probe", "metrics_url", "metric", "cgroup", "log"), _RUNNING
    ),
    **dict.fromkeys(("runs", "control", "once", "live"), "it runs each server once, to its end"),
    "bisect_status": "it has no verdict of one commit",
}
_HIDDEN: Final = ("trace", "textfile", "otlp", "min_cycles", "max_cycles")


def add_options(parser: argparse.ArgumentParser) -> None:
    """Two folders; or those of a run, and what differs."""
    add_run_options(parser, refused=_REFUSED, hidden=_HIDDEN)
    parser.add_argument(
        "after_run",
        nargs="?",
        metavar="AFTER",
        help="The run folder after the change. The one before it then stands in the place of "
        "SCENARIO.",
    )
    sides = parser.add_argument_group("what differs")
    sides.add_argument("--before", metavar="COMMAND", help="Start this as the first server.")
    sides.add_argument("--after", metavar="COMMAND", help="Start this as the second server.")
    sides.add_argument(
        "--before-fault",
        metavar="NAME",
        action="append",
        default=[],
        help="The embedded server with this fault, and without. Repeatable.",
    )
    sides.add_argument(
        "--against",
        metavar="REV",
        help="Start --serve in a work tree of this revision, and as it is now.",
    )
    sides.add_argument("--setup", metavar="COMMAND", help="Run this by a shell in that work tree.")
    parser.epilog = EXAMPLES


def run(options: argparse.Namespace) -> int:
    """Print and write the comparison; 1 where the second is worse by more than the limit, 0
    where it is not.
    """
    from ..across_runs.compare import compare
    from ..record.store import made, write_whole
    from ..reporters import comparison

    before, after, folder = _stored(options) if options.after_run else _run(options)
    result = compare(before, after)
    compared = comparison.Compared(result, before[0], after[0])
    made(folder)
    for name, draw in comparison.REPORTS.items():
        write_whole(folder / name, draw(compared))
    if "json" in options:
        print((folder / "compare.json").read_text(encoding="utf-8"))
    else:
        print(f"{comparison.text(result)}\nplot: {folder / 'compare.png'}")
    return result.exit_status


def _stored(options: argparse.Namespace) -> tuple[Judged, Judged, Path]:
    from ..errors import UsageError
    from ..experiment.compared_runs import stored_pair

    typed = {key for key in _SIDES if getattr(options, key)} | values_of(options).keys()
    if useless := sorted(typed - _OF_STORED):
        raise UsageError(
            f"--{useless[0].replace('_', '-')} is for servers that compare starts, and two run "
            "folders are given",
            hint="leave it out; two stored runs take --out and --json",
        )
    after_run = Path(options.after_run)
    before, after = stored_pair((Path(options.scenario), after_run))
    return before, after, getattr(options, "out", after_run)


def _run(options: argparse.Namespace) -> tuple[Judged, Judged, Path]:
    from ..experiment.compared_runs import Comparison, run_pair
    from ..record.store import dated

    faults = tuple(options.before_fault)
    comparison = Comparison(options.before, options.after, faults, options.against, options.setup)
    wanted = asked(options, also=comparison.target_words)
    comparison.check(wanted)
    folder = wanted.output.out or dated("compare")
    before, after, unwritten = run_pair(comparison, wanted, folder)
    for name, why in unwritten.items():
        tell(f"leak-harness: {name} is missing: {why}")
    return before, after, folder

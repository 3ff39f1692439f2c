"""`leak-harness ci`: a run, and its results where the CI that runs it looks for them."""

from __future__ import annotations

import argparse
import os
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

from . import run as run_verb
from ._run_options import STATUSES, add_run_options, asked, tell

if TYPE_CHECKING:
    from ..experiment.options import RunOptions

HELP: Final = "Run in CI: write the job page, outputs and annotations of GitHub and GitLab."
FOLDER: Final = Path("leak-report")
_REFUSED: Final = {
    "once": "one session has no result",
    "bisect_status": "`git bisect run` is not a CI",
}


def add_options(parser: argparse.ArgumentParser) -> None:
    """Those of a run, and one more."""
    add_run_options(parser, refused=_REFUSED)
    parser.add_argument(
        "--comment",
        action="store_true",
        help="Write the summary as a comment on the pull or merge request. It needs the variable "
        "LEAK_HARNESS_TOKEN.",
    )
    parser.epilog = STATUSES


def run(options: argparse.Namespace) -> int:
    """Run, then tell the CI; the status is that of the run."""
    from ..record.store import alone_in

    wanted = asked(options)
    folder = wanted.output.out or FOLDER
    with alone_in(folder):
        return _run_in(folder, wanted, options)


def _run_in(folder: Path, wanted: RunOptions, options: argparse.Namespace) -> int:
    from ..experiment.ci_outputs import clear, comment, publish

    clear(folder)
    # The server under test does not get to see the token.
    token = os.environ.pop("LEAK_HARNESS_TOKEN", "")
    status = run_verb.run_with(replace(wanted, output=replace(wanted.output, out=folder)))
    if (folder / "result.json").exists():
        # With --json, standard output holds the result alone. GitHub reads both streams.
        say = tell if wanted.output.json else print
        for line in publish(folder, os.environ):
            say(line)
        if options.comment and (problem := comment(folder, os.environ, token)):
            tell(f"leak-harness: {problem}")
    return status

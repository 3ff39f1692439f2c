"""`leak-harness bisect`: which commit brought the leak?"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Final

from ..errors import ExitStatus
from ._run_options import add_run_options, asked, tell

if TYPE_CHECKING:
    from ..experiment.bisecting import Bisection

HELP: Final = "Find the commit that brought a leak. The same command resumes a stopped search."
_WORK_TREE: Final = (
    "bisect starts the server in the work tree of each commit; --repo can name a folder in it"
)
_REFUSED: Final = {
    **dict.fromkeys(
        (
            *("cwd", "fault", "agent_size", "pid", "container", "attach_probe", "metrics_url"),
            *("metric", "cgroup", "log"),
        ),
        _WORK_TREE,
    ),
    "once": "each commit needs a verdict",
    "bisect_status": "it is for `git bisect run`",
}
_HIDDEN: Final = ("trace", "textfile", "otlp")


def add_options(parser: argparse.ArgumentParser) -> None:
    """Where to search, and the options of a run."""
    search = parser.add_argument_group("search")
    search.add_argument(
        "--good", metavar="REV", required=True, help="A revision that does not leak."
    )
    search.add_argument("--bad", metavar="REV", required=True, help="A later one that leaks.")
    search.add_argument(
        "--repo",
        metavar="DIR",
        type=Path,
        default=Path(),
        help="A folder of the repository. (default: the current one)",
    )
    search.add_argument(
        "--setup", metavar="COMMAND", help="Run this by a shell in each work tree, once."
    )
    add_run_options(parser, refused=_REFUSED, hidden=_HIDDEN)


def run(options: argparse.Namespace) -> int:
    """Find it; 0 where it is one commit, 3 where several are left that cannot be told apart."""
    from ..experiment.bisecting import Range, bisect

    wanted = asked(options)
    commits = Range(options.good, options.bad, options.repo, options.setup)
    folder = wanted.output.out or Path("reports") / "bisect"
    ended = bisect(commits, wanted, folder, tell)
    print(ended.found.as_json() if wanted.output.json else _in_words(ended))
    return ExitStatus.INCONCLUSIVE if ended.found.first_bad is None else ExitStatus.FLAT


def _in_words(ended: Bisection) -> str:
    found = ended.found
    if found.first_bad is not None:
        lines = [
            f"first bad commit: {ended.titles[0]}",
            f"  before: {found.before}",
            f"  at it:  {found.at}",
        ]
    else:
        lines = ["the first bad commit is one of these; those in between could not be tried:"]
        lines += [f"  {title}" for title in ended.titles]
    return "\n".join([*lines, *(f"  {line}" for line in [found.finding, *ended.reports] if line)])

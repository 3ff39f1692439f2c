"""`leak-harness compare`: before and after, from two run folders or from two servers that take
turns.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from contextlib import contextmanager
from copy import copy
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.commands import run as run_verb
from harness.commands.report import write_reports
from harness.errors import UsageError
from harness.experiment.options import declare, plan_of

if TYPE_CHECKING:
    from harness.record.record import RunRecord
    from harness.verdict.outcome import Verdict

HELP = (
    "before and after: memory, latency, CPU and findings of two runs, or of two servers that "
    "take turns"
)
CYCLES = 20


def add_options(parser: argparse.ArgumentParser) -> None:
    """Two folders; or those of a run, and what differs."""
    declare(parser)
    parser.add_argument(
        "after_run",
        nargs="?",
        metavar="AFTER",
        help="with a first folder: the run to compare it with",
    )
    parser.add_argument(
        "--before", metavar="COMMAND", help="start this server, and the other, cycles in turn"
    )
    parser.add_argument("--after", metavar="COMMAND", help="the other")
    parser.add_argument(
        "--before-fault",
        metavar="NAME",
        action="append",
        default=[],
        help="the embedded server with a fault, and without",
    )
    parser.add_argument(
        "--against", metavar="REV", help="before: --serve, in a work tree of that revision"
    )
    parser.add_argument("--setup", metavar="COMMAND", help="run by a shell in that work tree")


def defaults() -> dict[str, Any]:
    """What the configuration file sets."""
    return run_verb.defaults()


def run(options: argparse.Namespace) -> int:
    """Print and write the comparison; 1 where the second is worse by more than the limit, 0
    where it is not.
    """
    from harness.across_runs.compare import compare
    from harness.record.store import made, write_whole
    from harness.reporters import comparison

    pair, folder = _stored(options) if options.after_run else _run_both(options)
    found = compare(*pair)
    compared = comparison.Compared(found, pair[0][0], pair[1][0])
    made(folder)
    for name, draw in comparison.REPORTS.items():
        write_whole(folder / name, draw(compared))
    print(
        (folder / "compare.json").read_text()
        if options.json
        else f"{comparison.text(found)}\nplot: {folder / 'compare.png'}"
    )
    return found.exit_status


Pair = tuple[tuple["RunRecord", "Verdict"], tuple["RunRecord", "Verdict"]]


def _stored(options: argparse.Namespace) -> tuple[Pair, Path]:
    from harness.record.store import load_record
    from harness.verdict.judge import judge

    records = [load_record(Path(name)) for name in (options.scenario, options.after_run)]
    first, second = ((record, judge(record).verdict) for record in records)
    return (first, second), options.out or Path(options.after_run)


def _run_both(options: argparse.Namespace) -> tuple[Pair, Path]:
    import asyncio

    from harness.record.store import dated
    from harness.verdict.judge import judge

    ways = [
        bool(options.before and options.after),
        bool(options.before_fault),
        bool(options.against and options.serve),
    ]
    if sum(ways) != 1:
        raise UsageError(
            "compare needs two runs",
            hint="give two run folders, --before and --after, --before-fault, or --against with "
            "--serve",
        )
    options.cycles = options.cycles or CYCLES
    options.sessions = options.sessions or 1
    folder = options.out or dated("compare")
    sides = {"before": copy(options), "after": copy(options)}
    for name, side in sides.items():
        side.serve = options.serve if options.against else getattr(options, name)
        side.fault = options.before_fault if name == "before" else []
        side.out = folder / name
    with _work_tree(options, folder) as place:
        sides["before"].cwd = place
        records = asyncio.run(_in_turn(sides))
    pair = []
    for name, record in records.items():
        verdict = judge(record).verdict
        write_reports(folder / name, record, verdict, options.lang)
        pair.append((record, verdict))
    return (pair[0], pair[1]), folder


@contextmanager
def _work_tree(options: argparse.Namespace, folder: Path) -> Iterator[Path | None]:
    """Where the first server is started: a work tree of its revision, as long as it is needed."""
    from harness.across_runs.worktrees import Repository

    if not options.against:
        yield options.cwd
        return
    repository = Repository(options.cwd or Path(), folder / "worktrees")
    commit = repository.commit(options.against)
    try:
        place, problem = repository.checkout(commit, options.setup)
        if problem:
            raise UsageError(f"{options.against} cannot be set up: {problem}", hint="see --setup")
        yield place
    finally:
        repository.remove_all([commit])


async def _in_turn(sides: dict[str, argparse.Namespace]) -> dict[str, RunRecord]:
    import asyncio

    from harness.experiment.experiment import Experiment
    from harness.record.store import RunFolder
    from harness.verdict.judge import judge

    turn = asyncio.Lock()
    plans = {
        name: plan_of(side) for name, side in sides.items()
    }  # before there is a folder that would stay
    folders = {name: RunFolder(side.out) for name, side in sides.items()}
    try:
        runs = [
            Experiment(plan, folders[name], judge, lambda *_: None, turn=turn)
            for name, plan in plans.items()
        ]
        records = await asyncio.gather(*(one.run() for one in runs))
    finally:
        for one in folders.values():
            one.close()
    return dict(zip(sides, records, strict=True))

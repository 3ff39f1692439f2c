"""Two servers that take turns, cycle by cycle: the mood of the machine hits both."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from ..across_runs.worktrees import Repository
from ..errors import UsageError
from ..record.record import RunRecord
from ..record.store import RunFolder, load_record
from ..target.target import Target
from ..target.ways.embedded import Embedded
from ..target.ways.serve import Serve
from ..verdict.judge import judge
from ..verdict.outcome import Judgement, Verdict
from .experiment import Experiment
from .options import RunOptions
from .plan import plan_of
from .reports import write_reports

CYCLES: Final = 20
"""Cycles of each server where the user does not say how many."""
Judged = tuple[RunRecord, Verdict]


@dataclass(frozen=True, slots=True)
class Comparison:
    """What differs between the two servers."""

    before: str | None = None
    """A command that starts the first server."""
    after: str | None = None
    """A command that starts the second."""
    before_fault: tuple[str, ...] = ()
    """Faults of the embedded server, which the second does not have."""
    against: str | None = None
    """A revision of `--serve`, which the first server is started from."""
    setup: str | None = None
    """A command for a shell, run in the work tree of that revision."""

    @property
    def target_words(self) -> dict[str, Any]:
        """The options of a run that name the target of both servers, as if they were typed."""
        if self.before_fault:
            return {"fault": self.before_fault}
        return {"serve": self.before} if self.before else {}

    def check(self, options: RunOptions) -> None:
        """See that exactly one way to get two servers was named.

        Raises:
            UsageError: none was, or two were.
        """
        ways = [
            bool(self.before and self.after),
            bool(self.before_fault),
            bool(self.against and isinstance(options.target, Serve)),
        ]
        if sum(ways) != 1:
            raise UsageError(
                "compare needs two runs",
                hint="give two run folders, --before and --after, --before-fault, or --against "
                "with --serve",
            )

    def target(self, name: str, target: Target, work_tree: Path | None) -> Target:
        """The target of one side: `before` or `after`."""
        if self.before_fault and isinstance(target, Embedded):
            return replace(target, fault=self.before_fault if name == "before" else ())
        if not isinstance(target, Serve):
            raise UsageError(
                f"compare starts two servers, and {target.HELP_NAME} names one that runs",
                hint="leave it out",
            )
        if self.against:
            return replace(target, cwd=work_tree) if name == "before" else target
        command = self.before if name == "before" else self.after
        return replace(target, command=command or "")


def stored_pair(folders: tuple[Path, Path]) -> tuple[Judged, Judged]:
    """Two runs that are there already, judged again.

    Raises:
        RecordError: one of them cannot be read.
    """
    before, after = (load_record(folder) for folder in folders)
    return (before, judge(before).verdict), (after, judge(after).verdict)


def run_pair(
    comparison: Comparison, options: RunOptions, folder: Path
) -> tuple[Judged, Judged, dict[str, str]]:
    """Run both, in turn; each has a folder in this one.

    Returns:
        Both runs, and the reports that could not be written.

    Raises:
        UsageError: there are no two servers, or a revision cannot be set up.
    """
    load = options.load
    load = replace(load, cycles=load.cycles or CYCLES, sessions=load.sessions or 1)
    with _work_tree(comparison, options, folder) as place:
        sides = {
            name: replace(options, load=load, target=comparison.target(name, options.target, place))
            for name in ("before", "after")
        }
        records = asyncio.run(_in_turn(sides, folder))
    judged: list[Judged] = []
    unwritten: dict[str, str] = {}
    for name, record in records.items():
        verdict = judge(record).verdict
        missing = write_reports(folder / name, record, verdict, options.output.lang)
        unwritten |= {f"{name}/{report}": why for report, why in missing.items()}
        judged.append((record, verdict))
    return judged[0], judged[1], unwritten


@contextmanager
def _work_tree(comparison: Comparison, options: RunOptions, folder: Path) -> Iterator[Path | None]:
    """Where the first server is started: a work tree of its revision, as long as it is needed."""
    revision, start = comparison.against, options.target.folder
    if not revision:
        yield start
        return
    repository = Repository(start or Path(), folder / "worktrees")
    commit = repository.commit(revision)
    try:
        place, problem = repository.checkout(commit, comparison.setup)
        if problem:
            raise UsageError(f"{revision} cannot be set up: {problem}", hint="see --setup")
        yield place
    finally:
        repository.remove_all([commit])


async def _in_turn(sides: Mapping[str, RunOptions], folder: Path) -> dict[str, RunRecord]:
    turn = asyncio.Lock()
    # Plans first: where one fails, there is no folder that would stay.
    plans = {name: plan_of(side) for name, side in sides.items()}
    folders = {name: RunFolder(folder / name) for name in sides}
    try:
        experiments = [
            Experiment(plan, folders[name], judge, _unannounced, turn=turn)
            for name, plan in plans.items()
        ]
        records = await asyncio.gather(*(experiment.run() for experiment in experiments))
    finally:
        for run_folder in folders.values():
            run_folder.close()
    return dict(zip(sides, records, strict=True))


def _unannounced(record: RunRecord, judgement: Judgement) -> None:
    """Two progress lines at once would be none."""

"""Runs over time: what a history holds of them, where they changed, and the last one run again."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Final

from ..across_runs.change_points import (
    CONFIRMED,
    Change,
    by_target,
    change_points,
    findings_since,
)
from ..across_runs.history import History, HistoryRun
from ..errors import RecordError, UsageError
from ..record.store import BLAME_FILE, dated, load_record, records_in
from ..verdict.judge import judge
from .machine import revision
from .options import OutputOptions, RunOptions
from .runs import Tell

MIN_STEPS: Final = {
    "growth_bytes": 512.0,
    "rest_bytes": 1024.0 * 1024,
    "reply_s": 0.005,
    "idle_cpu_percent": 1.0,
}
"""The smallest steps that are worth telling, by figure."""
_MIN_SHARES: Final = {"rest_bytes": 0.1, "reply_s": 0.1}
"""The smallest steps as a share of what the figure was."""
Rerun = Callable[[RunOptions], object]
"""Runs a run again."""
Reread = Callable[[Sequence[str]], RunOptions]
"""Makes options of a command line that a record holds."""


@dataclass(frozen=True, slots=True)
class Course:
    """The runs that are wanted, and where each figure of theirs changed."""

    entries: list[HistoryRun]
    """The runs, in the order of time."""
    steps: dict[str, list[Change]]
    """By figure, with the places among all runs."""

    @property
    def is_worse(self) -> bool:
        """Whether the last level of a server is confirmed to be worse than the one before."""
        for changes_of_figure in self.steps.values():
            latest = {self.entries[step.at].target: step for step in changes_of_figure}
            if any(step.confirmed and step.after > step.before for step in latest.values()):
                return True
        return False

    @property
    def unconfirmed(self) -> list[HistoryRun]:
        """The runs that began a level which too few runs have confirmed."""
        places = {step.at for steps in self.steps.values() for step in steps if not step.confirmed}
        return [self.entries[at] for at in sorted(places)]

    def as_data(self) -> dict[str, Any]:
        """For scripts: each step with its place among all runs; findings of all servers."""
        steps = {name: list(map(self._step_as_data, own)) for name, own in self.steps.items()}
        findings: dict[str, dict[str, str]] = {}
        for places in by_target(self.entries).values():
            since = findings_since([self.entries[at].findings for at in places])
            for title, seen in since.items():
                findings[title] = findings.get(title, {}) | seen
        return {"runs": len(self.entries), "steps": steps, "findings": findings}

    def _step_as_data(self, step: Change) -> dict[str, Any]:
        entry = self.entries[step.at]
        return asdict(step) | {"revision": entry.revision, "target": entry.target}


def entries_in(paths: Sequence[Path], tell: Tell) -> list[HistoryRun]:
    """All runs in some folders. What cannot be read is left out, unless there is nothing else.

    Raises:
        RecordError: nothing can be read.
    """
    entries, problem = [], None
    for folder, record in records_in(paths):
        if isinstance(record, RecordError):
            problem = record
            tell(f"leak-harness: left out: {record.what}")
        elif not (folder / BLAME_FILE).exists():
            entries.append(HistoryRun.of(record, judge(record).verdict, str(folder.resolve())))
    if problem is not None and not entries:
        raise problem
    return entries


def course(history: History, scenario: str | None, target: str | None) -> Course:
    """The runs of a scenario and of servers with a text in their command or address.

    Raises:
        UsageError: there are none, or they are of several scenarios.
    """
    entries = [
        entry for entry in history.entries(scenario) if target is None or target in entry.target
    ]
    if not entries:
        raise _nothing_there(history, is_chosen=scenario is not None or target is not None)
    names = {entry.scenario for entry in entries}
    if len(names) > 1:
        raise UsageError(
            f"the history holds {len(names)} scenarios: {', '.join(sorted(names))}",
            hint="choose with --scenario",
        )
    steps: dict[str, list[Change]] = {name: [] for name in MIN_STEPS}
    for places in by_target(entries).values():
        of_target = [entries[at] for at in places]
        for name in MIN_STEPS:
            found = steps_of(of_target, name)
            steps[name] += [replace(step, at=places[step.at]) for step in found]
    return Course(entries, steps)


def confirmed(
    history: History,
    look: Callable[[], Course],
    run_again: Callable[[HistoryRun], Path],
    tell: Tell,
) -> Course:
    """The course once each run that makes a change suspect was run again, as often as it takes."""
    seen = look()
    for _ in range(CONFIRMED - 1):
        for entry in seen.unconfirmed:
            history.add(entries_in([run_again(entry)], tell))
        seen = look()
    return seen


def run_again(last: HistoryRun, folder: Path, reread: Reread, rerun: Rerun) -> Path:
    """A fresh run of what the last one ran, of the same commit.

    Args:
        last: the run.
        folder: takes the new run folder.
        reread: makes options of the words of a command line.
        rerun: runs.

    Returns:
        The new run folder.

    Raises:
        UsageError: the run does not say how it was run, or another commit is checked out.
    """
    target = load_record(Path(last.folder)).started.target
    words = shlex.split(target.get("command_line", ""))
    if words[1:2] not in (["run"], ["ci"]):
        raise UsageError(
            f"{last.folder} does not say how to run it again", hint="run it yourself, and add it"
        )
    options = reread(words)
    if revision(options.target.folder).get("commit", "") != last.revision:
        raise UsageError(
            f"the last run was of commit {last.revision[:10]}",
            hint="check that out, and confirm again",
        )
    out = dated(last.scenario, folder)
    rerun(replace(options, output=OutputOptions(out=out, lang=options.output.lang)))
    return out


def steps_of(entries: Sequence[HistoryRun], name: str) -> list[Change]:
    """The steps of a figure, by their places among these runs."""
    places = [at for at, entry in enumerate(entries) if getattr(entry, name) is not None]
    values = [float(getattr(entries[at], name)) for at in places]
    median = sorted(values)[len(values) // 2] if values else 0.0
    smallest = max(MIN_STEPS[name], _MIN_SHARES.get(name, 0.0) * median)
    return [replace(step, at=places[step.at]) for step in change_points(values, smallest)]


def _nothing_there(history: History, *, is_chosen: bool) -> UsageError:
    known = sorted({f"{entry.scenario} of {entry.target}" for entry in history.entries()})
    what = "the history holds no runs"
    if is_chosen and known:
        what = "the history holds no such runs"
    hint = "give folders that `run` wrote, or one of such: reports/"
    if known:
        hint = f"it has {'; '.join(known)}"
    return UsageError(what, hint=hint)

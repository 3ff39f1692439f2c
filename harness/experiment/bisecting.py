"""The search for the commit that brought a leak: each is checked out, run, and its answer kept."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Final

from ..across_runs.bisection import Answer, Search, answer_of, read_state
from ..across_runs.worktrees import Repository
from ..errors import UsageError
from ..record.store import load_record, made, write_whole
from ..redaction import SECRETS
from ..reporters.commits import Commits, Tried, render
from ..target.ways.serve import Serve
from ..verdict.judge import judge
from .options import OutputOptions, RunOptions
from .plan import Plan, plan_of
from .reports import write_reports
from .runs import Tell, all_runs
from .secret_values import secrets_of

STATE: Final = "bisect.json"
"""What was tried, so that a search that was cut short goes on."""


@dataclass(frozen=True, slots=True)
class Range:
    """Which commits are searched."""

    good: str
    """A revision that does not leak."""
    bad: str
    """A later one that does."""
    repo: Path = Path()
    """A folder of the repository."""
    setup: str | None = None
    """A command for a shell, run in each work tree."""


@dataclass(frozen=True, slots=True)
class Found:
    """Where the search ended."""

    first_bad: str | None
    """The commit; None where several are left that cannot be told apart."""
    suspects: list[str]
    """The commits that are left, the oldest first."""
    before: str
    """What the run of the commit before them came to."""
    at: str
    """What the run of the last of them came to."""
    finding: str
    """The first finding there."""
    runs: int
    """Commits that were tried."""

    def as_json(self) -> str:
        """The result as JSON, for scripts."""
        return json.dumps(asdict(self))


@dataclass(frozen=True, slots=True)
class Bisection:
    """A search that has ended, in words and in files."""

    found: Found
    titles: list[str]
    """Of the suspects: their subject lines."""
    reports: list[str]
    """The pages of the two commits that matter."""


def bisect(commits: Range, options: RunOptions, folder: Path, tell: Tell) -> Bisection:
    """Search, going on where an earlier call was cut short.

    Args:
        commits: where to search.
        options: the run of each commit.
        folder: takes the state, the work trees and a run folder for each commit.
        tell: hears of each commit.

    Raises:
        UsageError: there are no such commits, or the folder is of another search.
        KeyboardInterrupt: a run was interrupted.
    """
    made(folder)
    repository = Repository(commits.repo, folder / "worktrees")
    good, bad = repository.commit(commits.good), repository.commit(commits.bad)
    between = repository.between(good, bad)
    if not isinstance(options.target, Serve):
        raise UsageError(
            "bisect starts the server in the work tree of each commit",
            hint="give its command with --serve",
        )
    wanted = {"good": good, "bad": bad, "asked": _asked(options)}
    state = _state(folder / STATE, wanted)
    tried: dict[str, Any] = state["tried"]
    while True:
        search = Search(between, {commit: Answer(done["answer"]) for commit, done in tried.items()})
        commit = search.next
        if commit is None:
            break
        left = f"{len(search.suspects)} commits, about {search.runs_left} runs left"
        tell(f"{repository.title(commit)}  ({left})")
        place, problem = repository.checkout(commit, commits.setup)
        if problem:
            tried[commit] = {"answer": Answer.SKIP, "summary": problem}
        else:
            tried[commit] = _try(options, place, _run_folder(folder, commit))
        text = SECRETS.masked(json.dumps(state, indent=1))
        write_whole(folder / STATE, text.encode(), mode=0o600)
        tell(f"    {tried[commit]['answer']}: {tried[commit]['summary']}")
    concluded = _conclude(search, tried, repository, folder)
    repository.remove_all(list(tried))
    return concluded


def _asked(options: RunOptions) -> str:
    """What the answers depend on, as text: where results go does not matter."""
    SECRETS.add(secrets_of(options))
    return SECRETS.masked(repr(replace(options, output=OutputOptions(), command_line=())))


def _state(path: Path, wanted: Mapping[str, str]) -> dict[str, Any]:
    """What an earlier call has found, where it asked for the same.

    Raises:
        UsageError: it asked for something else.
        RecordDamaged: it cannot be read.
    """
    if not path.exists():
        return {**wanted, "tried": {}}
    state = asdict(read_state(path))
    if {name: state[name] for name in wanted} != wanted:
        raise UsageError(
            f"{path} is of another search", hint="give another --out, or remove that folder"
        )
    return state


def _run_folder(folder: Path, commit: str) -> Path:
    """A new one, for a search that was cut short may have begun a run of this commit."""
    number = len(list(folder.glob(f"{commit[:12]}*")))
    return folder / (f"{commit[:12]}-{number}" if number else commit[:12])


def _try(options: RunOptions, place: Path, out: Path) -> dict[str, Any]:
    """Run a commit that was checked out; what the state keeps of that."""
    asked = replace(options, target=_started_in(options, place))

    def plan(number: int) -> Plan:
        return plan_of(asked, number=number)

    done = all_runs(asked, out, plan)
    if done.record.is_interrupted:
        raise KeyboardInterrupt
    verdict = done.verdict
    growth = getattr(verdict.gates.get("memory"), "growth_per_session", None)
    summary = f"{verdict.name} after {done.record.sessions} sessions"
    if growth is not None:
        summary += f", {growth:+.0f} bytes per session"
    return {
        "answer": answer_of(verdict, options.policy.only),
        "summary": summary,
        "finding": next((finding.summary for finding in verdict.findings), ""),
        "growth": growth,
        "out": str(out / done.folder),
    }


def _started_in(options: RunOptions, place: Path) -> Serve:
    assert isinstance(options.target, Serve), "the search begins with no other target"
    return replace(options.target, cwd=place)


def _conclude(
    search: Search, tried: Mapping[str, Any], repository: Repository, folder: Path
) -> Bisection:
    suspects = search.suspects
    last = suspects[-1]
    earlier = search.commits[: search.commits.index(suspects[0])]
    before = [commit for commit in earlier if commit in tried][-1:]
    found = Found(
        first_bad=last if len(suspects) == 1 else None,
        suspects=suspects,
        before=tried[before[0]]["summary"] if before else "good as you said",
        at=tried[last]["summary"] if last in tried else "bad as you said",
        finding=tried.get(last, {}).get("finding", ""),
        runs=len(tried),
    )
    write_whole(folder / "bisect.png", _plot(search, tried))
    drawn = [commit for commit in (*before, last) if "out" in tried.get(commit, {})]
    reports = [_report(Path(tried[commit]["out"])) for commit in drawn]
    return Bisection(found, [repository.title(commit) for commit in suspects], reports)


def _report(run: Path) -> str:
    """The page of a commit, drawn for the two that matter alone."""
    record = load_record(run)
    write_reports(run, record, judge(record).verdict)
    return str(run / "report.html")


def _plot(search: Search, tried: Mapping[str, Any]) -> bytes:
    points = [
        Tried(at, tried[commit].get("growth"), tried[commit]["answer"])
        for at, commit in enumerate(search.commits)
        if commit in tried
    ]
    return render(Commits(points, search.commits.index(search.suspects[-1])))

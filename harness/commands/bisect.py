"""`leak-harness bisect`: which commit brought the leak?"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from harness.commands import run as run_verb
from harness.errors import ExitStatus, UsageError
from harness.experiment.options import declare, plan_of

if TYPE_CHECKING:
    from harness.across_runs.bisection import Search
    from harness.across_runs.worktrees import Repository

HELP = "which commit brought the leak? tries as few of them as it can, and can be resumed"
STATE: Final = "bisect.json"
_NOT_OF_A_RUN: Final = (
    "good",
    "bad",
    "repo",
    "setup",
    "out",
    "json",
    "verb",
    "parser",
    "command_line",
)


def add_options(parser: argparse.ArgumentParser) -> None:
    """Its own, and those of a run."""
    parser.add_argument(
        "--good", metavar="REV", required=True, help="a revision that does not leak"
    )
    parser.add_argument("--bad", metavar="REV", required=True, help="a later one that does")
    parser.add_argument(
        "--repo", metavar="DIR", type=Path, default=Path(), help="a folder of the repository (here)"
    )
    parser.add_argument("--setup", metavar="COMMAND", help="run by a shell in each work tree, once")
    declare(parser)


def defaults() -> dict[str, object]:
    """What the configuration file sets."""
    return run_verb.defaults()


def run(options: argparse.Namespace) -> int:
    """Find it; 0 where it is one commit, 3 where several are left that cannot be told apart."""
    from harness.across_runs.bisection import Answer, Search
    from harness.across_runs.worktrees import Repository
    from harness.record.store import made, write_whole

    if options.cwd is not None:
        raise UsageError(
            "bisect starts the server in the work tree of each commit",
            hint="--repo can name a folder in it",
        )
    folder: Path = options.out or Path("reports") / "bisect"
    made(folder)
    repository = Repository(options.repo, folder / "worktrees")
    good, bad = repository.commit(options.good), repository.commit(options.bad)
    commits = repository.between(good, bad)
    asked = {name: str(value) for name, value in vars(options).items() if name not in _NOT_OF_A_RUN}
    state = _state(folder / STATE, {"good": good, "bad": bad, "asked": asked})
    while True:
        search = Search(
            commits, {commit: Answer(one["answer"]) for commit, one in state["tried"].items()}
        )
        commit = search.next
        if commit is None:
            break
        left = f"{len(search.suspects)} commits, about {search.runs_left} runs left"
        print(f"{repository.title(commit)}  ({left})", file=sys.stderr, flush=True)
        state["tried"][commit] = one = _try(repository, commit, options, folder)
        write_whole(folder / STATE, json.dumps(state, indent=1).encode())
        print(f"    {one['answer']}: {one['summary']}", file=sys.stderr, flush=True)
    return _conclude(search, state["tried"], repository, folder, as_json=options.json)


def _state(path: Path, wanted: dict[str, Any]) -> dict[str, Any]:
    """What an earlier call has found, where it asked for the same."""
    if path.exists():
        state: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        if {name: state.get(name) for name in wanted} != wanted:
            raise UsageError(
                f"{path} is of another search", hint="give another --out, or remove that folder"
            )
        return state
    return {**wanted, "tried": {}}


def _try(
    repository: Repository, commit: str, options: argparse.Namespace, folder: Path
) -> dict[str, Any]:
    """Set it up and run it; what the state keeps of that."""
    from harness.across_runs.bisection import Answer, answer_of

    place, problem = repository.checkout(commit, options.setup)
    if problem:
        return {"answer": Answer.SKIP, "summary": problem}
    number = len(list(folder.glob(f"{commit[:12]}*")))
    out = folder / (f"{commit[:12]}-{number}" if number else commit[:12])
    asked = argparse.Namespace(**vars(options) | {"cwd": place})
    done = run_verb.all_runs(
        asked, out, lambda number: plan_of(asked, number=number), lambda *_: None
    )
    if done.verdict.name == "interrupted":
        raise KeyboardInterrupt
    growth = getattr(done.verdict.gates.get("memory"), "growth_per_session", None)
    summary = f"{done.verdict.name} after {done.record.sessions} sessions"
    if growth is not None:
        summary += f", {growth:+.0f} bytes a session"
    finding = next((one.summary for one in done.verdict.findings), "")
    place_of_record = str(out / done.folder)
    return {
        "answer": answer_of(done.verdict, options.only),
        "summary": summary,
        "finding": finding,
        "growth": growth,
        "out": place_of_record,
    }


def _conclude(
    search: Search, tried: dict[str, Any], repository: Repository, folder: Path, *, as_json: bool
) -> int:
    from harness.record.store import write_whole

    suspects = search.suspects
    first = suspects[-1]
    titles = [repository.title(commit) for commit in suspects]
    before = [
        commit for commit in search.commits[: search.commits.index(suspects[0])] if commit in tried
    ]
    verdicts = {
        "before": tried[before[-1]]["summary"] if before else "good as you said",
        "at": tried[first]["summary"] if first in tried else "bad as you said",
    }
    finding = tried.get(first, {}).get("finding", "")
    found = {
        "first_bad": first if len(suspects) == 1 else None,
        "suspects": suspects,
        **verdicts,
        "finding": finding,
        "runs": len(tried),
    }
    write_whole(folder / "bisect.png", _plot(search, tried))
    reports = [
        _report(tried[commit]["out"])
        for commit in (*before[-1:], first)
        if "out" in tried.get(commit, {})
    ]
    if as_json:
        print(json.dumps(found))
    elif len(suspects) == 1:
        print(
            f"first bad commit: {titles[0]}\n  before: {verdicts['before']}\n  at it:  "
            f"{verdicts['at']}"
        )
    else:
        print("the first bad commit is one of these; those in between could not be tried:")
        print("\n".join(f"  {title}" for title in titles))
    if not as_json:
        print("\n".join(f"  {line}" for line in [finding, *reports] if line))
    repository.remove_all(list(tried))
    return ExitStatus.FLAT if len(suspects) == 1 else ExitStatus.INCONCLUSIVE


def _report(run: str) -> str:
    """Drawn of the two commits that matter alone."""
    from harness.commands.report import write_reports
    from harness.record.store import load_record
    from harness.verdict.judge import judge

    record = load_record(Path(run))
    write_reports(Path(run), record, judge(record).verdict)
    return str(Path(run) / "report.html")


def _plot(search: Search, tried: dict[str, Any]) -> bytes:
    from harness.reporters.commits import Commits, Tried, render

    commits = [
        Tried(number, tried[commit].get("growth"), tried[commit]["answer"])
        for number, commit in enumerate(search.commits)
        if commit in tried
    ]
    return render(Commits(commits, search.commits.index(search.suspects[-1])))

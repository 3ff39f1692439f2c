"""`leak-harness bisect`: which commit brought the leak?"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.errors import ExitStatus, UsageError
from harness.options import declare

if TYPE_CHECKING:
    from harness.bisection import Search
    from harness.worktrees import Repository

HELP = "which commit brought the leak? tries as few of them as it can, and can be resumed"
STATE = "bisect.json"


def add_options(parser: argparse.ArgumentParser) -> None:
    """Its own, and those of a run."""
    parser.add_argument("--good", metavar="REV", required=True, help="a revision that does not leak")
    parser.add_argument("--bad", metavar="REV", required=True, help="a later one that does")
    parser.add_argument("--repo", metavar="DIR", type=Path, default=Path(), help="the repository (here)")
    parser.add_argument("--setup", metavar="COMMAND", help="run by a shell in each work tree, once")
    declare(parser)


def run(options: argparse.Namespace) -> int:
    """Find it; 0 where it is one commit, 3 where several are left that cannot be told apart."""
    from harness.bisection import Answer, Search
    from harness.store import write_whole
    from harness.worktrees import Repository

    folder: Path = options.out or Path("reports") / "bisect"
    folder.mkdir(parents=True, exist_ok=True)
    repository = Repository(options.repo, folder / "worktrees")
    good, bad = repository.commit(options.good), repository.commit(options.bad)
    commits = repository.between(good, bad)
    words = _run_words(sys.argv[2:])
    state = _state(folder / STATE, {"good": good, "bad": bad, "words": words})
    while True:
        search = Search(commits, {commit: Answer(one["answer"]) for commit, one in state["tried"].items()})
        commit = search.next
        if commit is None:
            break
        left = f"{len(search.suspects)} commits, about {search.runs_left} runs left"
        print(f"{repository.title(commit)}  ({left})", file=sys.stderr, flush=True)
        state["tried"][commit] = one = _try(repository, commit, options.setup, words, folder)
        write_whole(folder / STATE, json.dumps(state, indent=1).encode())
        print(f"    {one['answer']}: {one['summary']}", file=sys.stderr, flush=True)
    return _conclude(search, state["tried"], repository, folder, as_json=options.json)


def _run_words(words: list[str]) -> list[str]:
    """The options of the runs: those of the command line without our own."""
    kept, skip = [], False
    for word in words:
        name = word.partition("=")[0]
        if skip or name in ("--good", "--bad", "--repo", "--setup", "--out", "--json"):
            skip = not skip and "=" not in word and name != "--json"
            continue
        kept.append(word)
    return kept


def _state(path: Path, wanted: dict[str, Any]) -> dict[str, Any]:
    """What an earlier call has found, where it asked for the same."""
    if path.exists():
        state: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        if {name: state.get(name) for name in wanted} != wanted:
            raise UsageError(f"{path} is of another search", hint="give another --out, or remove that folder")
        return state
    return {**wanted, "tried": {}}


def _try(repository: Repository, commit: str, setup: str | None, words: list[str], folder: Path) -> dict[str, Any]:
    from harness.bisection import Answer

    place, problem = repository.checkout(commit, setup)
    if problem:
        return {"answer": Answer.SKIP, "summary": problem, "finding": ""}
    out = (folder / commit[:12]).resolve()
    number = len(list(folder.glob(f"{commit[:12]}*")))
    out = out if not out.exists() else out.with_name(f"{commit[:12]}-{number}")
    command = [sys.executable, "-P", "-m", "harness", "run", *words, "--cwd", str(place), "--json", "--out", str(out)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    try:
        result = json.loads(done.stdout)
    except ValueError:
        if done.returncode == ExitStatus.USAGE:
            raise UsageError(f"the run of {commit[:12]}: {done.stderr.strip()}") from None
        return {"answer": Answer.SKIP, "summary": done.stderr.strip()[-200:], "finding": ""}
    findings = result.get("findings") or [{}]
    gate = result["gates"].get("memory", {})
    summary = f"{result['verdict']} after {result['sessions']} sessions"
    if gate.get("growth_per_session") is not None:
        summary += f", {gate['growth_per_session']:+.0f} bytes a session"
    return {
        "answer": _answer(result),
        "summary": summary,
        "finding": findings[0].get("summary", ""),
        "growth": gate.get("growth_per_session"),
        "out": str(out),
    }


def _answer(result: dict[str, Any]) -> str:
    """Latency and CPU that stay open on a busy machine hold nothing up: what is looked for shows in the other gates."""
    from harness.bisection import Answer

    if result["verdict"] in ("leak", "degraded"):
        return Answer.BAD
    still_open = {name for name, gate in result["gates"].items() if gate["outcome"] == "inconclusive"}
    decided = result["verdict"] == "inconclusive" and not still_open - {"latency", "cpu"} and not result["doubts"]
    return Answer.GOOD if result["verdict"] == "flat" or decided else Answer.SKIP


def _conclude(search: Search, tried: dict[str, Any], repository: Repository, folder: Path, *, as_json: bool) -> int:
    suspects = search.suspects
    first = suspects[-1]
    titles = [repository.title(commit) for commit in suspects]
    before = [commit for commit in search.commits[: search.commits.index(suspects[0])] if commit in tried]
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
    (folder / "bisect.png").write_bytes(_plot(search, tried))
    if as_json:
        print(json.dumps(found))
    elif len(suspects) == 1:
        print(f"first bad commit: {titles[0]}\n  before: {verdicts['before']}\n  at it:  {verdicts['at']}")
    else:
        print("the first bad commit is one of these; those in between could not be tried:")
        print("\n".join(f"  {title}" for title in titles))
    if finding and not as_json:
        print(f"  {finding}")
    repository.remove_all(list(tried))
    return ExitStatus.FLAT if len(suspects) == 1 else ExitStatus.INCONCLUSIVE


def _plot(search: Search, tried: dict[str, Any]) -> bytes:
    from harness.reporters.commits import plot

    points = [
        (at, tried[commit].get("growth"), tried[commit]["answer"])
        for at, commit in enumerate(search.commits)
        if commit in tried
    ]
    return plot(points, search.commits.index(search.suspects[-1]))

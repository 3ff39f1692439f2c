"""Which commit brought the leak: the search on answers that are made up, and on a repository of real servers."""

from __future__ import annotations

import json
import random
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from server_scripts import ECHO, ECHO_SCENARIO, HEAD

from harness.bisection import Answer, Search

LEAK = ECHO.replace("await connection.send(message)", "kept.append(bytearray(2**20)); await connection.send(message)")
RUN = ["--protocol", "plain", "--cycles", "16", "--sessions", "6", "--grace", "0", "--no-explain", "--limit", "64KiB"]


def searched(number: int, first_bad: int, dead: frozenset[int] = frozenset()) -> tuple[list[str], int]:
    """The suspects that are left, and how many commits that start were tried."""
    commits = [f"c{at}" for at in range(number)]
    answers: dict[str, Answer] = {}
    while (commit := Search(commits, answers).next) is not None:
        at = int(commit[1:])
        answers[commit] = Answer.SKIP if at in dead else Answer.BAD if at >= first_bad else Answer.GOOD
    return Search(commits, answers).suspects, sum(answer is not Answer.SKIP for answer in answers.values())


def test_any_of_64_commits_is_found_in_six_runs() -> None:
    for first_bad in range(64):
        suspects, runs = searched(64, first_bad)
        assert (suspects, runs <= 6) == ([f"c{first_bad}"], True)


def test_ten_commits_that_do_not_start_cost_no_more_than_one_run_and_leave_no_doubt_elsewhere() -> None:
    chance = random.Random(7)
    for _ in range(300):
        first_bad = chance.randrange(1, 64)
        dead = frozenset(chance.sample([at for at in range(63) if at not in (first_bad, first_bad - 1)], 10))
        suspects, runs = searched(64, first_bad, dead)
        assert (suspects, runs <= 7) == ([f"c{first_bad}"], True)


def test_commits_beside_the_first_bad_one_that_do_not_start_are_all_named() -> None:
    suspects, _ = searched(16, 8, frozenset({6, 7}))
    assert suspects == ["c6", "c7", "c8"]


def git(folder: Path, *words: str) -> str:
    who = ["-c", "user.name=a", "-c", "user.email=a@b", "-c", "commit.gpgsign=false"]
    return subprocess.run(["git", *who, *words], cwd=folder, capture_output=True, text=True, check=True).stdout.strip()


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """Eight commits after the first; the sixth leaks, the fourth does not start."""
    if shutil.which("git") is None:
        pytest.skip("there is no git")
    folder = tmp_path / "repo"
    folder.mkdir()
    git(folder, "init", "-q", "-b", "main")
    for number in range(9):
        handler = LEAK if number >= 6 else "raise SystemExit(1)" if number == 4 else ECHO
        (folder / "app.py").write_text(f"{HEAD}\nkept = []\n{handler}\nNUMBER = {number}\nasyncio.run(main())\n")
        (folder / "echo.py").write_text(ECHO_SCENARIO)
        git(folder, "add", ".")
        git(folder, "commit", "-q", "-m", f"change {number}")
    return folder


def bisect(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "harness", "bisect", "--good", "HEAD~8", "--bad", "HEAD", "--repo", str(folder)]
    serve = ["--serve", f"{sys.executable} app.py"]
    return subprocess.run(
        [*command, f"{folder.name}/echo.py", *RUN, *serve, *words],
        cwd=folder.parent,
        capture_output=True,
        text=True,
        timeout=110,
        check=False,
    )


@pytest.mark.slow
def test_the_commit_that_brought_the_leak_is_found_and_the_search_is_kept(repository: Path) -> None:
    done = bisect(repository, "--setup", "touch set-up", "--out", "found")
    assert done.returncode == 0, done.stderr
    assert "change 6" in done.stdout.splitlines()[0]
    assert "at it:  leak" in done.stdout
    assert (repository.parent / "found" / "bisect.png").read_bytes().startswith(b"\x89PNG")
    again = bisect(repository, "--setup", "touch set-up", "--out", "found", "--json")
    found = json.loads(again.stdout)
    assert (found["first_bad"], found["runs"]) == (git(repository, "rev-parse", "HEAD~2"), len(found_runs(repository)))
    assert "worktree" not in git(repository, "worktree", "list", "--porcelain").replace("worktree ", "", 1)


def found_runs(repository: Path) -> list[str]:
    state = json.loads((repository.parent / "found" / "bisect.json").read_text())
    return list(state["tried"])


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--good", "HEAD", "--bad", "HEAD~3"], "does not come before"),
        (["--good", "no-such", "--bad", "HEAD"], "git rev-parse"),
        (["--good", "HEAD~1", "--bad", "HEAD", "--repo", "/"], "git rev-parse"),
    ],
)
def test_revisions_that_are_none_are_told(repository: Path, words: list[str], says: str) -> None:
    repo = [] if "--repo" in words else ["--repo", str(repository)]
    command = [sys.executable, "-m", "harness", "bisect", *words, *repo]
    done = subprocess.run(command, cwd=repository.parent, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, says in done.stderr, "Traceback" in done.stderr) == (2, True, False), done.stderr


def test_a_run_speaks_to_git_bisect_in_its_own_numbers(repository: Path) -> None:
    git(repository, "checkout", "-q", "HEAD~4")
    command = [sys.executable, "-m", "harness", "run", "echo.py", *RUN, "--bisect-status", "--serve"]
    dead = subprocess.run([*command, f"{sys.executable} app.py"], cwd=repository, capture_output=True, check=False)
    assert dead.returncode == 125
    wrong = subprocess.run([*command, ""], cwd=repository, capture_output=True, check=False)
    assert wrong.returncode == 255

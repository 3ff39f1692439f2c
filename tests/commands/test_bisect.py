"""Which commit brought the leak: the search on answers that are made up, and on a repository of
real servers.
"""

from __future__ import annotations

import json
import random
import shutil
import signal
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from server_scripts import ECHO, ECHO_SCENARIO, HEAD

from harness.across_runs.bisection import Answer, Search, answer_of
from harness.cli import main
from harness.commands import run as run_verb
from harness.verdict.outcome import Verdict, VerdictName

LEAK = ECHO.replace(
    "await connection.send(message)",
    "kept.append(bytearray(2**20)); await connection.send(message)",
)
FIRST = 2
DEAD = "raise SystemExit(1)"
RUN = [
    "--protocol",
    "plain",
    "--cycles",
    "13",
    "--sessions",
    "7",
    "--grace",
    "0",
    "--limit",
    "64KiB",
]
RUN += ["--memory-budget", "8MiB"]  # a leak of 1 MiB a session is plain after three cycles
RUN += ["--allow", "latency", "--allow", "cpu"]


def searched(
    number: int, first_bad: int, dead: frozenset[int] = frozenset()
) -> tuple[list[str], int]:
    """The suspects that are left, and how many commits that start were tried."""
    commits = [f"c{at}" for at in range(number)]
    answers: dict[str, Answer] = {}
    while (commit := Search(commits, answers).next) is not None:
        at = int(commit[1:])
        answers[commit] = (
            Answer.SKIP if at in dead else Answer.BAD if at >= first_bad else Answer.GOOD
        )
    return Search(commits, answers).suspects, sum(
        answer is not Answer.SKIP for answer in answers.values()
    )


def test_any_of_64_commits_is_found_in_six_runs() -> None:
    for first_bad in range(64):
        suspects, runs = searched(64, first_bad)
        assert (suspects, runs <= 6) == ([f"c{first_bad}"], True)


def test_ten_commits_that_do_not_start_cost_no_more_than_one_run_and_leave_no_doubt_elsewhere() -> (
    None
):
    chance = random.Random(7)
    for _ in range(300):
        first_bad = chance.randrange(1, 64)
        dead = frozenset(
            chance.sample([at for at in range(63) if at not in (first_bad, first_bad - 1)], 10)
        )
        suspects, runs = searched(64, first_bad, dead)
        assert (suspects, runs <= 7) == ([f"c{first_bad}"], True)


def test_commits_beside_the_first_bad_one_that_do_not_start_are_all_named() -> None:
    suspects, _ = searched(16, 8, frozenset({6, 7}))
    assert suspects == ["c6", "c7", "c8"]


def git(folder: Path, *words: str, text: str | None = None) -> str:
    done = subprocess.run(
        ["git", *words], cwd=folder, input=text, capture_output=True, text=True, check=True
    )
    return done.stdout.strip()


def repository(folder: Path, handlers: Sequence[str]) -> Path:
    """A repository with a commit for each server, `change 0` the first."""
    if shutil.which("git") is None:
        pytest.skip("there is no git")
    folder.mkdir()
    git(folder, "init", "-q", "-b", "main")
    stream = ""
    for number, handler in enumerate(handlers):
        app = f"{HEAD}\nkept = []\n{handler}\nNUMBER = {number}\nasyncio.run(main())\n"
        stream += (
            f"commit refs/heads/main\ncommitter a <a@b> {number} +0000\ndata <<.\nchange "
            f"{number}\n.\n"
        )
        for name, text in (("server/app.py", app), ("echo.py", ECHO_SCENARIO)):
            stream += f"M 644 inline {name}\ndata {len(text)}\n{text}\n"
    git(folder, "fast-import", "--quiet", text=stream)
    git(folder, "reset", "-q", "--hard")
    return folder


def bisect(repo: Path, *words: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "harness", "bisect", "--repo", str(repo / "server"), *words]
    return subprocess.Popen(
        command, cwd=repo.parent, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


@pytest.mark.slow
@pytest.mark.timeout(900)  # nine runs, each of a server of its own
def test_the_bug_is_found_in_64_commits_of_which_ten_do_not_start_also_when_the_search_is_cut_short(
    tmp_path: Path,
) -> None:
    dead = {15, 21, 22, 23, 32, 41, 42, 43, 51, 61}
    repo = repository(
        tmp_path / "repo",
        [DEAD if number in dead else LEAK if number >= FIRST else ECHO for number in range(65)],
    )
    words = [
        "--good",
        "HEAD~64",
        "--bad",
        "HEAD",
        "--setup",
        f"pwd >> {tmp_path}/setups",
        "--out",
        "found",
    ]
    words += ["repo/echo.py", *RUN, "--serve", f"{sys.executable} app.py"]
    with bisect(repo, *words) as first:
        assert first.stderr is not None
        assert next(line for line in first.stderr if line.startswith("    bad: leak"))
        next(first.stderr)
        first.send_signal(signal.SIGINT)
        first.communicate()
    assert first.returncode == 130
    with bisect(repo, *words) as second:
        told, errors = second.communicate()
    assert second.returncode == 0, errors
    assert f"change {FIRST}" in told.splitlines()[0]
    assert "  before: flat after 91 sessions" in told
    assert "  at it:  leak after" in told
    assert "per session" in told.splitlines()[3]  # what each session leaves
    assert len(list((tmp_path / "found").glob("*/report.html"))) == told.count("report.html") == 2
    state = json.loads((tmp_path / "found" / "bisect.json").read_text())
    answers = [one["answer"] for one in state["tried"].values()]
    assert answers.count("good") + answers.count("bad") <= 7
    assert "skip" in answers
    set_up = (tmp_path / "setups").read_text().splitlines()
    assert len(set_up) == len(set(set_up)) == len(answers)
    assert all(one.endswith("/server") for one in set_up)
    assert (tmp_path / "found" / "bisect.png").read_bytes().startswith(b"\x89PNG")
    assert len(git(repo, "worktree", "list").splitlines()) == 1
    with bisect(repo, *words, "--json") as again:
        told, _ = again.communicate()
    found = json.loads(told)
    assert (found["first_bad"], found["runs"]) == (
        git(repo, "rev-parse", f"HEAD~{64 - FIRST}"),
        len(answers),
    )


@pytest.mark.parametrize(
    ("name", "open_gates", "only", "answer"),
    [
        ("flat", (), (), Answer.GOOD),
        ("leak", ("latency",), (), Answer.BAD),
        ("degraded", (), (), Answer.BAD),
        ("inconclusive", ("latency", "cpu"), (), Answer.GOOD),  # memory and the counters are flat
        ("inconclusive", ("latency", "memory"), (), Answer.SKIP),
        ("inconclusive", ("latency",), ("latency",), Answer.SKIP),  # it is what is looked for
        ("inconclusive", (), (), Answer.SKIP),  # memory was not measured
        ("server-failed", (), (), Answer.SKIP),
    ],
)
def test_what_a_run_says_of_its_commit(
    name: str, open_gates: tuple[str, ...], only: tuple[str, ...], answer: Answer
) -> None:
    verdict = Verdict(VerdictName(name), "", {}, open_gates=open_gates)
    assert answer_of(verdict, only) is answer
    doubted = replace(verdict, doubts=("3 of 20 sessions failed",))
    assert answer_of(doubted, only) is (Answer.SKIP if name == "inconclusive" else answer)


def test_git_bisect_is_told_to_give_up_by_whatever_is_no_answer(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for word in ("--bisect-status", "--bisect"):  # which is refused
        assert main(["run", word, "--cycels", "3"]) == 255  # git takes 2 for a bad commit
    monkeypatch.setattr(run_verb, "run", lambda options: 1 // 0)
    assert main(["run", "--bisect-status"]) == 255


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--good", "HEAD", "--bad", "HEAD~1"], "does not come before"),
        (["--good", "no-such", "--bad", "HEAD"], "git rev-parse"),
        (["--good", "HEAD~1", "--bad", "HEAD", "--repo", "/"], "git rev-parse"),
        (["--good", "HEAD~1", "--bad", "HEAD", "--cwd", "."], "--repo can name a folder in it"),
    ],
)
def test_revisions_that_are_none_are_told(tmp_path: Path, words: list[str], says: str) -> None:
    with bisect(repository(tmp_path / "repo", [ECHO, LEAK]), *words) as done:
        _, errors = done.communicate()
    assert (done.returncode, says in errors, "Traceback" in errors) == (2, True, False), errors


@pytest.mark.slow
def test_git_bisect_finds_it_with_runs_as_its_command(tmp_path: Path) -> None:
    repo = repository(tmp_path / "repo", [ECHO, ECHO, LEAK, LEAK, LEAK])
    git(repo, "bisect", "start", "HEAD", "HEAD~4")
    run = [
        sys.executable,
        "-m",
        "harness",
        "run",
        "echo.py",
        *RUN,
        "--no-explain",
        "--bisect-status",
    ]
    assert "first bad commit" in git(
        repo, "bisect", "run", *run, "--serve", f"{sys.executable} server/app.py"
    )
    assert git(repo, "show", "-s", "--format=%s", "refs/bisect/bad") == "change 2"


@pytest.mark.slow
@pytest.mark.parametrize(("serve", "status"), [(f"{sys.executable} app.py", 125), ("", 255)])
def test_git_bisect_goes_around_what_does_not_start_and_gives_up_where_nothing_can_run(
    tmp_path: Path, serve: str, status: int
) -> None:
    (tmp_path / "app.py").write_text(DEAD)
    (tmp_path / "echo.py").write_text(ECHO_SCENARIO)
    command = [
        sys.executable,
        "-m",
        "harness",
        "run",
        "echo.py",
        *RUN,
        "--bisect-status",
        "--serve",
        serve,
    ]
    assert (
        subprocess.run(command, cwd=tmp_path, capture_output=True, check=False).returncode == status
    )

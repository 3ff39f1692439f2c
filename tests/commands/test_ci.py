"""What GitHub and GitLab are told after a run."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any, ClassVar

import pytest
import yaml
from server_scripts import ECHO, ECHO_SCENARIO, written

from harness.cli import main
from harness.experiment.ci_outputs import comment, publish
from harness.experiment.request_comment import MARK, TOKEN

ROOT = Path(__file__).parents[2]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A report of a leak with one finding inside the repository and one outside."""
    finding = {"severity": "leak", "kind": "task", "type": "Room.keep", "fingerprint": "f" * 16}
    result: dict[str, Any] = {
        "verdict": "leak",
        "exit_status": 1,
        "scenario": "plain-chat",
        "sessions": 40,
        "gates": {"memory": {"growth_per_session": 2048.0}, "latency": {"outcome": "flat"}},
        "findings": [
            {
                **finding,
                "summary": "100% of\nthem stay",
                "created_at": f"{tmp_path}/app/room.py:12",
            },
            {**finding, "summary": "elsewhere", "created_at": "/usr/lib/python3/queue.py:3"},
            {**finding, "severity": "notice", "summary": "known", "created_at": ""},
        ],
    }
    report = tmp_path / "leak-report"
    report.mkdir()
    (report / "result.json").write_text(json.dumps(result))
    (report / "summary.md").write_text("## leak-harness: leak\n")
    return report


def test_github_gets_the_job_page_outputs_and_annotations(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    page, outputs = tmp_path / "page.md", tmp_path / "outputs"
    environment = {
        "GITHUB_ACTIONS": "true",
        "GITHUB_STEP_SUMMARY": str(page),
        "GITHUB_OUTPUT": str(outputs),
        "GITHUB_WORKSPACE": str(tmp_path),
    }
    first, second = publish(folder, environment)
    assert page.read_text() == "## leak-harness: leak\n"
    assert outputs.read_text().splitlines()[:2] == ["verdict=leak", "growth-per-session=2048.0"]
    assert (
        first == "::error file=app/room.py,line=12,title=leak-harness%3A task Room.keep::100%25 "
        "of%0Athem stay"
    )
    assert second.startswith("::error title=")


@pytest.mark.parametrize(
    ("environment", "link"),
    [
        (
            {"GITHUB_REPOSITORY": "o/chat", "GITHUB_SHA": "abc", "GITHUB_STEP_SUMMARY": "page.md"},
            "https://github.com/o/chat/blob/abc/app/room.py#L12",
        ),
        (
            {
                "CI_PROJECT_URL": "https://git.example.com/o/chat",
                "CI_COMMIT_SHA": "abc",
                "GITHUB_STEP_SUMMARY": "page.md",
            },
            "https://git.example.com/o/chat/-/blob/abc/app/room.py#L12",
        ),
    ],
    ids=["GitHub", "GitLab"],
)
def test_a_cause_on_the_page_of_a_job_leads_to_its_line(
    folder: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    environment: dict[str, str],
    link: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    (folder / "summary.md").write_text("### Cause\n\n- 100% of them stay\n- elsewhere\n")
    publish(folder, environment)
    assert (tmp_path / "page.md").read_text() == (
        f"### Cause\n\n- [app/room.py:12]({link}) 100% of them stay\n- elsewhere\n"
    )


def test_gitlab_gets_metrics_and_code_quality(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert publish(folder, {"GITLAB_CI": "true"}) == []
    issues = json.loads((folder / "codequality.json").read_text())
    assert [one["location"]["path"] for one in issues] == ["app/room.py", "server"]
    metrics = (folder / "metrics.txt").read_text()
    assert 'leak_harness_growth_per_session{gate="memory",scenario="plain-chat"} 2048.0' in metrics
    assert metrics.endswith("# EOF\n")


def test_elsewhere_only_the_report_is_written(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert publish(folder, {}) == []
    assert not (folder / "metrics.txt").exists()


@pytest.mark.slow
def test_the_verb_runs_and_writes_for_the_ci_that_runs_it(tmp_path: Path) -> None:
    (tmp_path / "echo.py").write_text(ECHO_SCENARIO)
    words = [
        "echo.py",
        "--protocol",
        "plain",
        "--serve",
        written(tmp_path, ECHO),
        "--cycles",
        "2",
        "--no-explain",
    ]
    environment = {**os.environ, "GITLAB_CI": "1", "GITHUB_ACTIONS": ""}
    command = [sys.executable, "-m", "harness", "ci", *words]
    done = subprocess.run(
        command,
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert done.returncode == 3, done.stderr
    assert {"report.html", "junit.xml", "metrics.txt", "codequality.json"} <= {
        path.name for path in (tmp_path / "leak-report").iterdir()
    }


class Forge(BaseHTTPRequestHandler):
    """As much of GitHub and GitLab as a comment needs."""

    comments: ClassVar[list[dict[str, Any]]]
    asked: ClassVar[list[str]]

    def answer(self, status: int, found: object) -> None:
        self.send_response(status)
        self.end_headers()
        self.wfile.write(json.dumps(found).encode())

    def do_GET(self) -> None:
        page = int(self.path.rpartition("page=")[2])
        self.answer(200, self.comments[100 * (page - 1) : 100 * page])

    def change(self) -> None:
        said = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.asked.append(f"{self.command} {self.path}")
        if self.headers["Authorization"] != "Bearer sesame":
            self.answer(403, {})
        elif self.command == "POST":
            self.comments.append({"id": len(self.comments) + 1, **said})
            self.answer(201, {})
        else:
            self.comments[int(self.path.rpartition("/")[2]) - 1] |= said
            self.answer(200, {})

    do_POST = do_PATCH = do_PUT = change

    def log_message(self, *_: Any) -> None:
        """Nothing."""


@pytest.fixture
def forge() -> Iterator[str]:
    Forge.comments = [{"id": number + 1, "body": "well done"} for number in range(130)]
    Forge.asked = []
    with ThreadingHTTPServer(("127.0.0.1", 0), Forge) as server:
        Thread(target=server.serve_forever, args=(0.05,)).start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()


GITHUB = {"GITHUB_API_URL": "FORGE", "GITHUB_REPOSITORY": "a/b", "GITHUB_REF": "refs/pull/7/merge"}
GITLAB = {"CI_API_V4_URL": "FORGE", "CI_PROJECT_ID": "12", "CI_MERGE_REQUEST_IID": "7"}


@pytest.mark.parametrize(
    ("environment", "asked"),
    [
        (GITHUB, ["POST /repos/a/b/issues/7/comments", "PATCH /repos/a/b/issues/comments/131"]),
        (
            GITLAB,
            [
                "POST /projects/12/merge_requests/7/notes",
                "PUT /projects/12/merge_requests/7/notes/131",
            ],
        ),
    ],
    ids=["GitHub", "GitLab"],
)
def test_the_request_gets_one_comment_which_is_brought_up_to_date(
    folder: Path, forge: str, environment: dict[str, str], asked: list[str]
) -> None:
    here = {name: value.replace("FORGE", forge) for name, value in environment.items()}
    for words in ("leak", "flat"):
        (folder / "summary.md").write_text(words)
        comment(folder, here, "sesame")
    assert Forge.asked == asked
    assert [one["body"] for one in Forge.comments[130:]] == [f"{MARK}\nflat"]


def test_a_comment_that_is_refused_is_told_and_where_there_is_no_request_none_is_written(
    folder: Path, forge: str, capsys: pytest.CaptureFixture[str]
) -> None:
    nowhere = {**GITLAB, "CI_API_V4_URL": "http://127.0.0.1:1"}
    main_branch = {"GITHUB_REF": "refs/heads/main", "GITHUB_API_URL": forge}
    assert (comment(folder, main_branch, "sesame"), Forge.asked) == ("", [])
    here = {name: value.replace("FORGE", forge) for name, value in GITLAB.items()}
    for environment, token in ((here, "wrong"), (nowhere, "sesame")):
        assert "the comment was not written: " in comment(folder, environment, token)


def test_the_action_and_the_include_call_what_there_is() -> None:
    action = yaml.safe_load((ROOT / "action.yml").read_text())
    steps = {step["name"]: step for step in action["runs"]["steps"]}
    assert steps["run"]["run"].startswith("leak-harness ci ")
    assert list(steps["run"]["env"]) == [TOKEN]
    assert set(action["outputs"]) <= {"verdict", "growth-per-session"}
    given = set(re.findall(r"inputs\.([\w-]+)", (ROOT / "action.yml").read_text()))
    assert given == set(action["inputs"])
    include = yaml.safe_load((ROOT / "gitlab-leak-harness.yml").read_text())
    reports = include[".leak-harness"]["artifacts"]["reports"]
    assert {Path(path).name for path in reports.values()} == {
        "junit.xml",
        "metrics.txt",
        "codequality.json",
    }
    copied = re.findall(r"^COPY (.*) \S+$", (ROOT / "Containerfile").read_text(), re.MULTILINE)
    assert all((ROOT / name).exists() for line in copied for name in line.split())


def test_what_a_call_has_left_that_was_killed_between_its_runs_is_removed(tmp_path: Path) -> None:
    (tmp_path / "run-1").mkdir()
    (tmp_path / "run-1" / "run.jsonl").touch()
    (tmp_path / "notes").touch()
    assert main(["ci", "no-such-scenario", "--out", str(tmp_path)]) == 2
    assert [one.name for one in tmp_path.iterdir()] == ["notes"]


def test_a_second_call_removes_what_the_first_has_left_and_nothing_else(tmp_path: Path) -> None:
    (tmp_path / "echo.py").write_text(ECHO_SCENARIO)
    (tmp_path / "run-1").mkdir()  # the user's, of the same name
    words = [
        "echo.py",
        "--protocol",
        "plain",
        "--serve",
        written(tmp_path, ECHO),
        "--cycles",
        "1",
        "--out",
        ".",
    ]
    for _ in range(2):
        done = subprocess.run(
            [sys.executable, "-m", "harness", "ci", *words],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 3, done.stderr
    assert {"echo.py", "run-1", "run.jsonl", "report.html"} <= {
        one.name for one in tmp_path.iterdir()
    }

"""The results of a run where the CI that runs it looks for them: GitHub and GitLab."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Final
from urllib.parse import quote

from ..errors import UsageError
from ..reporters import REPORTERS, openmetrics
from ..reporters.escaping import markdown, workflow_message, workflow_property
from ..reporters.places import from_folder
from .request_comment import Thread

FOLDER: Final = Path("leak-report")
_MAX_ANNOTATIONS: Final = 10


def clear(folder: Path) -> None:
    """Remove what an earlier run has left there. The folder may hold files of the user, too."""
    if not any(
        (folder / name).exists() for name in ("run.jsonl", "result.json", "run-1/run.jsonl")
    ):
        return
    for name in ("run.jsonl", "server.log", *REPORTERS, "metrics.txt", "codequality.json"):
        (folder / name).unlink(missing_ok=True)
    for run in (*folder.glob("run-*"), folder / "control"):
        if (run / "run.jsonl").exists():
            shutil.rmtree(run)


def comment(folder: Path, environment: Mapping[str, str], token: str) -> str:
    """Write the summary as one comment on the pull or merge request.

    Returns:
        Why that failed, empty where it did not. It changes no verdict.
    """
    thread = Thread.of(environment)
    if thread is None:
        return ""
    try:
        result = json.loads((folder / "result.json").read_text(encoding="utf-8"))
        thread.say(_linked_summary(folder, result, environment), token)
    except UsageError as error:
        return str(error)
    return ""


def publish(folder: Path, environment: Mapping[str, str]) -> list[str]:
    """Write what each CI reads, whichever it is.

    Returns:
        Lines that a CI reads off standard output.
    """
    result = json.loads((folder / "result.json").read_text(encoding="utf-8"))
    summary = _linked_summary(folder, result, environment)
    if page := environment.get("GITHUB_STEP_SUMMARY"):
        with Path(page).open("a", encoding="utf-8") as job:
            job.write(summary)
    if outputs := environment.get("GITHUB_OUTPUT"):
        growth = result["gates"].get("memory", {}).get("growth_per_session")
        lines = {
            "verdict": result["verdict"],
            "growth-per-session": growth,
            "report": folder / "report.html",
        }
        with Path(outputs).open("a", encoding="utf-8") as out:
            out.writelines(f"{name}={value}\n" for name, value in lines.items())
    if environment.get("GITLAB_CI"):
        (folder / "metrics.txt").write_bytes(openmetrics.render(result))
        (folder / "codequality.json").write_text(
            json.dumps(_issues(result, Path.cwd())), encoding="utf-8"
        )
    if environment.get("GITHUB_ACTIONS"):
        return workflow_commands(result, Path(environment.get("GITHUB_WORKSPACE", ".")))
    return []


def _linked_summary(folder: Path, result: dict[str, object], environment: Mapping[str, str]) -> str:
    """The summary, with a link to the line of each finding in this commit."""
    summary = (folder / "summary.md").read_text(encoding="utf-8")
    files = _address_of_files(environment)
    if not files:
        return summary
    for finding in _findings(result):
        file, line = _place(finding, Path(environment.get("GITHUB_WORKSPACE", ".")))
        if file:
            item = f"- {markdown(from_folder(finding['summary'], str(Path.cwd())))}"
            link = f"[{markdown(file)}:{line}]({files}/{quote(file)}#L{line})"
            summary = summary.replace(item, f"- {link} {item[2:]}", 1)
    return summary


def _address_of_files(environment: Mapping[str, str]) -> str:
    """Where the files of this commit are shown; empty where the CI does not say."""
    repository, commit = environment.get("GITHUB_REPOSITORY"), environment.get("GITHUB_SHA")
    if repository and commit:
        server = environment.get("GITHUB_SERVER_URL", "https://github.com")
        return f"{server}/{repository}/blob/{commit}"
    project, commit = environment.get("CI_PROJECT_URL"), environment.get("CI_COMMIT_SHA")
    return f"{project}/-/blob/{commit}" if project and commit else ""


def workflow_commands(result: dict[str, object], root: Path) -> list[str]:
    """GitHub's workflow commands: findings at their lines."""
    lines = []
    for finding in _findings(result)[:_MAX_ANNOTATIONS]:
        file, line = _place(finding, root)
        at = f" file={workflow_property(file)},line={line}," if file else " "
        title = workflow_property(f"leak-harness: {finding['kind']} {finding['type']}")
        words = [finding["summary"], *finding.get("source", ()), finding.get("advice", "")]
        message = workflow_message("\n".join(filter(None, words)))
        lines.append(f"::error{at}title={title}::{message}")
    return lines


def _issues(result: dict[str, object], root: Path) -> list[dict[str, object]]:
    """GitLab's code quality report: findings at their lines."""
    issues: list[dict[str, object]] = []
    for finding in _findings(result):
        file, line = _place(finding, root)
        issues.append(
            {
                "description": finding["summary"],
                "check_name": f"leak-harness/{finding['kind']}",
                "fingerprint": finding["fingerprint"],
                "severity": "major",
                "location": {"path": file or "server", "lines": {"begin": line or 1}},
            }
        )
    return issues


def _findings(result: dict[str, object]) -> list[dict[str, str]]:
    findings: list[dict[str, str]] = result["findings"]  # type: ignore[assignment]
    return [finding for finding in findings if finding["severity"] == "leak"]


def _place(finding: dict[str, str], root: Path) -> tuple[str, int]:
    """File below the repository, and line; nothing where it lies elsewhere."""
    file, _, line = finding["created_at"].rpartition(":")
    path = Path(file)
    if not file or not path.is_absolute() or not path.is_relative_to(root.resolve()):
        return "", 0
    return path.relative_to(root.resolve()).as_posix(), int(line) if line.isdecimal() else 1

"""`leak-harness ci`: a run, and its results where the CI that runs it looks for them."""

from __future__ import annotations

import argparse
import json
import os
import shutil
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from harness.commands import run as run_verb
from harness.errors import UsageError
from harness.experiment.options import declare
from harness.reporters import openmetrics
from harness.reporters.escaping import workflow_message, workflow_property

HELP = "a run in CI: job page, outputs, artifact folder and annotations of GitHub and GitLab"
FOLDER: Final = Path("leak-report")
_MAX_ANNOTATIONS: Final = 10


def add_options(parser: argparse.ArgumentParser) -> None:
    """Those of a run, and one more."""
    declare(parser)
    parser.epilog = run_verb.STATUSES
    parser.add_argument(
        "--comment",
        action="store_true",
        help="on the pull or merge request, brought up to date (LEAK_HARNESS_TOKEN)",
    )


def defaults() -> dict[str, object]:
    """What the configuration file sets."""
    return run_verb.defaults()


def run(options: argparse.Namespace) -> int:
    """Run, then tell the CI; the run's status comes back."""
    options.out = options.out or FOLDER
    _clear(options.out)
    token = os.environ.pop(
        "LEAK_HARNESS_TOKEN", ""
    )  # which the server under test does not get to see
    status = run_verb.run(options)
    if (options.out / "result.json").exists():
        tell(options.out, os.environ)
        if options.comment:
            comment(options.out, os.environ, token)
    return status


def _clear(folder: Path) -> None:
    """Remove what an earlier call has left there, and nothing else: the folder may hold what is
    the user's.
    """
    from harness.reporters import REPORTERS

    if not any(
        (folder / name).exists() for name in ("run.jsonl", "result.json", "run-1/run.jsonl")
    ):
        return
    for name in ("run.jsonl", "server.log", *REPORTERS, "metrics.txt", "codequality.json"):
        (folder / name).unlink(missing_ok=True)
    for one in (*folder.glob("run-*"), folder / "control"):
        if (one / "run.jsonl").exists():
            shutil.rmtree(one)


def comment(folder: Path, environment: Mapping[str, str], token: str) -> None:
    """The summary as one comment on the request; one that cannot be written changes no verdict."""
    from harness.experiment.request_comment import Thread

    thread = Thread.of(environment)
    if thread is None:
        return
    try:
        thread.say((folder / "summary.md").read_text(encoding="utf-8"), token)
    except UsageError as error:
        print(f"leak-harness: {error}", file=sys.stderr)


def tell(folder: Path, environment: Mapping[str, str]) -> None:
    """Write what each CI reads, whichever it is."""
    result = json.loads((folder / "result.json").read_text(encoding="utf-8"))
    summary = (folder / "summary.md").read_text(encoding="utf-8")
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
    if environment.get("GITHUB_ACTIONS"):
        for line in _annotations(result, Path(environment.get("GITHUB_WORKSPACE", "."))):
            print(line)
    if environment.get("GITLAB_CI"):
        (folder / "metrics.txt").write_bytes(openmetrics.render(result))
        (folder / "codequality.json").write_text(
            json.dumps(_issues(result, Path.cwd())), encoding="utf-8"
        )


def _annotations(result: dict[str, object], root: Path) -> list[str]:
    """GitHub's workflow commands: findings at their lines."""
    lines = []
    for finding in _findings(result)[:_MAX_ANNOTATIONS]:
        file, line = _place(finding, root)
        at = f" file={workflow_property(file)},line={line}," if file else " "
        title = workflow_property(f"leak-harness: {finding['kind']} {finding['type']}")
        lines.append(f"::error{at}title={title}::{workflow_message(finding['summary'])}")
    return lines


def _issues(result: dict[str, object], root: Path) -> list[dict[str, object]]:
    """GitLab's code quality report: the same."""
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
    found: list[dict[str, str]] = result["findings"]  # type: ignore[assignment]
    return [one for one in found if one["severity"] == "leak"]


def _place(finding: dict[str, str], root: Path) -> tuple[str, int]:
    """File below the repository, and line; nothing where it lies elsewhere."""
    file, _, line = finding["created_at"].rpartition(":")
    path = Path(file)
    if not file or not path.is_absolute() or not path.is_relative_to(root.resolve()):
        return "", 0
    return path.relative_to(root.resolve()).as_posix(), int(line) if line.isdecimal() else 1

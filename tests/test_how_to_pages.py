"""What the pages tell a user to type, write or copy is understood."""

from __future__ import annotations

import argparse
import re
import shlex
from pathlib import Path
from typing import Any

import pytest
import yaml
from doc_pages import DOCS, ROOT, blocks, said, write_files

from harness.commands import verb_named, verb_names

HOW_TO = DOCS / "how-to"
SHOWN = [ROOT / "README.md", *sorted(DOCS.rglob("*.md"))]
LOGIN_SERVER = """
from fastapi import FastAPI, WebSocket

app = FastAPI()


@app.post("/login")
async def login(who: dict[str, str]) -> dict[str, str]:
    return {"token": who["user"] + who["password"]}


@app.websocket("/ws")
async def chat(websocket: WebSocket, token: str) -> None:
    if token != "testtest":
        await websocket.close()
        return
    await websocket.accept()
    async for text in websocket.iter_text():
        await websocket.send_text(text)
"""


def commands(page: Path) -> list[list[str]]:
    """The words of each call of `leak-harness` in the blocks of a page."""
    found: list[list[str]] = []
    for block in blocks(page):
        if block.info not in ("", "sh", "console", "yaml"):
            continue
        for line in re.sub(r"\\\n\s*", "", block.code).splitlines():
            call = re.match(r"^(?:\s*- run: |\s*\$ |\s*)(?:\S*/)?leak-harness (\w.*)$", line)
            if call and " ..." not in call[1]:
                found.append(shlex.split(call[1], comments=True))
    return found


@pytest.mark.parametrize("page", SHOWN, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_command_of_a_page_is_understood(page: Path) -> None:
    for verb, *words in commands(page):
        assert verb in verb_names()
        parser = argparse.ArgumentParser(exit_on_error=False, allow_abbrev=False)
        verb_named(verb).add_options(parser)
        _, unknown = parser.parse_known_args(words)
        assert unknown == [], (page.name, verb, words)


def test_there_are_commands_to_understand() -> None:
    assert sum(len(commands(page)) for page in SHOWN) > 30


def workflows() -> list[Any]:
    """The YAML of GitHub's pages, as data."""
    pages = (ROOT / "README.md", HOW_TO / "github-actions.md", DOCS / "tutorial" / "index.md")
    return [
        yaml.safe_load(block.code)
        for page in pages
        for block in blocks(page)
        if block.info == "yaml" and "jobs:" in block.code
    ]


def test_a_workflow_that_is_copied_gives_the_action_what_it_takes() -> None:
    action = yaml.safe_load((ROOT / "action.yml").read_text())
    assert len(workflows()) == 3
    uses = [
        step
        for workflow in workflows()
        for step in workflow["jobs"]["leaks"]["steps"]
        if "leak-harness@" in step.get("uses", "")
    ]
    assert len(uses) == 2
    for step in uses:
        assert set(step["with"]) <= set(action["inputs"])
        parser = argparse.ArgumentParser(exit_on_error=False)
        verb_named("ci").add_options(parser)
        assert parser.parse_known_args(shlex.split(step["with"]["arguments"]))[1] == []


def test_a_job_of_gitlab_that_is_copied_sets_the_variables_of_the_include() -> None:
    include = yaml.safe_load((ROOT / "gitlab-leak-harness.yml").read_text())[".leak-harness"]
    (block,) = [block for block in blocks(HOW_TO / "gitlab.md") if block.info == "yaml"]
    job = yaml.safe_load(block.code)["leaks"]
    assert job["extends"] == ".leak-harness"
    assert set(job["variables"]) == set(include["variables"])


def test_a_session_that_logs_in_and_one_that_is_refused_do_what_the_page_says(
    tmp_path: Path,
) -> None:
    (tmp_path / "app.py").write_text(LOGIN_SERVER)
    code = "".join(block.code for block in blocks(HOW_TO / "login.md") if block.info == "python")
    (tmp_path / "visit.py").write_text(code)
    for name in ("log_in_and_visit", "refused"):
        serve = '--serve "uvicorn app:app --port {port}"'
        status, output = said(tmp_path, f"leak-harness run visit.py::{name} {serve} --once")
        assert status == 0, output


def test_several_workers_are_visited_as_the_page_says(tmp_path: Path) -> None:
    write_files(HOW_TO / "fastapi.md", tmp_path)
    command = next(words for words in commands(HOW_TO / "workers.md") if "uvicorn" in words[3])
    status, output = said(tmp_path, f"leak-harness {shlex.join(command)} --once")
    assert status == 0, output


@pytest.mark.slow
def test_the_first_test_of_the_page_about_pytest_runs(tmp_path: Path) -> None:
    write_files(HOW_TO / "fastapi.md", tmp_path)
    code = blocks(HOW_TO / "pytest.md")[0].code
    (tmp_path / "test_leaks.py").write_text(code.replace('limit="4KiB"', "cycles=2"))
    options = "-q -p no:cacheprovider -o leak_inconclusive=skip"
    status, output = said(tmp_path, f"python -m pytest {options} test_leaks.py")
    assert (status, "1 skipped" in output) == (0, True), output

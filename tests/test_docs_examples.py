"""The examples of docs/architecture.md work: each is dropped into a copy of the package."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from doc_pages import DOCS, ROOT, blocks, said, write_files
from server_scripts import ECHO, written

LOUD = """
from harness import scenario

@scenario(protocol="shout")
async def loud(session):
    assert await session.shout("hello") == "HELLO"
"""
"""A script for the protocol that the page about the architecture adds."""


@pytest.fixture(scope="module")
def extended(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the package with every example of the page about the architecture in it."""
    folder = tmp_path_factory.mktemp("copy")
    for name in ("harness", "scenarios", "docs"):
        ignored = shutil.ignore_patterns("__pycache__", "*.png")
        shutil.copytree(ROOT / name, folder / name, ignore=ignored)
    for name in ("pyproject.toml", "leak_harness.py"):
        shutil.copy(ROOT / name, folder)
    added = []
    for block in blocks(DOCS / "architecture.md"):
        if found := re.match(r"# (in )?(?P<path>[\w/]+\.py)", block.code):
            path = folder / found["path"]
            assert path.exists() == (found[1] is not None)
            code = block.code
            if found[1]:
                code = path.read_text(encoding="utf-8") + code.partition("\n")[2]
                code = code.replace("INTEGER, TIME,", "INTEGER, TEXT, TIME,")
            path.write_text(code, encoding="utf-8")
            added.append(found["path"])
    (folder / "added.txt").write_text("\n".join(added))
    return folder


def said_by_copy(folder: Path, *words: str) -> str:
    """What Python with the package of that folder prints."""
    environment = {**os.environ, "PYTHONPATH": str(folder), "COLUMNS": "200"}
    done = subprocess.run(
        [sys.executable, *words],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode in (0, 3), done.stderr
    return done.stdout


def test_the_example_of_each_extension_is_found(extended: Path) -> None:
    options = said_by_copy(extended, "-m", "harness", "run", "--help")
    assert "--greeting WORDS" in options
    assert "--pid-file FILE" in options
    assert "kept-line " in said_by_copy(extended, "-m", "harness", "faults")
    (extended / "places" / "a-run").mkdir(parents=True)
    last = said_by_copy(extended, "-m", "harness", "last", "--reports", "places")
    assert last == "places/a-run\n"
    said_by_copy(extended, "docs/make_reference.py")
    reference = "".join(page.read_text() for page in (extended / "docs/reference").glob("*.md"))
    for name in ("kept-line", "shout(words)", "switches", "modules", "failures.some", "pid_file"):
        assert name in reference


@pytest.mark.slow
def test_the_examples_of_extensions_work_in_a_run(extended: Path) -> None:
    serve = ["--serve", written(extended, ECHO)]
    short = ["--cycles", "2", "--no-explain", "--out", "out", "--json"]
    printed = said_by_copy(extended, "-m", "harness", "run", "say-hello", *serve, *short)
    result = json.loads(printed)
    assert (result["scenario"], result["sessions_failed"]) == ("say-hello", 0)
    assert result["gates"]["failures"]["outcome"] == "flat"
    assert result["gates"]["modules"]["first"] > 20
    assert result["gates"]["regions"]["limit"] == 0.5
    assert "switches" in (extended / "out" / "run.jsonl").read_text()
    assert (extended / "out" / "words.txt").read_text() == f"say-hello: {result['verdict']}\n"
    (extended / "loud.py").write_text(LOUD)
    said_by_copy(extended, "-m", "harness", "run", "loud.py", *serve, "--once")


@pytest.mark.slow
@pytest.mark.parametrize(
    "tool",
    [
        "ruff check --no-cache",
        "ruff format --check --no-cache",
        "mypy --strict --no-error-summary --cache-dir .mypy_cache",
    ],
)
def test_the_examples_of_extensions_pass_what_lint_asks(extended: Path, tool: str) -> None:
    added = (extended / "added.txt").read_text().split()
    checked = subprocess.run(
        [sys.executable, "-m", *tool.split(), *added],
        cwd=extended,
        capture_output=True,
        text=True,
        check=False,
    )
    assert checked.returncode == 0, checked.stdout + checked.stderr


@pytest.mark.slow
def test_the_example_of_a_fault_is_called_what_it_says(extended: Path) -> None:
    only = ["--only", "kept-line", "--json"]
    (cell,) = json.loads(said_by_copy(extended, "-m", "harness", "selftest", *only))
    assert (cell["verdict"], cell["wrong"]) == ("leak", "")


def test_the_example_of_a_program_runs(tmp_path: Path) -> None:
    write_files(DOCS / "how-to" / "fastapi.md", tmp_path)
    code = blocks(DOCS / "reference" / "program.md")[0].code
    (tmp_path / "program.py").write_text(code.replace("max_cycles=60", "cycles=2"))
    status, output = said(tmp_path, "python program.py")
    assert (status, output.partition(" ")[0]) == (0, "inconclusive"), output

"""`leak_harness` is the package's own name, and a project may have a `harness` of its own."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from pathlib import Path

import pytest
from bare import Bare
from server_scripts import ECHO, SERVED, written

ROOT = Path(__file__).parent.parent

SCENARIO = """
from harness import WORD
from harness.greetings import greeting
from leak_harness import Session, scenario


@scenario(protocol="plain")
async def visit(session: Session) -> None:
    assert await session.request(greeting(WORD)) == "hello from the project"
"""
TEST = """
import sys

import pytest
from harness import WORD


@pytest.mark.leak_harness(serve=f"{sys.executable} %s", protocol="plain", cycles=2, explain=False)
async def test_visit(leak_session) -> None:
    assert await leak_session.request(WORD) == "the project"
"""
TYPED = """
import leak_harness
from leak_harness import PlainSession, scenario


@scenario(protocol="plain")
async def visit(session: PlainSession) -> None:
    reveal_type(session.request)


reveal_type(leak_harness.run().verdict.name)
"""


@pytest.fixture(scope="module")
def bare(tmp_path_factory: pytest.TempPathFactory) -> Bare:
    """An environment with the wheel and pytest."""
    bare = Bare(tmp_path_factory.mktemp("bare"))
    bare.add("pytest")
    return bare


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project with a server, a scenario, a test and a package `harness`."""
    package = tmp_path / "harness"
    package.mkdir()
    (package / "__init__.py").write_text('WORD = "the project"\n')
    (package / "greetings.py").write_text("def greeting(word): return f'hello from {word}'\n")
    written(tmp_path, ECHO)
    (tmp_path / "visit.py").write_text(SCENARIO)
    (tmp_path / "test_visit.py").write_text(TEST % SERVED)
    (tmp_path / "pytest.ini").write_text("[pytest]\nleak_inconclusive = skip\n")
    return tmp_path


def test_the_wheel_brings_one_name_into_an_environment(bare: Bare) -> None:
    names = {path.name for path in bare.site.iterdir() if "harness" in path.name}
    assert names == {"leak_harness", "leak_harness-0.2.0.dist-info"}


def test_a_scenario_of_a_project_with_its_own_harness_imports_both(
    bare: Bare, project: Path
) -> None:
    serve = ("--serve", f"{bare.folder}/venv/bin/python {SERVED}")
    said = bare.run("leak-harness", "run", "visit.py", *serve, "--once", cwd=project)
    assert said.startswith("ok in ")


def test_the_plugin_measures_in_a_project_with_its_own_harness(bare: Bare, project: Path) -> None:
    said = bare.run("python", "-m", "pytest", "-q", "-rs", "test_visit.py", cwd=project)
    assert "1 skipped" in said
    assert "INCONCLUSIVE" in said.upper()


@pytest.mark.slow
def test_a_type_checker_knows_the_installed_package(bare: Bare, project: Path) -> None:
    (project / "typed.py").write_text(TYPED)
    python = f"--python-executable={bare.folder}/venv/bin/python"
    command = [sys.executable, "-m", "mypy", "--strict", "--no-incremental", python, "typed.py"]
    done = subprocess.run(command, cwd=project, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
    assert "str | bytes" in done.stdout
    assert "VerdictName" in done.stdout


def test_the_name_of_the_folder_is_an_alias_where_it_is_free(bare: Bare) -> None:
    code = """
import sys, leak_harness, harness
from harness.units import format_size
import leak_harness.units
assert harness is leak_harness
assert sys.modules["harness.units"] is leak_harness.units
assert leak_harness.units.__spec__.name == "leak_harness.units"
try:
    import harness.no_such_module
except ModuleNotFoundError as error:
    print(error)
"""
    assert bare.run("python", "-c", code) == "No module named 'harness.no_such_module'\n"


def of_checkout(folder: Path, code: str) -> str:
    """What a program says that finds the checkout after its own folder."""
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-c", code]
    return subprocess.check_output(command, cwd=folder, env=environment, text=True)


def test_in_a_checkout_too_a_project_keeps_its_own_harness(project: Path) -> None:
    code = "import leak_harness, harness; print(harness.WORD, leak_harness.Session.__module__)"
    assert of_checkout(project, code) == "the project leak_harness.sessions.session\n"


@pytest.mark.parametrize("names", ["harness, leak_harness", "leak_harness, harness"])
def test_in_a_checkout_both_names_are_one_package_whichever_comes_first(
    tmp_path: Path, names: str
) -> None:
    code = (
        f"import {names}; import harness.units, leak_harness.units as units; "
        f"print(harness is leak_harness, harness.units is units)"
    )
    assert of_checkout(tmp_path, code) == "True True\n"


def test_the_package_runs_as_a_module_in_a_checkout(tmp_path: Path) -> None:
    for name in ("harness", "leak_harness"):
        command = [sys.executable, "-m", name, "--version"]
        environment = os.environ | {"PYTHONPATH": str(ROOT)}
        said = subprocess.check_output(command, cwd=tmp_path, env=environment, text=True)
        assert said.startswith("leak-harness ")


def test_no_module_of_the_package_imports_it_by_a_name() -> None:
    wrong = []
    for path in sorted((ROOT / "harness").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names: list[str] = []
            if isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom) and not node.level:
                names = [node.module or ""]
            if {name.partition(".")[0] for name in names} & {"harness", "leak_harness"}:
                wrong.append(f"{path.relative_to(ROOT)}: {names}")
    assert wrong == [], "a name may be another project's: run .ci/relative-imports"

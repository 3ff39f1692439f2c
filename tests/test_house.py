"""The walls of the house: set-up, lint's direction of imports, and the wheel in a bare
environment.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from zipfile import ZipFile

import pytest
from bare import Bare
from packaging.requirements import Requirement

ROOT = Path(__file__).parent.parent
LOCK = ROOT / "requirements.lock"
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]

FAKE_PYTHON = """#!/bin/sh
# Does what the Makefile asks of a Python, and notes it.
echo "$*" >> "{log}"
case "$*" in
    *version_info*) exit {old} ;;
    "-m venv --clear "*) rm -rf .venv && mkdir -p .venv/bin && cp "$0" .venv/bin/python ;;
    *"pip install"*) test ! -e "{broken}" ;;
esac
"""
"""Set-up with it takes no network and no time."""


VERBS = [
    "help",
    "setup",
    "stress",
    "test",
    "test-slow",
    "fuzz",
    "gate",
    "lint",
    "bench",
    "corpus",
    "docs",
]


class House:
    """A folder with a Makefile and what it needs, and a Python that only pretends."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.log = folder / "asked.txt"
        self.broken = folder / "broken"
        for name in ("Makefile", "pyproject.toml", "requirements.lock"):
            shutil.copy(ROOT / name, folder)
        self.pretend()

    def pretend(self, *, old: bool = False) -> None:
        """From now on its Python is old or new."""
        script = FAKE_PYTHON.format(log=self.log, broken=self.broken, old=int(old))
        (self.folder / "python3").write_text(script)
        (self.folder / "python3").chmod(0o755)

    def make(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Run make as a newcomer would, whatever make runs this test."""
        clean = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("MAKE", "MFLAGS"))
        }
        command = ["make", f"PYTHON={self.folder / 'python3'}", *words]
        return subprocess.run(
            command, cwd=self.folder, env=clean, capture_output=True, text=True, check=False
        )

    def installs(self) -> int:
        """How often pip was asked for something."""
        return self.log.read_text().count("pip install")


@pytest.fixture
def house(tmp_path: Path) -> House:
    return House(tmp_path)


def test_setup_says_what_it_does_and_when_it_is_done(house: House) -> None:
    done = house.make("setup")
    assert done.returncode == 0
    what, end = done.stdout.splitlines()
    assert what.startswith("make setup: installing the locked packages into .venv")
    assert end == "make setup: done. Try: make stress"


def test_a_second_setup_does_nothing(house: House) -> None:
    house.make("setup")
    assert house.installs() == 2
    again = house.make("setup")
    assert again.returncode == 0
    assert "installing" not in again.stdout
    assert house.make("-q", "setup").returncode == 0
    assert house.installs() == 2


def test_a_new_lock_is_installed_into_the_environment_that_is_there(house: House) -> None:
    house.make("setup")
    os.utime(house.folder / "requirements.lock", (4e9, 4e9))
    os.utime(house.folder / "pyproject.toml", (1, 1))
    assert house.make("-q", "setup").returncode == 1
    assert house.make("setup").returncode == 0
    assert house.installs() == 4
    assert house.log.read_text().count("-m venv") == 1


def test_setup_installs_the_pins_by_hash_and_the_project_without_a_look_at_the_network(
    house: House,
) -> None:
    house.make("setup")
    pins, project = [line for line in house.log.read_text().splitlines() if "pip install" in line]
    assert pins.endswith("--require-hashes -r requirements.lock")
    assert project.endswith("--no-deps --no-build-isolation -e .")


def test_a_setup_that_failed_is_made_anew_by_the_next(house: House) -> None:
    house.broken.touch()
    failed = house.make("setup")
    assert failed.returncode == 2
    assert "done" not in failed.stdout
    left_over = house.folder / ".venv" / "left-over"
    left_over.touch()
    house.broken.unlink()
    assert house.make("setup").returncode == 0
    assert not left_over.exists()
    assert house.make("-q", "setup").returncode == 0


@pytest.mark.parametrize("python", ["old", "no-such-python"])
def test_a_python_that_is_too_old_or_missing_is_refused_with_a_way_out(
    house: House, python: str
) -> None:
    house.pretend(old=True)
    chosen = ["PYTHON=no-such-python"] if python == "no-such-python" else []
    refused = house.make(*chosen, "setup")
    assert refused.returncode == 2
    name = python if chosen else str(house.folder / "python3")
    assert refused.stderr.splitlines()[:2] == [
        f"make setup: '{name}' is missing, or older than Python 3.11.",
        "  Name a newer one: make PYTHON=python3.12 setup",
    ]
    assert not (house.folder / ".venv").exists()


@pytest.mark.parametrize("status", [0, 1, 3])
def test_the_last_line_of_make_stress_is_the_status(house: House, status: int) -> None:
    house.make("setup")
    command = house.folder / ".venv" / "bin" / "leak-harness"
    command.write_text(f'#!/bin/sh\necho "asked: $*"\nexit {status}\n')
    command.chmod(0o755)
    result = house.make("stress", "ARGS=--fault untracked-task")
    assert result.returncode == (2 if status else 0)
    assert result.stdout.splitlines() == [
        "asked: run --fault untracked-task",
        f"exit status {status}",
    ]


def test_make_alone_lists_every_verb_in_one_line(house: House) -> None:
    lines = house.make().stdout.splitlines()
    assert [line.split()[:2] for line in lines] == [["make", verb] for verb in VERBS]
    assert all(len(line.split()) > 3 for line in lines)


def test_the_lock_pins_every_package_with_hashes_and_names_no_host() -> None:
    lines = [line for line in LOCK.read_text().splitlines() if not line.lstrip().startswith("#")]
    assert "://" not in LOCK.read_text()
    assert not any(line.startswith("-") for line in lines)
    pins = [line for line in lines if not line.startswith(" ")]
    assert len(pins) > 40
    assert all(re.match(r"[a-z0-9-]+==[\w.]+ (; .* )?\\$", pin) for pin in pins)
    assert all(
        lines[at + 1].startswith("    --hash=sha256:")
        for at, line in enumerate(lines)
        if line in pins
    )


def test_the_lock_holds_every_dependency_that_the_project_names() -> None:
    pinned = set(re.findall(r"^([a-z0-9-]+)==", LOCK.read_text(), re.MULTILINE))
    extras = PROJECT["optional-dependencies"]
    wanted = {
        Requirement(line).name
        for line in [*PROJECT["dependencies"], *extras["dev"], *extras["docs"]]
    }
    assert wanted <= pinned


def test_ci_can_be_run() -> None:
    script = ROOT / ".ci" / "run"
    assert os.access(script, os.X_OK)
    assert {"make lint", "make test"} <= set(script.read_text().splitlines())
    subprocess.run(["bash", "-n", script], check=True)


@pytest.mark.parametrize(
    ("module", "wrong", "contract"),
    [
        ("record/record.py", "import harness.reporters", "Rooms"),
        ("units.py", "from harness.target.launched import *", "Rooms"),
        ("errors.py", "import harness.record.policy", "Rooms"),
        (
            "record/policy.py",
            "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import harness.record.record",
            "No import cycle",
        ),
        ("verdict/judge.py", "from time import monotonic", "The pure core"),
        ("verdict/evidence.py", "import harness.verdict.judge", "Verdict"),
        ("probe/wire.py", "import harness.errors", "Rooms"),
        ("target/probe_client.py", "from harness.probe import heap", "Of the probe"),
        ("target/launched.py", "import harness.target.guardian", "Guardian and demo"),
        ("sessions/session.py", "import psutil", "psutil belongs"),
        ("new_module.py", "", "Rooms"),
    ],
)
def test_lint_sees_an_import_that_runs_the_wrong_way(
    tmp_path: Path, module: str, wrong: str, contract: str
) -> None:
    shutil.copytree(
        ROOT / "harness", tmp_path / "harness", ignore=shutil.ignore_patterns("__pycache__")
    )
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    with (tmp_path / "harness" / module).open("a") as file:
        file.write(f"\n{wrong}\n")
    lint = [str(Path(sys.executable).parent / "lint-imports"), "--no-logo", "--no-cache"]
    done = subprocess.run(lint, cwd=tmp_path, capture_output=True, text=True, check=False)
    broken = [line for line in done.stdout.splitlines() if " BROKEN" in line]
    assert any(line.startswith(contract) for line in broken), done.stdout


@pytest.fixture(scope="module")
def bare(tmp_path_factory: pytest.TempPathFactory) -> Bare:
    return Bare(tmp_path_factory.mktemp("bare"))


def test_the_wheel_holds_what_is_not_imported_but_needed(bare: Bare) -> None:
    inside = set(ZipFile(bare.wheel).namelist())
    assert "leak_harness/probe/inject/sitecustomize.py" in inside
    assert "leak_harness/reporters/page/report.html.j2" in inside
    characters = "leak_harness/demo/chat_server/characters/"
    assert sum(name.startswith(characters) and name.endswith(".toml") for name in inside) >= 4
    for folder, shipped in (
        ("harness/demo/faults", "leak_harness/demo/faults"),
        ("scenarios", "leak_harness/shipped_scenarios"),
    ):
        names = [file.name for file in (ROOT / folder).glob("*.py")]
        assert names
        assert {f"{shipped}/{name}" for name in names} <= inside
    assert not [name for name in inside if name.startswith(("tests", "scenarios", "harness"))]


def test_the_installed_command_answers_from_any_folder(bare: Bare) -> None:
    assert "run" in bare.run("leak-harness", "--help")
    assert "run" in bare.run("python", "-m", "leak_harness", "--help")


def test_the_metadata_name_every_library_that_a_module_imports(bare: Bare) -> None:
    code = """
import pkgutil, sys
from importlib import import_module
import leak_harness
names = [module.name for module in pkgutil.walk_packages(leak_harness.__path__, "leak_harness.")]
for name in names:
    if not name.endswith(("__main__", "sitecustomize", "pytest_plugin")):
        import_module(name)
print(len(names), leak_harness.__file__)
"""
    count, file = bare.run("python", "-W", "error", "-c", code).split()
    assert int(count) > 40
    assert Path(file).is_relative_to(bare.folder)

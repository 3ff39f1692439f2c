"""How the container file, the GitHub action and the GitLab include install: what the lock says,
and nothing by name.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parent.parent
FILES = ("Containerfile", "action.yml", "gitlab-leak-harness.yml")
LOCKED = re.compile(r'--require-hashes -r "?\S*requirements\.lock"?$')
PROJECT = re.compile(r'--no-deps --no-build-isolation ("\$\S+"|\.)$')
FAKE_PYTHON = """#!/bin/sh
mkdir -p "$3/bin"
printf '#!/bin/sh\\necho "$*" >> "{log}"\\n' > "$3/bin/pip"
printf '#!/bin/sh\\necho harness\\n' > "$3/bin/leak-harness"
cp "$3/bin/leak-harness" "$3/bin/uvicorn"
chmod +x "$3"/bin/*
"""


@dataclass(frozen=True, slots=True)
class Machine:
    """A machine of a CI with Git and a Python whose environments only note what is installed
    into them.
    """

    folder: Path
    log: Path
    path: str

    def run(self, script: str, **variables: str) -> subprocess.CompletedProcess[str]:
        """Run a step's script in a shell."""
        environment = {
            "PATH": self.path,
            "HOME": str(self.folder),
            "TMPDIR": str(self.folder),
            **variables,
        }
        command = ["bash", "-eo", "pipefail", "-c", script]
        return subprocess.run(
            command, env=environment, capture_output=True, text=True, timeout=60, check=False
        )

    def installed(self) -> list[str]:
        """What pip was asked for."""
        return self.log.read_text().splitlines() if self.log.exists() else []


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    tools, log = tmp_path / "tools", tmp_path / "asked.txt"
    tools.mkdir()
    for name in ("bash", "sh", "git", "mkdir", "mktemp", "ln", "cp", "chmod", "ls"):
        (tools / name).symlink_to(shutil.which(name) or name)
    fake = tools / "python3"
    fake.write_text(FAKE_PYTHON.format(log=log))
    fake.chmod(0o755)
    return Machine(tmp_path, log, str(tools))


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """One with a lock, and a tag."""
    place = tmp_path / "origin"
    place.mkdir()
    (place / "requirements.lock").write_text("")
    who = ("-c", "user.name=a", "-c", "user.email=a@example.com")
    for arguments in (
        ("init", "-q"),
        ("add", "."),
        (*who, "commit", "-qm", "a lock"),
        ("tag", "v1"),
    ):
        subprocess.run(
            ["git", *arguments],
            cwd=place,
            check=True,
            env=os.environ | {"GIT_CONFIG_GLOBAL": os.devnull},
        )
    return place


@pytest.mark.parametrize("name", FILES)
def test_every_installation_is_of_the_lock_with_hashes_and_then_of_the_project_alone(
    name: str,
) -> None:
    text = (ROOT / name).read_text()
    installations = [
        line.strip() for line in text.splitlines() if re.search(r'pip"? install', line)
    ]
    assert len(installations) == 2
    locked, project = installations
    assert LOCKED.search(locked)
    assert PROJECT.search(project)


def test_the_container_file_copies_the_lock_before_it_installs_it() -> None:
    text = (ROOT / "Containerfile").read_text()
    assert text.index("COPY requirements.lock") < text.index("--require-hashes")


def test_the_lock_pins_the_build_backend_for_the_project_is_built_with_what_is_there() -> None:
    lock = (ROOT / "requirements.lock").read_text()
    assert re.search(r"^hatchling==", lock, re.MULTILINE)


def test_the_action_installs_its_own_checkout_and_puts_the_command_alone_on_the_path(
    machine: Machine,
) -> None:
    action = yaml.safe_load((ROOT / "action.yml").read_text())
    (step,) = [step for step in action["runs"]["steps"] if step["name"] == "install"]
    assert step["env"] == {"SOURCE": "${{ github.action_path }}"}
    paths = machine.folder / "paths.txt"
    done = machine.run(
        step["run"], SOURCE="/action", RUNNER_TEMP=str(machine.folder), GITHUB_PATH=str(paths)
    )
    assert (done.returncode, done.stderr) == (0, "")
    locked, project = machine.installed()
    assert locked.endswith("--require-hashes -r /action/requirements.lock")
    assert project.endswith("--no-deps --no-build-isolation /action")
    assert os.listdir(paths.read_text().strip()) == ["leak-harness"]  # noqa: PTH208 - names are what matters


def gitlab_script() -> str:
    include = yaml.safe_load((ROOT / "gitlab-leak-harness.yml").read_text())
    return "\n".join(include[".leak-harness"]["before_script"])


def test_the_include_installs_a_revision_of_the_repository_with_its_lock(
    machine: Machine, repository: Path
) -> None:
    script = f"{gitlab_script()}\nleak-harness\nls ${{PATH%%:*}}"
    done = machine.run(script, LEAK_HARNESS_REPOSITORY=str(repository), LEAK_HARNESS_REVISION="v1")
    assert (done.returncode, done.stdout) == (0, "harness\nleak-harness\n")
    locked, project = machine.installed()
    assert re.search(r"--require-hashes -r \S+/source/requirements\.lock$", locked)
    assert re.search(r"--no-deps --no-build-isolation \S+/source$", project)


def test_the_include_says_that_it_needs_an_address_and_installs_nothing_without(
    machine: Machine,
) -> None:
    done = machine.run(gitlab_script(), LEAK_HARNESS_REPOSITORY="", LEAK_HARNESS_REVISION="HEAD")
    assert done.returncode == 2
    assert done.stderr.startswith("LEAK_HARNESS_REPOSITORY is not set. Give the address")
    assert machine.installed() == []


def test_no_text_tells_to_install_the_project_by_a_name_on_an_index() -> None:
    by_name = re.compile(r"pip\"? install [^\n`]*(?<![/\w.-])leak[-_]harness(?![/\w.-])")
    texts = [ROOT / "action.yml", ROOT / "gitlab-leak-harness.yml", *ROOT.glob("*.md")]
    texts += [*(ROOT / "docs").rglob("*.md"), *(ROOT / "harness").rglob("*.py")]
    assert [path.name for path in texts if by_name.search(path.read_text())] == []

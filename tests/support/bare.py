"""The wheel in an environment that has nothing else."""

from __future__ import annotations

import os
import subprocess
import sys
import tomllib
import venv
from collections.abc import Iterable, Iterator
from importlib.metadata import Distribution, distribution
from pathlib import Path

from packaging.requirements import Requirement

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


class Bare:
    """An environment that holds the wheel and what its metadata ask for, and nothing of the
    checkout.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        build = [
            sys.executable,
            "-m",
            "build",
            "--wheel",
            "--no-isolation",
            "--outdir",
            str(folder),
            str(ROOT),
        ]
        subprocess.run(build, check=True, capture_output=True)
        (self.wheel,) = folder.glob("*.whl")
        venv.create(folder / "venv", with_pip=True)
        self.run(
            "python", "-m", "pip", "install", "--no-index", "--no-deps", "--quiet", str(self.wheel)
        )
        (site,) = (folder / "venv" / "lib").glob("python*/site-packages")
        self.site = site
        self.add(*PROJECT["dependencies"])

    def add(self, *requirements: str) -> None:
        """Make packages visible that the tests' own environment has."""
        for package in needed(requirements):
            link(package, self.site)

    def run(self, command: str, *words: str, cwd: Path | None = None) -> str:
        """Output of a command of the environment, far from the checkout."""
        env = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
        arguments = [str(self.folder / "venv" / "bin" / command), *words]
        done = subprocess.run(
            arguments,
            cwd=cwd or self.folder,
            env=env,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout


def needed(requirements: Iterable[str], seen: set[str] | None = None) -> Iterator[Distribution]:
    """Installed distributions that meet the requirements, and what those need in turn."""
    seen = set() if seen is None else seen
    for requirement in map(Requirement, requirements):
        unmet = requirement.marker is not None and not requirement.marker.evaluate({"extra": ""})
        if not unmet and requirement.name not in seen:
            seen.add(requirement.name)
            package = distribution(requirement.name)
            yield package
            yield from needed(package.requires or (), seen)


def link(package: Distribution, site: Path) -> None:
    """Make a distribution visible in another environment."""
    for name in {file.parts[0] for file in package.files or ()} - {"..", "__pycache__"}:
        if not (site / name).exists():
            (site / name).symlink_to(Path(str(package.locate_file(name))))

"""The pages of the documentation: their blocks of code, and what their commands print."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]


DOCS = ROOT / "docs"


FENCE = re.compile(
    r"^(?P<mark>```+)(?P<info>[^\n]*)\n(?P<code>.*?)^(?P=mark)$", re.MULTILINE | re.DOTALL
)


@dataclass(frozen=True, slots=True)
class Block:
    """A fenced block of a page."""

    info: str
    code: str


def blocks(page: Path) -> list[Block]:
    """The fenced blocks of a page."""
    return [
        Block(found["info"].strip(), found["code"])
        for found in FENCE.finditer(page.read_text(encoding="utf-8"))
    ]


def write_files(page: Path, folder: Path) -> None:
    """Write the files of a page: blocks whose first line is a comment with a name."""
    for block in blocks(page):
        if found := re.match(r"# (?P<name>\w+\.py)\n", block.code):
            (folder / found["name"]).write_text(block.code, encoding="utf-8")


def said(folder: Path, command: str) -> tuple[int, str]:
    """Status and output of a command of a page, in words that do not depend on the folder or the
    width.
    """
    scripts = str(Path(sys.executable).parent)
    environment = {**os.environ, "PATH": f"{scripts}{os.pathsep}{os.environ['PATH']}"}
    environment["COLUMNS"] = "1000"  # a path that is wrapped has lost its name
    done = subprocess.run(
        ["bash", "-c", command],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, " ".join(
        f"{done.stdout}\n{done.stderr}".replace(f"{folder}/", "").split()
    )

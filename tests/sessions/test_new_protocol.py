"""A protocol is one file: dropped into a copy of the package, it can be run, blamed and looked
up.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from server_scripts import written

ROOT = Path(__file__).parents[2]
PARROT = '''
"""Parrots: `squawk` is answered with its own words, `preen` with nothing."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from harness.sessions.contract import RECEIVE, Action, Exchange, Greeting, Send, Timing
from harness.sessions.session import BaseSession


class Session(BaseSession):
    """What a script can do with protocol `parrot`."""

    async def squawk(self, words: str) -> str:
        """Say words, and hear them again, timed."""
        return await self._act(Adapter.squawk, words)

    async def preen(self) -> None:
        """Look after the feathers."""
        await self._act(Adapter.preen)


class Adapter:
    """One parrot."""

    name: ClassVar[str] = "parrot"
    default_path: ClassVar[str] = "/"
    actions: ClassVar[Mapping[str, Action]] = {
        "squawk": Action(Timing.REPLY, repeats=True, optional=True, if_left_out=""),
        "preen": Action(repeats=True, optional=True),
    }
    session: ClassVar[type[BaseSession]] = Session

    def open(self) -> Exchange[Greeting]:
        """Nothing is waited for."""
        yield from ()
        return Greeting()

    def squawk(self, words: str) -> Exchange[str]:
        """Words, and the answer."""
        yield Send(words)
        return str((yield RECEIVE))

    def preen(self) -> Exchange[None]:
        """No answer."""
        yield Send("preen")
'''
SCENARIO = """
from harness import scenario
from harness.sessions.protocols.parrot import Session

@scenario(protocol="parrot")
async def cage(session: Session) -> None:
    assert await session.squawk("hello") in ("hello", "")
    await session.preen()
"""
KEEPS_FEATHERS = """
feathers = []
async def handle(connection):
    async for message in connection:
        if message == "preen":
            feathers.append(bytearray(20_000))
        else:
            await connection.send(message)
"""


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The package with one more file in it."""
    folder = tmp_path_factory.mktemp("copy")
    for part in ("harness", "docs"):
        unwanted = shutil.ignore_patterns("__pycache__", "*.png")
        shutil.copytree(ROOT / part, folder / part, ignore=unwanted)
    (folder / "harness" / "sessions" / "protocols" / "parrot.py").write_text(PARROT)
    (folder / "cage.py").write_text(SCENARIO)
    return folder


def done(copy: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """What Python says to these words, where the package is the copy."""
    return subprocess.run(
        [sys.executable, *words],
        cwd=copy,
        env=os.environ | {"PYTHONPATH": str(copy)},
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )


def test_its_actions_work_in_a_run_and_are_timed(copy: Path) -> None:
    serve = ["--serve", written(copy, KEEPS_FEATHERS)]
    once = done(copy, "-m", "harness", "run", "cage.py", *serve, "--once")
    assert once.returncode == 0, once.stderr
    assert once.stdout.rpartition("replies: ")[2].count("ms") == 1


def test_an_action_of_it_that_was_not_awaited_is_told_with_its_line(copy: Path) -> None:
    (copy / "forgets.py").write_text(SCENARIO.replace("await session.preen", "session.preen"))
    serve = ["--serve", written(copy, KEEPS_FEATHERS)]
    once = done(copy, "-m", "harness", "run", "forgets.py", *serve, "--once")
    assert once.returncode == 2
    assert "forgets.py:8: session.preen(...) was never awaited" in once.stderr


def test_it_appears_in_the_reference(copy: Path) -> None:
    page = "import sys; sys.path.insert(0, 'docs'); import make_reference as made"
    made = done(copy, "-c", f"{page}; print(made.scenarios_page())")
    section = made.stdout.partition("### parrot")[2].partition("###")[0]
    assert "| `squawk(words)` | Say words, and hear them again, timed. |" in section, made.stderr
    assert "`preen()`" in section


@pytest.mark.slow
def test_blame_varies_its_actions_and_names_the_one_that_leaks(copy: Path) -> None:
    serve = ["--serve", written(copy, KEEPS_FEATHERS)]
    blame = ["-m", "harness", "blame", "cage.py", *serve, "--cycles", "24", "--json"]
    blamed = done(copy, *blame, "--out", "out")
    assert blamed.returncode == 1, blamed.stderr
    result = json.loads(blamed.stdout)
    assert result["guilty"] == ["preen"]
    assert {"squawk", "preen"} <= {share["action"] for share in result["shares"]}

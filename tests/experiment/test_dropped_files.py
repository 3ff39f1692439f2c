"""One file to add an option, a target or a verb: each is dropped into a copy of the package, and
works from the command line to the record.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from server_scripts import ECHO, ECHO_SCENARIO, written

ROOT = Path(__file__).parents[2]
AN_OPTION = '''
    greeting: str = declared(
        "greeting", TEXT, "What a visitor says first.", default="hello", metavar="WORDS"
    )
    """A word or two."""
'''
SHOWS_IT = """
from harness.experiment.config import settings
from harness.experiment.marker import values_of_keywords
from harness.experiment.options import options, options_from
from pathlib import Path

of_file = options_from(settings({}, Path("."), print)).load.greeting
of_marker = options_from(values_of_keywords({"greeting": "hi"})).load.greeting
(declared,) = [option for option in options() if option.name == "greeting"]
print(of_file, of_marker, declared.group, declared.says, sep="|")
"""
A_TARGET = '''"""The server whose process id is in a file."""

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from harness.option import PATH, Option, from_option
from harness.target.target import Running, ServerUnderTest, Start

PID_FILE = Option("pid-file", PATH, "The process whose id is in this file.", metavar="FILE")


@dataclass(frozen=True, slots=True)
class PidFile(Running):
    """A process that has written its id into a file."""

    NAME: ClassVar = "pid_file"
    HELP_NAME: ClassVar = "--pid-file"
    CHOSEN_BY: ClassVar = "pid_file"

    pid_file: Path = from_option(PID_FILE, required=True)
    """The file."""

    def words(self, port: str) -> dict[str, str]:
        """The id."""
        return {"pid": self.pid_file.read_text()}

    async def open(self, start: Start) -> ServerUnderTest:
        """Find it."""
        from harness.target.attached import Attached

        return Attached(int(self.pid_file.read_text()))
'''
A_VERB = '''"""`leak-harness echo`."""

HELP = "Print a word."


def add_options(parser):
    """The word."""
    parser.add_argument("word")


def run(options):
    """Print it."""
    print(options.word)
    return 0
'''
WRITES_ITS_PORT = """
import socket
with socket.socket() as free:
    free.bind(("127.0.0.1", 0))
    os.environ["PORT"] = str(free.getsockname()[1])
with open("port.txt", "w") as file:
    file.write(os.environ["PORT"])
"""


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """A folder with the package and its scenarios, to add files to."""
    ignored = shutil.ignore_patterns("__pycache__")
    for name in ("harness", "scenarios"):
        shutil.copytree(ROOT / name, tmp_path / name, ignore=ignored)
    return tmp_path


def python(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """Python with the package of that folder."""
    return subprocess.run(
        [sys.executable, *words],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(folder)},
        capture_output=True,
        text=True,
        check=False,
    )


def test_an_option_that_one_field_declares_is_typed_read_from_a_file_marked_and_documented(
    copy: Path,
) -> None:
    file = copy / "harness" / "experiment" / "options" / "load.py"
    text = file.read_text().replace("import COUNT", "import TEXT, COUNT")
    file.write_text(text.rstrip() + AN_OPTION)
    assert "--greeting WORDS" in python(copy, "-m", "harness", "run", "--help").stdout
    (copy / "leak-harness.toml").write_text('greeting = "good day"')
    shown = python(copy, "-c", SHOWS_IT)
    assert shown.stdout.strip() == (
        "good day|hi|load|What a visitor says first. (default: hello)"
    ), shown.stderr
    shutil.copytree(ROOT / "docs" / "reference", copy / "docs" / "reference")
    shutil.copytree(ROOT / "docs" / "reference_pages", copy / "docs" / "reference_pages")
    shutil.copy(ROOT / "docs" / "make_reference.py", copy / "docs")
    assert python(copy, "docs/make_reference.py").returncode == 0
    for page, shown_as in (("options", "--greeting WORDS"), ("configuration", "greeting")):
        text = (copy / "docs" / "reference" / f"{page}.md").read_text()
        assert f"| `{shown_as}` |" in text
    (copy / "leak-harness.toml").write_text("greeting = 3")
    wrong = python(copy, "-m", "harness", "run", "--greeting", "hello")
    assert "leak-harness.toml:1: greeting: Expected `str`, got `int`" in wrong.stderr


def test_a_target_that_one_file_adds_is_run_against_and_stands_in_the_record(copy: Path) -> None:
    (copy / "harness" / "target" / "ways" / "pid_file.py").write_text(A_TARGET)
    (copy / "echo.py").write_text(ECHO_SCENARIO)
    assert "--pid-file FILE" in python(copy, "-m", "harness", "run", "--help").stdout
    serve = written(copy, WRITES_ITS_PORT + ECHO).split()
    with subprocess.Popen(serve, cwd=copy, stdin=subprocess.DEVNULL) as server:
        try:
            (copy / "server.pid").write_text(str(server.pid))
            while not (copy / "port.txt").exists() or not (copy / "port.txt").read_text():
                assert server.poll() is None
            port = (copy / "port.txt").read_text()
            words = ["--pid-file", "server.pid", "--url", f"ws://127.0.0.1:{port}"]
            short = ["--protocol", "plain", "--cycles", "2", "--json", "--out", "out"]
            done = python(copy, "-m", "harness", "run", "echo.py", *words, *short)
        finally:
            server.kill()
    result = json.loads(done.stdout)
    assert (result["target"]["mode"], result["sessions_failed"]) == ("pid_file", 0)
    assert result["target"]["pid"] == str(server.pid)
    both = python(copy, "-m", "harness", "run", "--pid-file", "x", "--pid", "1")
    assert "--pid and --pid-file name different targets" in both.stderr


def test_a_verb_that_one_file_adds_is_listed_and_called(copy: Path) -> None:
    (copy / "harness" / "commands" / "echo.py").write_text(A_VERB)
    assert "echo      Print a word." in python(copy, "-m", "harness", "--help").stdout
    assert python(copy, "-m", "harness", "echo", "hello").stdout == "hello\n"

"""The scripts with which a shell completes."""

from __future__ import annotations

import shlex
import shutil
import subprocess
from pathlib import Path

import command
import pytest

from harness.commands import verb_names

TYPED_IN_BASH = """
source {script}
COMP_WORDS=({words}) COMP_CWORD={last}
compopt() {{ :; }}  # it works only while a key is handled
_leak_harness
printf '%s\\n' "${{COMPREPLY[@]}}"
"""


def script(folder: Path, shell: str) -> Path:
    """The script of a shell."""
    written = command.done(folder, "completion", shell)
    assert (written.returncode, written.stderr) == (0, "")
    path = folder / f"completion.{shell}"
    path.write_text(written.stdout)
    return path


def said(folder: Path, *words: str) -> str:
    """What a program prints."""
    done = subprocess.run(words, cwd=folder, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


def offered(folder: Path, shell: str, line: str) -> list[str]:
    """What a shell offers for the last word of a line."""
    path = script(folder, shell)
    if shell == "fish":
        typed = f"source {path}; complete -C {shlex.quote(line)}"
        return [offer.partition("\t")[0] for offer in said(folder, "fish", "-c", typed).split("\n")]
    words = [shlex.quote(word) for word in line.split(" ")]
    typed = TYPED_IN_BASH.format(script=path, words=" ".join(words), last=len(words) - 1)
    return said(folder, "bash", "-c", typed).split("\n")


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_a_shell_accepts_its_script(tmp_path: Path, shell: str) -> None:
    if not shutil.which(shell):
        pytest.skip(f"{shell} is not installed")
    assert said(tmp_path, shell, "-n", str(script(tmp_path, shell))) == ""


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_a_script_knows_every_command_and_the_options_of_a_run(tmp_path: Path, shell: str) -> None:
    words = script(tmp_path, shell).read_text()
    assert [name for name in verb_names() if name not in words] == []
    option = "-l serve" if shell == "fish" else "--serve"
    assert option in words


@pytest.mark.parametrize("shell", ["bash", "fish"])
@pytest.mark.parametrize(
    ("line", "offers", "offers_not"),
    [
        ("leak-harness ", ["run", "completion"], ["--serve"]),
        ("leak-harness run --se", ["--serve", "--settle", "--sessions", "--seed"], ["--once"]),
        ("leak-harness run --no-pr", ["--no-probe"], []),
        ("leak-harness run --fault untr", ["untracked-task"], ["thread"]),
        ("leak-harness run --lang ", ["en", "zh"], ["--serve", "notes.txt"]),
        ("leak-harness run --limit ", [], ["--serve", "notes.txt"]),
        ("leak-harness run --ca no", ["notes.txt"], []),
        ("leak-harness run plain-", ["plain-chat", "plain-request"], []),
        ("leak-harness run --only la", ["latency"], []),
        ("leak-harness selftest --only la", ["late-release"], ["latency"]),
        ("leak-harness bisect --go", ["--good"], []),
        ("leak-harness bisect --pi", [], ["--pid"]),
    ],
)
def test_a_shell_offers_what_can_stand_there(
    tmp_path: Path, shell: str, line: str, offers: list[str], offers_not: list[str]
) -> None:
    if not shutil.which(shell):
        pytest.skip(f"{shell} is not installed")
    (tmp_path / "notes.txt").touch()
    words = offered(tmp_path, shell, line)
    assert [word for word in offers if word not in words] == []
    assert [word for word in offers_not if word in words] == []


def test_bash_completes_a_value_after_an_equals_sign(tmp_path: Path) -> None:
    assert "zh" in offered(tmp_path, "bash", "leak-harness run --lang = z")
    assert "en" in offered(tmp_path, "bash", "leak-harness run --lang =")


def test_another_shell_is_refused_with_those_that_there_are(tmp_path: Path) -> None:
    done = command.done(tmp_path, "completion", "csh")
    assert done.returncode == 2
    assert "bash" in done.stderr
    assert "fish" in done.stderr

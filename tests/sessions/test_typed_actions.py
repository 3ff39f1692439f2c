"""mypy knows the actions of each protocol: a misspelled one is an error before anything runs."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
HEAD = "from harness import JsonrpcSession, OpenLlmVtuberSession, Session, scenario\n"
SCRIPT = """
@scenario{settings}
async def visit_{number}(session: {kind}) -> None:
    {body}
"""
RIGHT = [
    ("OpenLlmVtuberSession", "(await session.chat('hi')).text.upper()"),
    ("OpenLlmVtuberSession", "await session.chat('hi', leave_at='first_audio')"),
    ("OpenLlmVtuberSession", "await session.switch_character(session.characters[0])"),
    ("OpenLlmVtuberSession", "await session.another().interrupt()"),
    ("JsonrpcSession", "await session.call('say', {'text': 'hi'})"),
    ("JsonrpcSession", "await session.dwell(0.1)"),
    ("Session", "await session.any_action_of_any_protocol(1)"),
    ("Session", "session.playback = len(session.characters[:1]) > 0"),
]
WRONG = [
    ("OpenLlmVtuberSession", "await session.chatt('hi')", '"Session" has no attribute "chatt"'),
    ("OpenLlmVtuberSession", "await session.chat(1)", 'incompatible type "int"'),
    ("OpenLlmVtuberSession", "await session.chat('hi', leave='x')", 'argument "leave"'),
    ("OpenLlmVtuberSession", "(await session.chat('hi')).txt", 'has no attribute "txt"'),
    ("OpenLlmVtuberSession", "await session.call('say')", 'has no attribute "call"'),
    ("JsonrpcSession", "await session.chat('hi')", 'has no attribute "chat"'),
    ("JsonrpcSession", "await session.dwel(0.1)", 'has no attribute "dwel"'),
]


def checked(folder: Path, scripts: list[tuple[str, str]]) -> list[str]:
    """What mypy --strict says of a file with these scripts, one line per error."""
    parts = [HEAD]
    for number, (kind, body) in enumerate(scripts):
        settings = "(protocol='jsonrpc')" if kind == "JsonrpcSession" else ""
        parts.append(SCRIPT.format(settings=settings, number=number, kind=kind, body=body))
    path = folder / "mine.py"
    path.write_text("\n".join(parts))
    mypy = [sys.executable, "-m", "mypy", "--strict", "--hide-error-context", "--no-error-summary"]
    done = subprocess.run(
        [*mypy, str(path)], cwd=ROOT, capture_output=True, text=True, timeout=240, check=False
    )
    assert not done.stderr, done.stderr
    return [line for line in done.stdout.splitlines() if ": error: " in line]


@pytest.mark.slow
def test_right_actions_pass(tmp_path: Path) -> None:
    assert checked(tmp_path, RIGHT) == []


def test_misspelled_actions_and_arguments_are_errors(tmp_path: Path) -> None:
    errors = checked(tmp_path, [(kind, body) for kind, body, _ in WRONG])
    assert len(errors) == len(WRONG), errors
    for error, (_, body, says) in zip(errors, WRONG, strict=True):
        assert says in error, (body, error)

"""What a Python server writes about its error stands next to the session that failed."""

from __future__ import annotations

from pathlib import Path

import command
import pytest
from server_scripts import ECHO_SCENARIO, SERVED, written

from harness.target.server_errors import ServerErrors

FAILS = """
def answer(message):
    return {}[message]

async def handle(connection):
    async for message in connection:
        await connection.send(answer(message))
"""
GROUP = """ERROR:    Exception in ASGI application
  + Exception Group Traceback (most recent call last):
  |   File "/usr/lib/python3.12/site-packages/uvicorn/run.py", line 1, in run
  |     await app()
  | ExceptionGroup: unhandled errors in a TaskGroup (1 sub-exception)
  +-+---------------- 1 ----------------
    | Traceback (most recent call last):
    |   File "/srv/app.py", line 7, in chat
    |     1 / 0
    | ZeroDivisionError: division by zero
    +------------------------------------
"""
LIBRARY_ONLY = """Traceback (most recent call last):
  File "/lib/python3/events.py", line 84, in _run
    self._context.run(self._callback, *self._args)
TypeError: too few arguments
"""
CUT = """Traceback (most recent call last):
  File "/srv/app.py", line 7, in chat
"""


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (GROUP, "ZeroDivisionError: division by zero, raised in chat (/srv/app.py:7)"),
        (
            LIBRARY_ONLY,
            "TypeError: too few arguments, raised in _run (/lib/python3/events.py:84)",
        ),
        (CUT, ""),
        ("all is well\n", ""),
    ],
)
def test_a_traceback_is_told_by_its_error_and_the_calls_of_the_application(
    tmp_path: Path, text: str, says: str
) -> None:
    log = tmp_path / "server.log"
    errors = ServerErrors(log)
    assert errors.latest() == ""
    log.write_text(text)
    assert errors.latest() == says
    errors.begin()
    assert errors.latest() == ""


@pytest.mark.parametrize("words", [["--once"], ["--cycles", "2", "--out", "out", "--no-explain"]])
def test_the_error_of_a_server_stands_next_to_the_connection_that_it_dropped(
    tmp_path: Path, words: list[str]
) -> None:
    (tmp_path / "echo.py").write_text(ECHO_SCENARIO)
    serve = ["--protocol", "plain", "--serve", written(tmp_path, FAILS), "--grace", "0s"]
    done = command.done(tmp_path, "run", "echo.py", *serve, *words)
    said = " ".join((done.stdout + done.stderr).split())
    assert done.returncode == 4, said
    assert f"the server's log says: KeyError: 'hi', raised in answer ({SERVED}:" in said
    assert "called by handle" in said

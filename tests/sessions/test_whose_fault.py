"""Whose fault is it? A bad answer is the server's, a bad script is the script's, with the line
to look at.
"""

from __future__ import annotations

import subprocess
from pathlib import Path

import command
import pytest
from server_scripts import ECHO, written

from harness.errors import ExitStatus

SAYS = """
TEXT = {text!r}

async def handle(connection):
    await connection.send(TEXT)
    async for message in connection:
        await connection.send(TEXT)
"""
HEAD = "import asyncio\nimport os\nimport sys\n\nfrom harness import scenario\n\n\n"
SCENARIO = HEAD + "@scenario(protocol={protocol!r}{more})\nasync def visit(session):\n    {body}\n"
BODY_LINE = 10
BODIES = {
    "open-llm-vtuber": "await session.chat('hi')",
    "plain": "await session.request('hi', until='never')",
    "socketio": "await session.call('join')",
    "graphql": "await session.execute('{ hello }')",
    "jsonrpc": "await session.call('join')",
}
NESTED = "[" * 100_000


def run(
    folder: Path, text: str, handler: str = ECHO, *words: str
) -> subprocess.CompletedProcess[str]:
    (folder / "mine.py").write_text(text)
    serve = ["--serve", written(folder, handler), "--grace", "0s", "--no-explain"]
    done = command.done(
        folder, "run", "mine.py", *serve, *(words or ("--cycles", "3", "--out", "out"))
    )
    assert "Traceback" not in done.stderr, done.stderr
    return done


def visit(body: str, protocol: str = "plain", more: str = "") -> str:
    return SCENARIO.format(protocol=protocol, body=body, more=more)


@pytest.mark.parametrize(
    ("protocol", "text"),
    [
        *[
            (protocol, text)
            for protocol in ("open-llm-vtuber", "graphql", "jsonrpc")
            for text in (NESTED, "{", b"\xff")
        ],
        *[(protocol, "[1]") for protocol in ("open-llm-vtuber", "graphql", "jsonrpc")],
        ("graphql", '{"type": {}}'),
        ("open-llm-vtuber", '{"type": "error", "message": "\\ud800"}'),
        ("socketio", b"\x00"),
    ],
)
def test_an_answer_that_cannot_be_read_is_the_servers_fault(
    tmp_path: Path, protocol: str, text: str | bytes
) -> None:
    done = run(tmp_path, visit(BODIES[protocol], protocol), SAYS.format(text=text), "--once")
    assert done.returncode == ExitStatus.SERVER_FAILED, done.stderr
    assert ("ProtocolViolation: " in done.stderr, "script raised" in done.stderr) == (
        True,
        False,
    ), done.stderr


SOCKETIO = """
async def handle(connection):
    await connection.send("0{{}}")
    await connection.recv()
    await connection.send('40{{"sid": "a"}}')
    await connection.recv()
    await connection.send({answer!r})
    await connection.wait_closed()
"""


@pytest.mark.parametrize("answer", ["431[", "431" + NESTED, '431{"a": 1}', "431", b"\x01", "4x"])
def test_a_packet_of_socketio_that_cannot_be_read_is_the_servers_fault(
    tmp_path: Path, answer: str | bytes
) -> None:
    done = run(
        tmp_path, visit(BODIES["socketio"], "socketio"), SOCKETIO.format(answer=answer), "--once"
    )
    assert (done.returncode, "ProtocolViolation: " in done.stderr) == (
        ExitStatus.SERVER_FAILED,
        True,
    ), done.stderr


FRAMES = """
async def handle(connection):
    await connection.recv()
    connection.transport.write(bytes.fromhex({frame!r}))
    await connection.wait_closed()
"""


@pytest.mark.parametrize(
    "frame", ["c100", "8101418181000000ff41", "8101ff"], ids=["reserved", "masked", "utf-8"]
)
def test_a_frame_that_is_not_allowed_is_the_servers_fault(tmp_path: Path, frame: str) -> None:
    done = run(
        tmp_path, visit(BODIES["plain"]), FRAMES.format(frame=frame), "--once", "--no-compression"
    )
    assert done.returncode == ExitStatus.SERVER_FAILED
    assert "ProtocolViolation: the server broke the WebSocket protocol" in done.stderr, done.stderr


def test_an_answer_that_a_standing_session_cannot_read_is_the_servers_fault(tmp_path: Path) -> None:
    scenario = visit("await session.execute('{ hello }')", "graphql", ", standing=1")
    acknowledges = 'await connection.recv(); await connection.send(\'{"type": "connection_ack"}\')'
    handler = SAYS.format(text=NESTED).replace(
        "    await connection.send(TEXT)", f"    {acknowledges}", 1
    )
    handler = handler.replace("    async for", "    await connection.send(TEXT)\n    async for")
    done = run(tmp_path, scenario, handler)
    assert (done.returncode, "nested too deeply" in done.stderr) == (
        ExitStatus.SERVER_FAILED,
        True,
    ), done.stderr


def test_no_message_that_was_waited_for_is_told_with_those_that_came(tmp_path: Path) -> None:
    body = "await session.request('hi', until='never')"
    done = run(tmp_path, visit(body, more=", reply_limit_s=0.3"), SAYS.format(text="ho"), "--once")
    assert (done.returncode, "2 messages arrived, the last was 'ho'" in done.stderr) == (4, True), (
        done.stderr
    )


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ("raise TimeoutError('mine')", "the script raised TimeoutError: mine"),
        (
            "await session.request('x', until=lambda data: 1 / 0)",
            "the script raised ZeroDivisionError",
        ),
        ("sys.exit(0)", "the script raised SystemExit: 0"),
        ("raise GeneratorExit", "the script raised GeneratorExit"),
        ("raise KeyboardInterrupt", "the script raised KeyboardInterrupt"),
        ("raise asyncio.CancelledError", "the script raised CancelledError"),
        ("assert not await session.request('x')", "the script raised AssertionError"),
        ("session.chat('x')", "session.chat(...) was never awaited"),
        ("asyncio.sleep(0)", "the coroutine sleep(...) was never awaited"),
        ("await session.chatt('x')", "did you mean chat?"),
        ("await session.chat('x', leave='first_text')", "did you mean leave_at?"),
    ],
)
@pytest.mark.parametrize(
    "before",
    [
        "",
        "    if getattr(os, 'visits', 0) < 2:\n        os.visits = getattr(os, 'visits', 0) + "
        "1\n        return\n",
    ],
)
def test_a_script_that_is_wrong_is_status_2_with_its_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, body: str, says: str, before: str
) -> None:
    import os

    monkeypatch.setattr(os, "visits", 0, raising=False)
    if before and body.startswith("assert"):
        pytest.skip("a check that held for other sessions is a failed session")
    text = visit(body).replace("(session):\n", f"(session):\n{before}")
    done = run(tmp_path, text)
    line = BODY_LINE + before.count("\n")
    assert (done.returncode, f"mine.py:{line}: " in done.stderr) == (ExitStatus.USAGE, True), (
        done.stderr
    )
    assert (says in done.stderr, "SERVER" in done.stderr, "server's log" in done.stderr) == (
        True,
        False,
        False,
    )
    assert "the scenario is wrong" in (tmp_path / "out" / "run.jsonl").read_text()


def test_a_check_that_held_before_is_a_failed_session_with_its_line(tmp_path: Path) -> None:
    handler = (
        "async def handle(connection):\n    global visits\n    visits += 1\n    async for _ in "
        "connection:\n"
    )
    handler += "        await connection.send(str(visits != 4))\n"
    done = run(
        tmp_path,
        visit("assert 'True' in await session.request('x')"),
        handler,
        "--cycles",
        "6",
        "--out",
        "out",
    )
    assert done.returncode != ExitStatus.USAGE, done.stderr
    assert (
        f"CheckFailed: mine.py:{BODY_LINE}: the script raised AssertionError"
        in (tmp_path / "out" / "run.jsonl").read_text()
    )


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("import sys\nsys.exit(0)\n", "mine.py:2 ends the program: SystemExit: 0"),
        ("x = 1\nraise GeneratorExit\n", "mine.py:2 does not load: GeneratorExit"),
        ("x = 1\nraise KeyboardInterrupt\n", "mine.py:2 does not load: KeyboardInterrupt"),
        (
            "import asyncio\nraise asyncio.CancelledError\n",
            "mine.py:2 does not load: CancelledError",
        ),
        (
            "from harness import scenario\n\n@scenario\ndef visit(session):\n    pass\n",
            "is a plain function",
        ),
        (
            "from harness import scenario\n\n@scenario(settle=3)\nasync def visit(session): ...\n",
            "mean settle_s?",
        ),
    ],
)
def test_a_file_that_does_not_load_is_status_2_with_its_line(
    tmp_path: Path, text: str, says: str
) -> None:
    done = run(tmp_path, text)
    assert (done.returncode, says in done.stderr, "mine.py:" in done.stderr) == (
        ExitStatus.USAGE,
        True,
        True,
    ), done


def test_a_script_that_swallows_its_cancellation_is_left_behind_and_told(tmp_path: Path) -> None:
    lines = [
        "while True:",
        "    try:",
        "        await asyncio.sleep(60)",
        "    except BaseException:",
        "        pass",
    ]
    body = "\n    ".join(lines)
    done = run(tmp_path, visit(body, more=", session_limit_s=0.2"))
    assert (done.returncode, "it was left behind" in done.stderr) == (ExitStatus.USAGE, True), (
        done.stderr
    )
    assert f"mine.py:{BODY_LINE + 2}: " in done.stderr

"""The server under test as processes."""

from __future__ import annotations

import os
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import psutil
import pytest

from harness.errors import ServerExited, ServerNotReady, UsageError
from harness.target.launched import SERVER_PORTS, Server, free_port

SLEEPS = "import time; print('starting up', flush=True); time.sleep(600)"
HAS_A_STRAY_CHILD = """
import subprocess, sys, time
subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"], start_new_session=True)
time.sleep(600)
"""
IGNORES_SIGTERM = """
import signal, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
print("deaf", flush=True)
time.sleep(600)
"""
ENDS_IN_ITS_OWN_WAY = """
import signal, sys, time
signal.signal(signal.SIGTERM, lambda *_: sys.exit(7))
print("ready", flush=True)
time.sleep(600)
"""


@asynccontextmanager
async def launched(folder: Path, code: str) -> AsyncIterator[Server]:
    server = await Server.launch(
        [sys.executable, "-c", code], environment=os.environ, folder=None, log=folder / "server.log"
    )
    try:
        yield server
    finally:
        await server.stop()


async def until(server: Server, condition: Callable[[], bool]) -> None:
    async def why_not() -> str:
        return "" if condition() else "not yet"

    await server.wait_ready(why_not, limit_s=60)


async def never() -> str:
    return "nobody is there"


async def test_it_has_a_process_group_of_its_own(tmp_path: Path) -> None:
    async with launched(tmp_path, SLEEPS) as server:
        assert os.getpgid(server.pid) == server.pid != os.getpgid(0)


async def test_a_server_that_never_listens_is_given_up_with_the_last_lines_of_its_log(
    tmp_path: Path,
) -> None:
    async with launched(tmp_path, SLEEPS) as server:
        await until(server, lambda: "starting up" in server.log_tail())
        with pytest.raises(ServerNotReady, match=r"nobody is there(.|\n)*starting up"):
            await server.wait_ready(never, limit_s=0.1)


async def test_a_server_that_exits_is_told_with_its_status_and_its_log(tmp_path: Path) -> None:
    async with launched(tmp_path, "raise SystemExit('no configuration')") as server:
        with pytest.raises(ServerExited, match=r"status 1(.|\n)*no configuration"):
            await server.wait_ready(never, limit_s=60)


async def test_a_command_that_cannot_be_started_is_a_wrong_word(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="No such file"):
        await Server.launch(
            ["no-such-command"], environment=os.environ, folder=None, log=tmp_path / "log"
        )


async def test_its_descendants_are_counted_and_the_guardian_is_not(tmp_path: Path) -> None:
    async with launched(tmp_path, HAS_A_STRAY_CHILD) as server:
        await until(server, lambda: len(server.processes()) == 2)
        assert server.processes()[0].pid == server.pid
        assert not any("guardian" in " ".join(one.cmdline()) for one in server.processes())


async def test_a_child_that_left_the_group_ends_with_it(tmp_path: Path) -> None:
    async with launched(tmp_path, HAS_A_STRAY_CHILD) as server:
        await until(server, lambda: len(server.processes()) == 2)
        processes = server.processes()
    assert not any(psutil.pid_exists(one.pid) for one in processes)


async def test_a_server_that_ignores_sigterm_is_killed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("harness.target.launched.STOP_LIMIT_S", 0.2)
    async with launched(tmp_path, IGNORES_SIGTERM) as server:
        await until(server, lambda: "deaf" in server.log_tail())
    assert server.exit_status == -9


async def test_a_server_that_hears_sigterm_ends_in_its_own_way(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("harness.target.launched.STOP_LIMIT_S", 60.0)
    async with launched(tmp_path, ENDS_IN_ITS_OWN_WAY) as server:
        await until(server, lambda: "ready" in server.log_tail())
    assert server.exit_status == 7


def test_a_free_port_is_none_that_an_outgoing_connection_may_take() -> None:
    ports = {free_port() for _ in range(20)}
    assert ports <= set(SERVER_PORTS)
    assert len(ports) > 10

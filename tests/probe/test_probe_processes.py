"""The probe in processes that fork, die, close their descriptors or run several interpreters."""

from __future__ import annotations

import os
import socket
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from probed_process import LIMIT_S, Launch, Launched, until


def test_a_forked_child_greets_and_leaves_the_parents_connections_to_the_parent(
    puppet: Launched,
) -> None:
    of_parent = puppet.peer()
    child = puppet.do("(lambda pid: pid or __import__('signal').pause())(os.fork())")
    try:
        of_child = puppet.peer(child)
        assert of_child.greeting["pid"] == child
        puppet.process.kill()
        assert of_parent.is_closed()
        assert of_child.gauges()["python_threads"] >= 1
    finally:
        os.kill(child, 9)


SLOW_TO_LOAD = """
import sys, threading, time
class Finder:
    def find_spec(self, name, *_):
        if name == "_leak_harness_probe." + slow:
            loading.set()
            time.sleep(0.3)
loading = threading.Event()
sys.meta_path.insert(0, Finder())
"""


@pytest.mark.parametrize("module", ["handlers", "gauges.python_threads", "gauges.timers"])
def test_a_fork_waits_for_a_probe_that_is_just_loading(puppet: Launched, module: str) -> None:
    puppet.do(f"exec({f'slow = {module!r}{SLOW_TO_LOAD}'!r})")
    with socket.socket(socket.AF_UNIX) as first:
        first.connect(str(puppet.folder / f"{puppet.process.pid}.sock"))
        assert puppet.do("loading.wait(10)")
        child = puppet.do("(lambda pid: pid or __import__('signal').pause())(os.fork())")
        try:
            assert puppet.peer(child).greeting["pid"] == child
        finally:
            os.kill(child, 9)


def test_a_child_forked_from_a_loop_is_not_taken_for_one_that_runs_it(looping: Launched) -> None:
    looping.do(
        'exec(\'def fork():\\n pid = os.fork()\\n if not pid: __import__("signal").pause()\\n '
        "return pid')"
    )
    looping.do("exec('async def forked(): return fork()')")
    child = looping.do("asyncio.run_coroutine_threadsafe(forked(), loop).result()")
    try:
        sample = looping.peer(child).ask("sample", collect=True)
        assert sample["collection"]["loop_answered"] is None
        assert sample["gauges"]["tasks"] == 0
    finally:
        os.kill(child, 9)


def test_the_socket_of_a_dead_process_of_the_same_id_is_replaced(
    launch: Launch, tmp_path: Path
) -> None:
    script = tmp_path / "twice.py"
    script.write_text(
        "import os, sys; sys.argv[1:] or os.execv(sys.executable, ['python', __file__, "
        "'again']); input()"
    )
    server = launch(str(script))

    def argv() -> Any:
        try:
            return server.peer().greeting["argv"]
        except (EOFError, ConnectionError):  # caught in the middle of its change
            return None

    until(lambda: argv() == [str(script), "again"])


def test_a_server_that_closes_all_descriptors_keeps_its_own_and_the_probe_comes_back(
    puppet: Launched,
) -> None:
    puppet.peer().socket.close()
    puppet.do("os.closerange(3, 256)")
    puppet.do("import socket; mine = [socket.create_server(('127.0.0.1', 0)) for _ in range(8)]")
    assert puppet.peer().gauges()["python_threads"] == 1
    until(lambda: puppet.peer().gauges()["python_threads"] == 1)
    with socket.create_connection(("127.0.0.1", puppet.do("mine[0].getsockname()[1]")), LIMIT_S):
        assert puppet.do("mine[0].accept()[0].close()") is None
    assert puppet.do("[one.fileno() for one in mine if one.getsockname()[0] != '127.0.0.1']") == []


@pytest.mark.skipif(
    find_spec("_xxsubinterpreters") is None, reason="this Python starts no second interpreters"
)
def test_a_second_interpreter_in_the_process_does_not_take_its_place(puppet: Launched) -> None:
    puppet.do("import _xxsubinterpreters as interpreters; second = interpreters.create()")
    puppet.do("interpreters.run_string(second, 'import sys; sys.argv = [\"second\"]')")
    assert puppet.peer().greeting["argv"] == ["-c"]

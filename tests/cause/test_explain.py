"""What is found out beside the probe: functions of a source file, descriptors, programs."""

from __future__ import annotations

import errno
import os
import socket
import subprocess
from pathlib import Path
from typing import Any, cast

import msgspec
import pytest
from record_builder import MIB, Script, memory, rising

from harness.cause.explain import Explainer
from harness.cause.process_inventory import (
    Unread,
    children,
    command,
    descriptors,
    mappings,
    open_paths,
    program,
    without_numbers,
)
from harness.cause.python_source import function_at
from harness.cause.tracing import sessions_to_trace
from harness.cause.untracked_memory import is_python_memory
from harness.errors import ProbeSilent
from harness.record.record import Cause, Causes, Census
from harness.target.probe_answers import CauseAnswer
from harness.verdict.what_grows import Growth, latest_paths

SOURCE = """
class Room:
    def join(self):
        async def later():
            return 5
        return later

    wave = lambda self: 9

top = 12
"""


@pytest.mark.parametrize(
    ("line", "function"),
    [(3, "Room.join"), (5, "Room.join.<locals>.later"), (6, "Room.join"), (8, ""), (10, "")],
)
def test_a_line_has_the_qualified_name_of_the_innermost_function_around_it(
    tmp_path: Path, line: int, function: str
) -> None:
    source = tmp_path / "room.py"
    source.write_text(SOURCE)
    assert function_at(f"{source}:{line}") == function


def test_a_source_that_cannot_be_read_has_no_functions(tmp_path: Path) -> None:
    assert function_at(f"{tmp_path / 'gone.py'}:3") == ""
    assert function_at("") == ""


@pytest.mark.parametrize(
    ("size_bytes", "blocks", "sessions", "is_python"),
    [
        (15_000, 15, 5, True),
        (15_000, 4, 5, False),
        (6_000, 15, 5, False),
        (0, 0, 0, False),
    ],
)
def test_memory_is_pythons_where_a_line_allocates_half_of_what_grows_in_each_session(
    size_bytes: int, blocks: int, sessions: int, is_python: bool
) -> None:
    assert is_python_memory(size_bytes, blocks, sessions, 3_000.0) is is_python


def test_open_files_and_sockets_are_told_by_what_they_lead_to(tmp_path: Path) -> None:
    before = open_paths([os.getpid()])
    with (tmp_path / "page.log").open("w"), socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        new = [path for path in open_paths([os.getpid()]) if path not in before]
    assert str(tmp_path / "page.log") in new
    assert f"tcp 127.0.0.1:{port} - 0.0.0.0:0" in new


def test_alike_descriptors_are_counted_together(tmp_path: Path) -> None:
    files = [(tmp_path / f"page-{number}.log").open("w") for number in range(3)]
    try:
        assert descriptors([os.getpid()])[without_numbers(str(tmp_path / "page-1.log"))] == 3
    finally:
        for file in files:
            file.close()


def test_the_newest_of_alike_paths_is_found_among_what_was_not_open_before() -> None:
    assert (
        latest_paths(["/tmp/a-1"], ["/tmp/a-1", "/tmp/b-7", "/tmp/a-2"], "/tmp/a-*") == "/tmp/a-2"
    )
    assert latest_paths(["/tmp/a-1"], ["/tmp/a-1"], "/tmp/a-*") == ""


@pytest.mark.parametrize(
    ("words", "short"),
    [
        (["/usr/bin/python3", "-I", "/srv/app/tool_server.py"], "python* -I tool_server.py"),
        (["sleep", "3600"], "sleep *"),
        (["worker", "--id", "1f0e3dad-99b7-4f3b-9c1a-0123456789ab"], "worker --id *"),
    ],
)
def test_a_program_is_named_without_what_differs_from_one_to_the_next(
    words: list[str], short: str
) -> None:
    assert program(words) == short


def test_this_process_has_a_command_and_a_heap() -> None:
    assert command(os.getpid())
    assert mappings([os.getpid()])["[heap]"] > 0
    assert command(2**22 - 1) == []


def test_what_every_session_leaves_is_traced_in_a_few() -> None:
    for metrics in ({}, memory(16_384)):
        assert (
            sessions_to_trace(Script(metrics).record(40), [Growth("object", "Page", 3.0, "")]) == 5
        )


@pytest.mark.parametrize(
    ("metrics", "rate"), [({}, 0.1), ({"malloc_in_use": lambda t: 65_536 * (t // 10)}, 3.0)]
)
def test_what_only_some_sessions_leave_is_traced_for_longer(
    metrics: dict[str, Any], rate: float
) -> None:
    assert sessions_to_trace(Script(metrics).record(40), [Growth("object", "Page", rate, "")]) == 24


def test_few_sessions_are_traced_where_the_machine_would_feel_it() -> None:
    record = Script({**memory(64 * MIB), "malloc_in_use": rising(5 * MIB, 64 * MIB)}).record(8)
    assert sessions_to_trace(record, [Growth("object", "Page", 1.0, "")]) == 2


BOUNDED = (
    "class Shelf:\n  def put(self, page):\n    while len(self.pages) > self.most:\n      "
    "self.pages.popitem()\n"
)


class Probe:
    """Says this of every container, and does not answer when it is asked for numbers."""

    def __init__(self, said: dict[str, Any]) -> None:
        self._said = said

    async def causes(
        self, targets: list[dict[str, str]], drawn: list[str]
    ) -> dict[int, dict[str, Any]]:
        return {7: {one["key"]: msgspec.convert(self._said, CauseAnswer) for one in targets}}

    async def numbers(self, files: set[str]) -> dict[int, Any]:
        raise ProbeSilent("the probe did not answer")

    async def trace(self, *, on: bool) -> None:
        pass


async def explained(said: dict[str, Any], known: Cause | None = None) -> Cause:
    """What is known of a container that grows, once the leak has been explained."""
    record = Script().record(40)
    for sessions in (10, 25, 40, 160):
        record.add(Census(1.0, 1, sessions, {}, rising={"7:1": (10, 25, 40, 160)}))
    if known is not None:
        record.add(Causes(1.0, {"7:1": known}))

    async def traced(number: int) -> int:
        return number

    asked = Explainer(cast(Any, Probe(said)), lambda: [7], lambda: 2.0)
    return (await asked.causes(record, traced)).causes["7:1"]


async def test_a_bound_is_looked_for_also_where_the_numbers_of_modules_cannot_be_had(
    tmp_path: Path,
) -> None:
    (tmp_path / "app.py").write_text(BOUNDED)
    home = {
        "names": ["Shelf"],
        "files": [str(tmp_path / "app.py")],
        "numbers": {"most": 400},
        "own": [],
    }
    found = await explained(
        {"name": "app.Shelf.pages", "chain": ["module app", ".pages"], "home": home}
    )
    assert (found.name, found.trimmed_at, found.bound) == (
        "app.Shelf.pages",
        f"{tmp_path / 'app.py'}:3",
        400,
    )


async def test_a_container_not_reached_in_time_keeps_its_name_and_its_trimming_code() -> None:
    known = Cause(("module app", ".pages"), "app.Shelf.pages", "application", trimmed_at="app.py:3")
    found = await explained({"made_at": "app.py:9", "bytes": 12}, known)
    assert (found.name, found.chain, found.trimmed_at) == (known.name, known.chain, "app.py:3")
    assert (found.made_at, found.bytes) == ("app.py:9", 12)


def test_a_process_that_has_ended_is_counted_by_its_name_until_it_is_waited_for() -> None:
    child = subprocess.Popen(["/bin/sleep", "0"])
    try:
        os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
        assert children([child.pid]) == {"sleep <defunct>": 1}
    finally:
        child.wait()
    assert children([child.pid]) == {}


def test_what_cannot_be_read_of_a_process_is_counted_by_its_reason() -> None:
    unread = Unread()
    with unread.noting("descriptors of a process"):
        raise PermissionError(errno.EACCES, "Permission denied")
    with unread.noting("descriptors of a process"):
        raise ProcessLookupError(errno.ESRCH, "No such process")
    assert unread == {"descriptors of a process: Permission denied": 1}

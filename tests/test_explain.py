"""What is found out beside the probe: functions of a source file, descriptors, programs."""

from __future__ import annotations

import os
import socket
from pathlib import Path
from typing import Any

import pytest
from scripted import MIB, Script, memory, rising

from harness.explain import sessions_to_trace
from harness.growth import Growth, latest_paths
from harness.inventory import command, descriptors, mappings, open_paths, program, without_numbers
from harness.sources import function_at

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
    assert latest_paths(["/tmp/a-1"], ["/tmp/a-1", "/tmp/b-7", "/tmp/a-2"], "/tmp/a-*") == "/tmp/a-2"
    assert latest_paths(["/tmp/a-1"], ["/tmp/a-1"], "/tmp/a-*") == ""


@pytest.mark.parametrize(
    ("words", "short"),
    [
        (["/usr/bin/python3", "-I", "/srv/app/tool_server.py"], "python* -I tool_server.py"),
        (["sleep", "3600"], "sleep *"),
        (["worker", "--id", "1f0e3dad-99b7-4f3b-9c1a-0123456789ab"], "worker --id *"),
    ],
)
def test_a_program_is_named_without_what_differs_from_one_to_the_next(words: list[str], short: str) -> None:
    assert program(words) == short


def test_this_process_has_a_command_and_a_heap() -> None:
    assert command(os.getpid())
    assert mappings([os.getpid()])["[heap]"] > 0
    assert command(2**22 - 1) == []


def test_what_every_session_leaves_is_traced_in_a_few() -> None:
    for metrics in ({}, memory(16_384)):
        assert sessions_to_trace(Script(metrics).record(40), [Growth("object", "Page", 3.0, "")]) == 5


@pytest.mark.parametrize(("metrics", "rate"), [({}, 0.1), ({"malloc_in_use": lambda t: 65_536 * (t // 10)}, 3.0)])
def test_what_only_some_sessions_leave_is_traced_for_longer(metrics: dict[str, Any], rate: float) -> None:
    assert sessions_to_trace(Script(metrics).record(40), [Growth("object", "Page", rate, "")]) == 24


def test_few_sessions_are_traced_where_the_machine_would_feel_it() -> None:
    record = Script({**memory(64 * MIB), "malloc_in_use": rising(5 * MIB, 64 * MIB)}).record(8)
    assert sessions_to_trace(record, [Growth("object", "Page", 1.0, "")]) == 2

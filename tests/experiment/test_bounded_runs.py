"""A server that bounds two containers by hand and two others only seemingly, in a real run past
the guard.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from server_scripts import ECHO_SCENARIO, written

from harness.record.store import load_record
from harness.verdict.suspects import suspects

SERVER = """
from collections import OrderedDict

class Pages:
    most = 100

    def __init__(self, most):
        self.most, self.latest = most, OrderedDict()

    def remember(self, connection):
        self.latest[connection.id] = "page %s" % connection.id
        while len(self.latest) > self.most:
            self.latest.popitem(last=False)

pages, lines, seats, waiting, everybody = Pages(400), [], {}, [], {}

async def handle(connection):
    pages.remember(connection)
    lines.append("came %s" % connection.id)
    del lines[:-300]
    seats[connection.id] = "seat of %s" % connection.id
    if len(seats) > 400:
        waiting.pop()
    everybody[connection.id] = "number %d" % len(everybody)
    if connection.close_code and len(everybody) > 100:
        everybody.clear()
    async for message in connection:
        await connection.send(message)
    if connection.close_code == 1001:
        seats.pop(connection.id)
"""


@pytest.mark.slow
def test_of_four_containers_that_get_longer_those_without_a_bound_of_their_own_code_are_suspect(
    tmp_path: Path,
) -> None:
    (tmp_path / "echo.py").write_text(ECHO_SCENARIO)
    command = [
        sys.executable,
        "-m",
        "harness",
        "run",
        "echo.py",
        "--protocol",
        "plain",
        "--out",
        "out",
        "--json",
    ]
    plan = [
        "--cycles",
        "9",
        "--sessions",
        "20",
        "--concurrency",
        "20",
        "--grace",
        "0",
        "--no-explain",
    ]
    command += [*plan, "--serve", written(tmp_path, SERVER)]
    done = subprocess.run(
        command, cwd=tmp_path, capture_output=True, text=True, timeout=100, check=False
    )
    result = json.loads(done.stdout)
    assert (result["sessions"], result["sessions_failed"]) == (180, 0), done.stderr
    assert result["gates"]["containers"]["outcome"] == "leak"
    record = load_record(tmp_path / "out")
    bounds = {one.kind: one.bound for one in record.censuses[-1].bounded}
    assert (bounds["__main__.Pages.latest"], bounds["__main__.lines"]) == (400, 300)
    suspected = {
        record.causes[one.key].name: record.causes[one.key].bound for one in suspects(record)
    }
    assert suspected == {"__main__.seats": None, "__main__.everybody": 100}

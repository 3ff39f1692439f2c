"""The harness leaks nothing itself: objgraph looks at what runs leave in a process of their own."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

PROGRAM = Path(__file__).parent / "support" / "own_leaks.py"
BOUNDED = frozenset(("SplitResult",))
"""urllib keeps the last 128 addresses that it took apart; each run has another port."""


@pytest.fixture(scope="module")
def left(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What short runs have left in their process."""
    command = [sys.executable, str(PROGRAM), str(tmp_path_factory.mktemp("runs"))]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer


@pytest.mark.parametrize("kind", ["RunRecord", "Session", "ProbeLink", "Task"])
def test_no_record_session_link_or_task_survives_a_run(kind: str, left: dict[str, Any]) -> None:
    assert left["kept"][kind] == []


def test_no_type_grows_with_the_runs(left: dict[str, Any]) -> None:
    enough = 2 * left["rounds"]
    grown = {name: count for name, count in left["grown"].items() if count >= enough}
    assert {name: count for name, count in grown.items() if name not in BOUNDED} == {}

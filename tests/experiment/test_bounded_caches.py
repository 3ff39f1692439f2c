"""A server full of caches that fill, in real runs past the guard: alone, and with a leak among
them.
"""

from __future__ import annotations

import json
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from server_scripts import ECHO_SCENARIO

from harness.record.store import load_record

SERVER = Path(__file__).parents[1] / "servers" / "bounded_caches.py"
PLAN = ["--max-cycles", "74", "--grace", "0", "--no-explain"]
LIMIT_S = 250


def run(folder: Path, *words: str) -> dict[str, Any]:
    """The result of as many sessions as it takes."""
    (folder / "echo.py").write_text(ECHO_SCENARIO)
    server = shlex.join([sys.executable, str(SERVER), "{port}", *words])
    command = [sys.executable, "-m", "harness", "run", "echo.py", "--protocol", "plain", *PLAN]
    command += ["--out", "out", "--json", "--serve", server]
    done = subprocess.run(
        command, cwd=folder, capture_output=True, text=True, timeout=LIMIT_S, check=False
    )
    result: dict[str, Any] = json.loads(done.stdout)
    assert result["sessions_failed"] == 0, done.stderr
    return result


@pytest.mark.slow
@pytest.mark.timeout(LIMIT_S + 10)
def test_caches_with_bounds_of_every_kind_are_no_leak(tmp_path: Path) -> None:
    gates = run(tmp_path)["gates"]
    assert [gates[name]["outcome"] for name in ("memory", "objects", "containers")] == ["flat"] * 3
    assert gates["objects"]["kind"] == "filling"
    bounds = {one.kind: one.bound for one in load_record(tmp_path / "out").censuses[-1].bounded}
    assert {bounds["deque"], bounds["__main__.Latest"], bounds["__main__.Lazy"]} == {
        700,
        1_000,
        450,
    }


@pytest.mark.slow
@pytest.mark.timeout(LIMIT_S + 10)
def test_a_leak_of_one_entry_a_session_among_them_is_called(tmp_path: Path) -> None:
    gates = run(tmp_path, "leak")["gates"]
    assert gates["containers"]["outcome"] == "leak"
    assert "KEPT" in gates["containers"]["reason"]

"""The harness tries itself."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from typing import Any

import pytest

from harness.experiment.selftest import wrong
from harness.target.embedded import fault_specs

SPEC = replace(fault_specs()["native-malloc"], finding=None)
HEAP = {"kind": "native", "type": "[heap]", "created_at": "", "created_in": "", "severity": "leak"}


def result(
    verdict: str = "leak", kind: str | None = "native", outcome: str = "leak"
) -> dict[str, Any]:
    return {"verdict": verdict, "gates": {"memory": {"kind": kind, "outcome": outcome}}}


@pytest.mark.parametrize(
    ("seen", "words"),
    [
        (result(), ""),
        (
            result("flat", None, "flat"),
            "verdict flat, not leak, kind None, not native, memory flat, not leak",
        ),
        (result(kind="python"), "kind python, not native"),
    ],
)
def test_a_cell_is_right_where_verdict_kind_and_gate_are_those_of_the_spec(
    seen: dict[str, Any], words: str
) -> None:
    assert wrong(SPEC, seen) == words


def test_the_line_of_native_memory_is_asked_for_only_where_it_can_be_known() -> None:
    spec = fault_specs()["native-malloc"]
    assert wrong(spec, {**result(), "findings": [HEAP]}) == ""
    elsewhere = {**HEAP, "created_at": "/srv/app.py:3", "created_in": "main"}
    assert "file /srv/app.py" in wrong(spec, {**result(), "findings": [elsewhere]})


def selftest(*words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "harness", "selftest", *words]
    return subprocess.run(command, capture_output=True, text=True, timeout=240, check=False)


@pytest.mark.slow
def test_a_fault_is_caught_live() -> None:
    done = selftest("--only", "pending-task", "--json")
    assert done.returncode == 0
    assert [(cell["name"], cell["verdict"], cell["wrong"]) for cell in json.loads(done.stdout)] == [
        ("pending-task", "leak", "")
    ]


def test_an_unknown_name_is_refused() -> None:
    done = selftest("--only", "gremlins")
    assert done.returncode == 2
    assert "there is no fault 'gremlins'" in done.stderr

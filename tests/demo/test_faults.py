"""What can be switched on in the embedded server."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from harness.errors import UsageError
from harness.target.embedded import FaultSpec, fault_specs, fault_word
from harness.sessions.scenario import load_scenario
from harness.verdict.outcome import Kind, VerdictName

SPECS = list(fault_specs().values())
GATES = {"memory", "objects", "tasks", "threads", "descriptors", "children", "containers", "cpu"}
KINDS = {
    "task",
    "object",
    "container",
    "thread",
    "descriptor",
    "child-process",
    "garbage",
    "cpu",
    "native",
}
COUNTED = (
    "pending-task",
    "thread",
    "descriptor",
    "child-process",
    "python-objects-16kib",
    "generator-not-closed",
)
"""Faults that bear each other."""


@pytest.mark.parametrize("spec", SPECS, ids=lambda spec: spec.name)
def test_a_spec_says_what_can_be_checked(spec: FaultSpec) -> None:
    assert load_scenario(spec.scenario).name == spec.scenario
    assert (VerdictName(spec.verdict) is VerdictName.FLAT) == spec.innocent
    assert spec.kind is None or Kind(spec.kind)
    assert spec.gate is None or spec.gate in GATES


@pytest.mark.parametrize(
    "spec", [spec for spec in SPECS if not spec.innocent], ids=lambda spec: spec.name
)
def test_a_fault_names_the_function_that_leaks(spec: FaultSpec) -> None:
    assert spec.file is not None
    assert spec.function is not None
    source = (Path(__file__).parents[2] / "harness" / "demo" / spec.file).read_text()
    assert f"def {spec.function.rpartition('.')[2]}(" in source


@pytest.mark.parametrize(
    "spec", [spec for spec in SPECS if not spec.innocent], ids=lambda spec: spec.name
)
def test_a_fault_says_what_the_first_finding_must_be(spec: FaultSpec) -> None:
    assert spec.finding in KINDS
    assert spec.type


def test_one_module_can_hold_several_of_a_kind() -> None:
    assert fault_word("python-objects-16kib").endswith("python_objects.py=16384")
    assert fault_word("untracked-task").endswith("untracked_task.py")


def test_an_unknown_fault_is_answered_with_the_known_ones() -> None:
    with pytest.raises(UsageError, match="untracked-task"):
        fault_word("gremlins")


@pytest.mark.slow
def test_the_server_lives_with_several_of_them_at_once_and_each_counter_shows_it(
    tmp_path: Path,
) -> None:
    switches = [word for name in COUNTED for word in ("--fault", name)]
    options = [
        "plain-chat",
        "--cycles",
        "4",
        "--sessions",
        "2",
        "--agent-size",
        "1MiB",
        "--grace",
        "0",
        "--no-explain",
    ]
    command = [
        sys.executable,
        "-m",
        "harness",
        "run",
        *options,
        *switches,
        "--json",
        "--out",
        "out",
    ]
    done = subprocess.run(
        command, cwd=tmp_path, capture_output=True, text=True, timeout=240, check=False
    )
    result = json.loads(done.stdout)
    assert result["sessions_failed"] == 0, done.stderr
    for gate in ("tasks", "threads", "descriptors", "children"):
        assert result["gates"][gate]["last"] - result["gates"][gate]["first"] >= 8, gate

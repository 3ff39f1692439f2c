"""What can be switched on in the embedded server."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from harness.errors import FaultInvalid, UsageError
from harness.sessions.scenario import load_scenario
from harness.target.embedded import FaultSpec, fault_specs, fault_word
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


SMALLEST = {
    "name": "new",
    "description": "grows",
    "scenario": "plain-chat",
    "options": ["--grace", "2s"],
    "verdict": "leak",
}


def test_the_options_of_a_spec_may_be_a_list() -> None:
    assert FaultSpec.from_data(SMALLEST).options == ("--grace", "2s")


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (SMALLEST | {"verdikt": "leak"}, ["unknown key 'verdikt'", "did you mean 'verdict'?"]),
        (SMALLEST | {"colour": "red"}, ["unknown key 'colour'", "the keys are: name, desc"]),
        ({"name": "new"}, ["lacks the key 'description'", "pending_task.py"]),
        (SMALLEST | {"innocent": "no"}, ["wrong type", "`bool`", "`$.innocent`"]),
        (["new"], ["SPEC is list, and must be a dict"]),
    ],
    ids=["typing error", "unknown key", "missing key", "wrong type", "not a dict"],
)
def test_a_wrong_spec_is_refused_with_the_key_that_is_wrong(data: Any, words: list[str]) -> None:
    with pytest.raises(FaultInvalid) as refused:
        FaultSpec.from_data(data, "new.py")
    assert str(refused.value).startswith("new.py: SPEC ")
    assert [word for word in words if word not in str(refused.value)] == []


class Copy:
    """A copy of the harness, to which somebody adds files."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        for name in ("harness", "scenarios"):
            source = Path(__file__).parents[2] / name
            ignored = shutil.ignore_patterns("__pycache__")
            shutil.copytree(source, folder / name, ignore=ignored)

    def fault(self, name: str, *, spec: str, scenario: str = "plain-chat") -> None:
        """Add a fault: pending_task.py under another name."""
        text = (self.folder / "harness/demo/faults/pending_task.py").read_text()
        text = text.replace('"name": "pending-task"', f'"name": "{name}"')
        text = text.replace('"scenario": "plain-chat"', f'"scenario": "{scenario}"')
        text = text.replace("faults/pending_task.py", f"faults/{name}.py")
        (self.folder / f"harness/demo/faults/{name}.py").write_text(text.replace("SPEC:", spec))

    def run(self, *words: str) -> subprocess.CompletedProcess[str]:
        """The copy's own command."""
        command = [sys.executable, "-m", "harness", *words]
        return subprocess.run(
            command, cwd=self.folder, capture_output=True, text=True, timeout=240, check=False
        )


@pytest.fixture
def copy(tmp_path: Path) -> Copy:
    return Copy(tmp_path)


def test_a_file_that_is_not_a_fault_is_named(copy: Copy) -> None:
    copy.fault("gremlins", spec="SPOC:")
    done = copy.run("faults")
    assert done.returncode == 2
    assert "gremlins.py: a fault needs SPEC" in done.stderr
    copy.fault("gremlins", spec="SPEC =:")
    done = copy.run("faults")
    assert done.returncode == 2
    assert "gremlins.py: the fault cannot be loaded: SyntaxError" in done.stderr


@pytest.mark.slow
def test_a_new_file_is_a_fault_and_a_new_file_is_a_scenario(copy: Copy) -> None:
    copy.fault("gremlins", spec="SPEC:", scenario="hello-gremlins")
    text = (copy.folder / "scenarios/plain_chat.py").read_text()
    text = text.replace("plain_chat", "hello_gremlins")
    (copy.folder / "scenarios/hello_gremlins.py").write_text(text)
    assert "gremlins" in {spec["name"] for spec in json.loads(copy.run("faults", "--json").stdout)}
    options = ["--cycles", "1", "--no-explain", "--grace", "0", "--json", "--out", "out"]
    done = copy.run("run", "hello-gremlins", "--fault", "gremlins", *options)
    result = json.loads(done.stdout)
    assert (result["scenario"], result["sessions_failed"]) == ("hello-gremlins", 0), done.stderr
    done = copy.run("selftest", "--only", "gremlins", "--json")
    (cell,) = json.loads(done.stdout)
    assert (cell["name"], cell["verdict"], cell["wrong"]) == ("gremlins", "leak", "")


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

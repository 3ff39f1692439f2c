"""The experiment: real runs, short ones."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import command
import pytest
from server_scripts import ECHO, ECHO_SCENARIO, written

from harness.experiment.options import PolicyOptions, RunOptions
from harness.experiment.plan import Plan, plan_of
from harness.experiment.readings import lowest_readings
from harness.record.policy import Policy
from harness.record.store import load_record
from harness.verdict.gates import entries

RUN = ["run", "echo.py", "--protocol", "plain", "--out", "out"]
UVICORN_APP = """
async def app(scope, receive, send):
    if scope["type"] == "websocket":
        await receive()
        await send({"type": "websocket.accept"})
        while (message := await receive())["type"] == "websocket.receive":
            await send({"type": "websocket.send", "text": message["text"]})
"""


def run(folder: Path, *words: str) -> dict[str, Any]:
    """The result of a run of two cycles into `out`."""
    (folder / "echo.py").write_text(ECHO_SCENARIO)
    done = command.done(folder, *RUN, "--json", "--cycles", "2", *words)
    result: dict[str, Any] = json.loads(done.stdout)
    assert done.returncode == result["exit_status"], done.stderr
    return result


def test_without_a_word_the_first_ten_cycles_have_one_session_and_the_others_five() -> None:
    plan = Plan(load=None, server=None, policy=Policy())  # type: ignore[arg-type]
    assert [plan.sessions_in(cycle) for cycle in (1, 10, 11, 40)] == [1, 1, 5, 5]


def test_gates_that_are_not_among_those_asked_for_never_fail_the_run() -> None:
    asked = PolicyOptions(only=("tasks", "files"))
    policy = plan_of(RunOptions("plain-chat", policy=asked)).policy
    assert {*entries()} - {*policy.allow} == {"tasks", "files"}
    assert "files" in policy.fail_on  # which no run is unless it is asked


def test_a_fall_that_is_too_slow_to_be_seen_from_one_reading_to_the_next_adds_up() -> None:
    lowest, falls = {"gc_objects": 20_000.0, "uss": 5e7}, 0
    for step in range(1, 16):
        before, lowest = (
            lowest,
            lowest_readings(lowest, {"gc_objects": 20_000.0 - 80 * step, "uss": 5e7 + step}),
        )
        falls += lowest is not before
    assert falls == 5
    assert lowest == {"gc_objects": 18_800.0, "uss": 5e7}


def test_any_server_is_measured_inside_and_outside(tmp_path: Path) -> None:
    result = run(
        tmp_path, "--serve", written(tmp_path, ECHO), "--sessions", "3", "--concurrency", "3"
    )
    assert (result["probe"], result["sessions"], result["sessions_failed"]) == ("greeted", 6, 0)
    rest = load_record(tmp_path / "out").rests[-1]
    assert {
        "rss",
        "uss",
        "pss",
        "threads",
        "descriptors",
        "children",
        "idle_cpu",
        "crowd",
    } <= rest.values.keys()
    assert {
        "malloc_in_use",
        "blocks",
        "gc_objects",
        "tasks",
        "python_threads",
    } <= rest.values.keys()
    assert rest.collected
    assert (rest.values["tasks"], rest.values["children"]) == (1, 0)


def test_the_record_begins_with_the_plan_and_ends_with_the_reason(tmp_path: Path) -> None:
    run(tmp_path, "--serve", written(tmp_path, ECHO))
    record = load_record(tmp_path / "out")
    assert record.started.policy.fixed_cycles == 2
    assert [rest.cycle for rest in record.rests] == [0, 1, 2]
    assert record.ended is not None
    assert record.ended.reason == "decided"


@pytest.mark.parametrize("words", [["--no-probe"], ["--collect", "never"]])
def test_nothing_is_collected_where_that_is_not_wanted(tmp_path: Path, words: list[str]) -> None:
    run(tmp_path, "--serve", written(tmp_path, ECHO), *words)
    record = load_record(tmp_path / "out")
    assert not any(rest.collected for rest in record.rests)
    assert record.has_probe is ("--no-probe" not in words)


def test_a_server_whose_probe_stays_silent_is_run_without_and_the_result_says_why(
    tmp_path: Path,
) -> None:
    isolated = written(tmp_path, ECHO).replace(sys.executable, f"{sys.executable} -E")
    result = run(tmp_path, "--serve", isolated)
    assert "ignores PYTHONPATH" in result["probe"]
    assert result["gates"]["objects"]["outcome"] == "not-measured"
    assert result["gates"]["memory"]["first"] > 0


def test_two_workers_of_uvicorn_on_uvloop_are_measured_together(tmp_path: Path) -> None:
    (tmp_path / "served.py").write_text(UVICORN_APP)
    serve = (
        f"{sys.executable} -m uvicorn served:app --port {{port}} --workers 2 --loop uvloop "
        f"--log-level warning"
    )
    result = run(tmp_path, "--serve", serve, "--sessions", "4")
    assert (result["probe"], result["sessions_failed"]) == ("greeted", 0)
    rest = load_record(tmp_path / "out").rests[-1]
    assert rest.values["tasks"] >= 2  # one loop in each worker
    assert len(rest.processes) >= 3


def test_a_planted_leak_is_as_large_as_was_asked_for(tmp_path: Path) -> None:
    words = ["--serve", written(tmp_path, ECHO), "--limit", "64KiB", "--sessions", "5"]
    (tmp_path / "echo.py").write_text(ECHO_SCENARIO)
    done = command.done(tmp_path, *RUN, "--cycles", "1", "--control", *words)
    assert "a planted leak of 128KiB per session was found" in done.stdout

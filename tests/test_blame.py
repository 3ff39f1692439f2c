"""Which action leaks: the regression on scripted cycles, the schedule, and a real run."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from scripted import NOW

from harness.blame import SECOND, WARMUP_CYCLES, Blame, Share, blame
from harness.errors import UsageError
from harness.record import CycleDone, RestSample, RunRecord, RunStarted, SessionResult
from harness.schedule import schedule

BASE_BYTES = 5e6


def varied(
    cycles: int = 40, *, warmup: float = 0.0, per_second: float = 0.0, together: bool = False, **leaves: float
) -> RunRecord:
    """A scheduled run in which each action leaves so many bytes, and the first sessions leave some more."""
    record = RunRecord(RunStarted("plain-chat", {}, NOW, {}, "2026-01-01T00:00:00Z"))
    at_s, value, sessions = 0.0, BASE_BYTES, 0
    record.add(RestSample(0, 0, at_s, True, 0.0, {"malloc_in_use": value, "tasks": 1.0}))
    for number, variation in enumerate(schedule(cycles, 1), 1):
        counts = {"connect": 1, "chat": 2 * variation.chat, "switch_character": variation.switch_character}
        counts["drop"] = counts["chat"] if together else int(variation.drop)
        done = tuple(SessionResult(True, 0.1, actions=counts) for _ in range(variation.sessions))
        record.add(CycleDone(number, at_s, at_s + 1, done))
        seconds = 0.5 + 0.2 * variation.sessions + variation.idle_s
        at_s, sessions = at_s + seconds, sessions + len(done)
        value += per_second * seconds + (warmup if number <= WARMUP_CYCLES else 0.0)
        value += sum(leaves.get(action, 0.0) * count * len(done) for action, count in counts.items())
        wobble = 40.0 * (-1) ** number
        record.add(RestSample(number, sessions, at_s, True, 0.0, {"malloc_in_use": value + wobble, "tasks": 1.0}))
    return record


def share(found: Blame, action: str, metric: str = "malloc_in_use") -> Share:
    return next(one for one in found.shares if (one.action, one.metric) == (action, metric))


def test_the_action_that_leaves_something_is_to_blame_and_how_much_it_leaves_is_told() -> None:
    found = blame(varied(switch_character=4096.0))
    assert found.guilty == ("switch_character",)
    guilty = share(found, "switch_character")
    assert guilty.lower < 4096 < guilty.upper
    assert guilty.upper - guilty.lower < 200


def test_the_intervals_of_the_other_actions_contain_nothing() -> None:
    found = blame(varied(chat=2048.0))
    assert all(share(found, action).is_calm for action in ("connect", "switch_character", "drop"))


def test_two_actions_are_both_to_blame_the_worse_one_first() -> None:
    assert blame(varied(connect=2000.0, drop=9000.0)).guilty == ("drop", "connect")


def test_a_server_that_keeps_nothing_has_nobody_to_blame() -> None:
    assert blame(varied()).guilty == ()


def test_what_grows_with_time_is_told_from_what_grows_with_sessions() -> None:
    found = blame(varied(per_second=5000.0))
    assert found.guilty == ()
    assert share(found, SECOND).estimate == pytest.approx(5000, rel=0.05)


def test_a_warm_up_is_nobodys_fault() -> None:
    assert blame(varied(warmup=1e6)).guilty == ()


def test_an_exact_counter_that_never_moves_has_an_interval_of_nothing() -> None:
    tasks = share(blame(varied()), "connect", "tasks")
    assert not tasks.guilty
    assert tasks.estimate == pytest.approx(0, abs=1e-9)


def test_actions_that_always_come_together_are_said_to_be_inseparable() -> None:
    assert blame(varied(together=True, chat=2048.0)).inseparable == ("drop",)


def test_too_few_cycles_are_an_error_that_says_how_many_are_needed() -> None:
    with pytest.raises(UsageError, match="too few"):
        blame(varied(cycles=10))


def test_a_schedule_is_the_same_for_the_same_seed_and_another_for_another() -> None:
    assert schedule(20, 1) == schedule(20, 1)
    assert schedule(20, 1) != schedule(20, 2)


@pytest.mark.slow
def test_a_real_fault_in_a_chat_is_blamed_on_the_chat(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "harness", "blame", "plain-chat", "--fault", "unbounded-history", "--json"]
    done = subprocess.run(
        [*command, "--agent-size", "1MiB", "--cycles", "24", "--out", str(tmp_path / "out")],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=110,
        check=False,
    )
    assert (done.returncode, json.loads(done.stdout)["guilty"]) == (1, ["chat"]), done.stderr
    assert (tmp_path / "out" / "run.jsonl").exists()

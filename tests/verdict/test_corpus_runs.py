"""Runs against servers of released packages, judged again: what was mended there, or never
leaked, is no leak.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from record_builder import under

from harness.record.store import load_record
from harness.verdict.judge import judge
from harness.verdict.outcome import NextStep, VerdictName

RUNS = Path(__file__).parents[1] / "data" / "corpus"
LEAKING = {"uvicorn-0.15.0", "nicegui-3.4.1", "engineio-4.6.1"}
INNOCENT = {
    "uvicorn-0.17.6": "a health check that says nothing, then a session",
    "nicegui-3.5.0": "pages that are left before the handshake are pruned after 60 s",
    "engineio-4.7.0": "green threads that end with their session",
    "socketio-5.18.1": "a ping keeps each session for up to 25 s",
    "fastapi-history": "a deque of 1 500 and a cache of 1 024 fill",
}
UNWAITED = "nicegui-3.5.0"


def verdict(name: str) -> VerdictName:
    record = load_record(RUNS / f"{name}.jsonl")
    return judge(record).verdict.name


@pytest.mark.parametrize("name", sorted(LEAKING))
def test_a_release_that_leaked_is_a_leak(name: str) -> None:
    assert verdict(name) is VerdictName.LEAK


@pytest.mark.parametrize("name", sorted(set(INNOCENT) - {UNWAITED}))
def test_a_release_that_was_mended_or_never_leaked_is_flat(name: str) -> None:
    assert verdict(name) is VerdictName.FLAT


def test_the_run_that_was_stored_without_its_last_wait_is_open_and_today_would_wait() -> None:
    """It was measured before a long run that ends open waits once: pages that are left were not
    pruned at its end.
    """
    record = load_record(RUNS / f"{UNWAITED}.jsonl")
    assert max(idle.cycle for idle in record.idles) < record.rests[-1].cycle
    assert verdict(UNWAITED) is VerdictName.INCONCLUSIVE
    assert judge(replace(record, ended=None)).next is NextStep.WAIT


def test_a_server_that_leaves_a_sleeping_task_per_session_is_waited_for_after_ten() -> None:
    stored = load_record(RUNS / "socketio-5.18.1.jsonl")
    record, policy = (
        replace(stored, cycles=stored.cycles[:10], rests=stored.rests[:11], idles=[]),
        stored.started.policy,
    )
    record = replace(record, censuses=[], causes={}, logs=[], incidents=[], ended=None)
    assert judge(under(record, policy)).next is NextStep.WAIT
    for idle in stored.idles:
        if idle.cycle == 10:
            record.add(idle)
            assert judge(under(record, policy)).verdict.name is not VerdictName.LEAK
    assert judge(under(record, policy)).next is NextStep.CONTINUE


def test_every_stored_run_is_judged() -> None:
    assert {path.stem for path in RUNS.glob("*.jsonl")} == LEAKING | set(INNOCENT)

"""Runs that were real, judged again from their records."""

from __future__ import annotations

import json
import shutil
from itertools import groupby
from pathlib import Path

import pytest

from harness.cli import main
from harness.record.record import RestSample, RunEnded, RunRecord, decode_line
from harness.record.store import load_record
from harness.verdict.judge import judge
from harness.verdict.outcome import NextStep, VerdictName

RUNS = Path(__file__).parents[1] / "data" / "runs"


LATE = [NextStep.CONTINUE, NextStep.WAIT, NextStep.CONTINUE]
"""Each session's objects went a minute late and left their pages, beside a dict of 200 that fills;
in one of the two runs C code leaked 16 KiB a session as well.
"""


def steps(name: str) -> tuple[list[NextStep], RunRecord]:
    """What the judge said after each rest sample, and at the end; the same again counts once."""
    lines = [decode_line(line) for line in (RUNS / name).read_bytes().splitlines()]
    record = RunRecord.from_lines(lines[:1])
    said = []
    for line, after in zip(lines[1:], [*lines[2:], None], strict=True):
        record.add(line)
        waits_on = (
            isinstance(after, RestSample)
            and after.idle
            and isinstance(line, RestSample)
            and line.idle
        )
        if isinstance(line, RestSample | RunEnded) and not waits_on:
            said.append(judge(record).next)
    return [step for step, _ in groupby(said)], record


@pytest.mark.parametrize(
    ("name", "expected", "verdict"),
    [
        ("leak.jsonl", [NextStep.CONTINUE, NextStep.WAIT, NextStep.STOP], VerdictName.LEAK),
        ("left-tasks.jsonl", [NextStep.CONTINUE, NextStep.WAIT, NextStep.STOP], VerdictName.LEAK),
        ("late.jsonl", [*LATE, NextStep.STOP], VerdictName.FLAT),
        ("late-and-native.jsonl", [*LATE, NextStep.EXPLAIN, NextStep.STOP], VerdictName.LEAK),
        ("flat.jsonl", [NextStep.CONTINUE, NextStep.STOP], VerdictName.FLAT),
    ],
)
def test_a_run_is_taken_through_its_steps(
    name: str, expected: list[NextStep], verdict: VerdictName
) -> None:
    said, record = steps(name)
    assert said == expected
    assert judge(record).verdict.name is verdict


def test_a_threaded_server_is_flat_though_its_pages_come_and_go() -> None:
    """`websockets.sync` with a pool of eight threads, 500 sessions: USS and RSS move by 130 KiB
    both ways.
    """
    verdict = judge(load_record(RUNS / "threads-and-arenas.jsonl")).verdict
    assert verdict.name is VerdictName.FLAT
    decided = [step.rule for step in verdict.gates["memory"].trace if step.decided]
    assert "memory.pages-come-and-go" in decided


THREADS = {
    "threads-caches-rare-work": (VerdictName.INCONCLUSIVE, "memory.thread-caches"),
    "threads-native-leak": (VerdictName.LEAK, "memory.malloc-grows"),
    "threads-native-leak-and-caches": (VerdictName.LEAK, "memory.malloc-grows"),
    "threads-heap-swings": (VerdictName.FLAT, "memory.heap-comes-and-goes"),
}
"""`websockets.sync` with pools of threads: 8 that work hard now and then, 40 and 5 with a native
leak of 4 KiB per session, 8 that work hard.
"""


@pytest.mark.parametrize("name", THREADS)
def test_growth_that_caches_of_threads_can_hold_is_no_leak_and_a_leak_beside_it_is(
    name: str,
) -> None:
    verdict = judge(load_record(RUNS / f"{name}.jsonl")).verdict
    decided = [step.rule for step in verdict.gates["memory"].trace if step.decided]
    assert (verdict.name, THREADS[name][1] in decided) == (THREADS[name][0], True)


def test_growth_that_caches_may_hold_names_the_option_that_empties_them() -> None:
    verdict = judge(load_record(RUNS / "threads-caches-rare-work.jsonl")).verdict
    assert "glibc.malloc.tcache_count=0" in verdict.gates["memory"].reason


FILLING = {
    "bounded-ttlcache.jsonl": "cachetools.TTLCache 160 of 400",
    "bounded-jinja-cache.jsonl": "jinja2.utils.LRUCache 160 of 400",
    "bounded-re-cache.jsonl": "re._cache 216 of 512",
    "bounded-sqlite-cursors.jsonl": "containers with a maximum hold up to 300",
}
"""Caches of the standard library and of packages that fill for longer than the guard, or are swept
now and then; and what a gate says of them.
"""


@pytest.mark.parametrize("name", FILLING)
def test_a_bounded_cache_is_flat_whatever_its_size_and_owner(name: str) -> None:
    verdict = judge(load_record(RUNS / name)).verdict
    assert verdict.name is VerdictName.FLAT
    reasons = [gate.reason for gate in verdict.gates.values()]
    assert any(FILLING[name] in reason for reason in reasons), reasons
    assert {finding.severity for finding in verdict.all_findings} <= {"notice"}


def test_a_report_needs_nothing_but_the_record(tmp_path: Path) -> None:
    shutil.copy(RUNS / "leak.jsonl", tmp_path / "run.jsonl")
    assert main(["report", str(tmp_path)]) == 1
    result = json.loads((tmp_path / "result.json").read_text())
    assert result["gates"]["memory"]["growth_per_session"] == pytest.approx(4 * 2**20, rel=0.1)
    assert {"report.html", "memory.png", "latency.png", "cpu.png"} <= {
        path.name for path in tmp_path.iterdir()
    }


def test_a_run_that_was_killed_in_the_middle_of_a_line_is_reported_up_to_there(
    tmp_path: Path,
) -> None:
    data = (RUNS / "flat.jsonl").read_bytes()
    (tmp_path / "run.jsonl").write_bytes(data[: len(data) // 2])
    assert main(["report", str(tmp_path)]) == 3
    assert json.loads((tmp_path / "result.json").read_text())["cycles"] > 5

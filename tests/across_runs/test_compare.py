"""Before and after: from records written by hand, from run folders, from two servers that take
turns.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import command
import pytest
from record_builder import KIB, MIB, NOW, Script, memory, rising, under
from server_scripts import ECHO, ECHO_SCENARIO, HEAD

from harness.across_runs.compare import Comparison, Figure, Row, compare
from harness.record.record import Incident, RunRecord, encode_line
from harness.reporters import comparison
from harness.verdict.judge import judge
from harness.verdict.outcome import Finding, Verdict

LEAKING = Script(
    {**memory(8 * MIB), "idle_cpu": rising(2, 1)}, reply_s=lambda number: 0.1 + 0.05 * number
)


def judged(script: Script, *findings: str) -> tuple[RunRecord, Verdict]:
    record = script.record(30)
    verdict = judge(under(record, NOW)).verdict
    listed = tuple(
        Finding(name, "leak", "task", name, 1.0, 0, "", "", "application", (), name)
        for name in findings
    )
    return record, replace(verdict, findings=listed)


def compared(before: Script = LEAKING, after: Script = Script()) -> Comparison:  # noqa: B008 - frozen
    return compare(judged(before, "mended", "old"), judged(after, "old", "new"))


def test_figures_stand_side_by_side_at_the_visits_that_people_quote() -> None:
    result = compared()
    assert [row.what for row in result.memory] == [f"after session {n}" for n in (1, 5, 10, 20)]
    last = result.memory[-1]
    assert last.before.value == 50 * MIB + 160 * MIB
    assert last.improvement == pytest.approx(160 / 210)
    assert [row.what for row in result.latency] == ["session 1", "session 5", "session 10"]
    assert result.latency[-1].before.value == pytest.approx(0.1 + 0.05 * 10, rel=0.2)
    assert result.cpu[0].before.low is not None
    assert result.cpu[0].before.low < (result.cpu[0].before.value or 0)


def test_the_interval_of_six_cycles_is_that_of_students_t() -> None:
    record, verdict = judged(Script(talking=lambda cycle: 10.0 + cycle))
    record = replace(
        record, cycles=record.cycles[:20]
    )  # as many as `compare` makes; the last third are 25 to 30 %
    (talking,) = [
        row
        for row in compare((record, verdict), (record, verdict)).cpu
        if row.what == "in conversation"
    ]
    margin = (
        2.5706 * 3.5**0.5 / 6**0.5
    )  # 97.5 % quantile with 5 degrees of freedom, from a printed table
    assert talking.before.value == pytest.approx(27.5)
    assert (talking.before.low, talking.before.high) == pytest.approx(
        (27.5 - margin, 27.5 + margin), rel=1e-4
    )


def test_one_cycle_alone_has_no_interval() -> None:
    record, verdict = judged(Script())
    record = replace(record, cycles=record.cycles[:1])
    (talking,) = [
        row
        for row in compare((record, verdict), (record, verdict)).cpu
        if row.what == "in conversation"
    ]
    assert talking.before == Figure(30.0)


def test_findings_are_told_apart_by_their_fingerprints() -> None:
    result = compared()
    assert [finding.type for finding in result.gone] == ["mended"]
    assert [finding.type for finding in result.stayed] == ["old"]
    assert [finding.type for finding in result.came] == ["new"]


def test_worse_is_what_grows_by_more_than_the_limit_beyond_the_first() -> None:
    assert not compared().is_worse
    assert compared(Script(), LEAKING).is_worse
    assert not compared(Script(), Script(memory(0.5 * KIB))).is_worse


def test_malloc_in_use_is_compared_before_uss_which_is_coarse() -> None:
    leaking = Script(memory(5.78 * KIB, malloc=4241))
    mended = Script(memory(9.33 * KIB, malloc=12))
    result = compared(leaking, mended)
    assert (result.metric, result.is_worse, result.exit_status) == ("malloc_in_use", False, 0)
    assert result.growth.before.value == pytest.approx(4241)
    assert result.growth.after.value == pytest.approx(12)
    text = comparison.text(result)
    assert "| growth per session (malloc in use) |" in text
    assert "The second run is better: it grows by 4.13KiB per session less" in text


def test_uss_is_compared_where_malloc_is_missing_or_does_not_count_what_grows() -> None:
    leaking = Script({**memory(16 * KIB, malloc=0), "blocks": rising(90_000, 160)})
    assert compared(leaking, Script()).metric == "uss"
    assert compared(Script(), Script(probe=False)).metric == "uss"


def test_what_may_not_have_been_seen_is_told_beside_not_worse() -> None:
    wide, flat = Figure(0.0, -2000.0, 3000.0), Figure(0.0, -10.0, 10.0)
    assert "Differences under 2.93KiB per session would be missed. Use --cycles 90." in said(
        flat, wide
    )
    assert "would be missed" not in said(wide, flat)


def said(before: Figure, after: Figure) -> str:
    return comparison.text(
        replace(compared(Script()), growth=Row("growth per session", "bytes", before, after))
    )


def test_a_run_that_failed_is_no_better_than_another_and_the_reason_is_told() -> None:
    failed = Script().record(3)
    failed.add(Incident(9.0, "the server ended with status 1", fatal=True))
    result = compare(judged(Script()), (failed, judge(under(failed, NOW)).verdict))
    assert result.exit_status == 4
    assert "not known: after: SERVER-FAILED: the server ended with status 1" in comparison.text(
        result
    )


def test_growth_that_was_measured_in_one_run_alone_says_nothing() -> None:
    empty = Script().record(0)
    del empty.rests[:]
    result = compare(judged(Script()), (empty, judge(under(empty, NOW)).verdict))
    assert result.exit_status == 3
    assert "not known: the growth of memory was not measured" in comparison.text(result)


def test_what_was_not_measured_is_a_dash_and_a_visit_that_did_not_happen_no_row() -> None:
    short = Script().record(3)
    result = compare((short, judge(under(short, NOW)).verdict), judged(Script(probe=False)))
    text = comparison.text(result)
    assert "after session 20" in text
    assert "–" in text
    assert "nan" not in text


def folder_of(script: Script, path: Path) -> Path:
    path.mkdir()
    lines = b"".join(encode_line(line) for line in script.lines(30))
    (path / "run.jsonl").write_bytes(lines)
    return path


def run_compare(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return command.done(folder, "compare", *words)


def test_two_run_folders_are_compared_and_the_status_says_which_way(tmp_path: Path) -> None:
    flat, leak = folder_of(Script(), tmp_path / "flat"), folder_of(LEAKING, tmp_path / "leak")
    better = run_compare(tmp_path, str(leak), str(flat), "--out", "better")
    assert (better.returncode, "| after session 20 " in better.stdout) == (0, True), better.stderr
    worse = run_compare(tmp_path, str(flat), str(leak), "--out", "worse", "--json")
    assert (worse.returncode, json.loads(worse.stdout)["worse"]) == (1, True)
    assert (tmp_path / "worse" / "compare.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize(
    "options", [["flat"], ["--before", "true"], ["no-such-folder", "nor-this"]]
)
def test_a_comparison_without_two_runs_is_refused(tmp_path: Path, options: list[str]) -> None:
    done = run_compare(tmp_path, *options)
    assert (done.returncode, "Traceback" in done.stderr) == (2, False)


@pytest.mark.slow
def test_a_fault_and_the_server_without_it_take_turns(tmp_path: Path) -> None:
    options = [
        "--before-fault",
        "python-objects-1mib",
        "--agent-size",
        "1MiB",
        "--cycles",
        "5",
        "--no-explain",
    ]
    done = run_compare(tmp_path, "plain-chat", *options, "--grace", "0", "--out", "both")
    assert done.returncode == 0, done.stderr
    numbers = json.loads((tmp_path / "both" / "compare.json").read_text())
    results = [
        json.loads((tmp_path / "both" / side / "result.json").read_text())
        for side in ("before", "after")
    ]
    for side, result in zip(("before", "after"), results, strict=True):
        assert numbers["growth"][side]["value"] == result["gates"]["memory"]["growth_per_session"]
    assert (
        numbers["memory"][1]["before"]["value"] > numbers["memory"][1]["after"]["value"] + 100 * KIB
    )
    spans = sorted(
        span
        for side in ("before", "after")
        for span in _cycles(tmp_path / "both" / side / "run.jsonl")
    )
    assert len(spans) == 10
    assert all(ended_s < began_s for (_, ended_s), (began_s, _) in pairwise(spans))


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("git") is None, reason="there is no git")
def test_a_revision_is_compared_with_what_lies_in_the_folder(tmp_path: Path) -> None:
    def git(*options: str) -> None:
        who = ["-c", "user.name=a", "-c", "user.email=a@b", "-c", "commit.gpgsign=false"]
        subprocess.run(["git", *who, *options], cwd=tmp_path, check=True, capture_output=True)

    (tmp_path / "echo.py").write_text(ECHO_SCENARIO)
    (tmp_path / "app.py").write_text(f"{HEAD}\n{ECHO}\nasyncio.run(main())\n")
    git("init", "-q")
    git("add", ".")
    git("commit", "-q", "-m", "before")
    leak = ECHO.replace(
        "async for",
        "kept = []\n    globals().setdefault('all', []).append(bytearray(2**20))\n    async for",
    )
    (tmp_path / "app.py").write_text(f"{HEAD}\n{leak}\nasyncio.run(main())\n")
    options = [
        "--against",
        "HEAD",
        "--serve",
        f"{sys.executable} app.py",
        "--protocol",
        "plain",
        "--cycles",
        "8",
    ]
    done = run_compare(
        tmp_path, "echo.py", *options, "--no-explain", "--grace", "0", "--json", "--out", "out"
    )
    assert done.returncode == 1, done.stdout + done.stderr
    assert json.loads(done.stdout)["growth"]["after"]["value"] > 2**19
    assert list((tmp_path / "out" / "worktrees").glob("*")) == []


def _cycles(path: Path) -> list[tuple[float, float]]:
    """When each began and ended; both runs began together."""
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    return [(line["began_s"], line["ended_s"]) for line in lines if line["line"] == "cycle"]

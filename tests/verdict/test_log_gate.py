"""What the server writes: lines that each session should leave, lines that none should, files
that pile up.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from record_builder import MIB, NOW, Script, rising, under

from harness.record.policy import Policy
from harness.record.record import LogCounts, RunRecord
from harness.target.log_watch import LogWatch, files_in
from harness.verdict.gates.log import LogGate
from harness.verdict.judge import judge
from harness.verdict.outcome import Status, Verdict, VerdictName

CLOSED, GONE = "page closed", "context gone"
POLICY = replace(
    NOW, log_expected=(CLOSED, GONE), log_forbidden=("never retrieved",), log_noted=("^Traceback",)
)


def watch(path: Path) -> LogWatch:
    return LogWatch(path, [CLOSED, GONE], ["never retrieved"])


def write(path: Path, *lines: str) -> None:
    with path.open("a") as log:
        log.writelines(f"{line}\n" for line in lines)


def test_lines_are_counted_as_they_come_and_half_a_line_waits(tmp_path: Path) -> None:
    log = tmp_path / "server.log"
    watched = watch(log)
    assert watched.counts(0.0, 0).counts[CLOSED] == 0
    write(log, "page closed", "context gone", "Task exception was never retrieved")
    with log.open("a") as half:
        half.write("page cl")
    assert watched.counts(1.0, 1).counts == {CLOSED: 1, GONE: 1, "never retrieved": 1}
    write(log, "osed")
    found = watched.counts(2.0, 2)
    assert found.counts[CLOSED] == 2
    assert found.examples["never retrieved"] == "Task exception was never retrieved"
    assert found.early == 0


def test_the_example_of_a_wrong_line_says_which_exception_it_was(tmp_path: Path) -> None:
    log = tmp_path / "server.log"
    watched = watch(log)
    for room in ("blue", "red"):
        write(
            log,
            "ERROR:asyncio:Task exception was never retrieved",
            "future: <Task finished name='Task-7' coro=<chat()> exception=KeyError('blue')>",
            "Traceback (most recent call last):",
            '  File "app.py", line 3, in chat',
            "    rooms[name]",
            f"KeyError: {room!r}",
        )
    found = watched.counts(1.0, 1)
    assert found.counts["never retrieved"] == 2
    assert found.examples["never retrieved"] == (
        "ERROR:asyncio:Task exception was never retrieved: KeyError: 'blue'"
    )


def test_a_wrong_line_without_a_traceback_is_an_example_as_it_is(tmp_path: Path) -> None:
    log = tmp_path / "server.log"
    watched = watch(log)
    write(log, "Task exception was never retrieved", "page closed", *["context gone"] * 300)
    assert watched.counts(1.0, 1).examples["never retrieved"] == (
        "Task exception was never retrieved"
    )


def test_a_line_before_the_one_that_should_precede_it_is_noticed(tmp_path: Path) -> None:
    log = tmp_path / "server.log"
    watched = watch(log)
    write(log, "context gone", "page closed", "page closed", "context gone")
    assert watched.counts(1.0, 1).early == 1


def test_a_log_that_is_rotated_is_read_from_its_beginning(tmp_path: Path) -> None:
    log = tmp_path / "server.log"
    watched = watch(log)
    write(log, "page closed", "page closed")
    watched.counts(1.0, 1)
    log.write_text("page closed\n")
    assert watched.counts(2.0, 2).counts[CLOSED] == 3


def logged(missing: int = 0, found: int = 0, early: int = 0, noted: int = 0) -> RunRecord:
    record = Script().record(30)
    sessions = sum(one.connect_s is not None for cycle in record.cycles for one in cycle.sessions)
    counts = {
        CLOSED: sessions,
        GONE: sessions - missing,
        "never retrieved": found,
        "^Traceback": noted,
    }
    record.add(
        LogCounts(
            99.0, 30, counts, {"never retrieved": "Task exception was never retrieved"}, early
        )
    )
    return record


def verdict_of(record: RunRecord, policy: Policy = POLICY) -> tuple[Verdict, LogGate]:
    verdict = judge(under(record, policy)).verdict
    gate = verdict.gates["log"]
    assert isinstance(gate, LogGate)
    return verdict, gate


def test_a_log_that_is_as_it_should_be_is_flat() -> None:
    verdict, gate = verdict_of(logged())
    assert (verdict.name, gate.outcome, gate.reason) == (VerdictName.FLAT, Status.FLAT, "")


@pytest.mark.parametrize(
    ("what", "says"),
    [
        ({"missing": 30}, "'context gone' is missing 30 times"),
        ({"found": 40}, "'never retrieved' stands there 40 times"),
        ({"early": 50}, "50 lines came before"),
    ],
)
def test_a_log_that_is_not_degrades_a_server_that_does_not_leak(
    what: dict[str, int], says: str
) -> None:
    verdict, gate = verdict_of(logged(**what))
    assert (verdict.name, gate.outcome) == (VerdictName.DEGRADED, Status.DRIFT)
    assert says in gate.reason
    assert gate.reason.endswith("in 110 sessions")
    assert says in verdict.summary
    assert verdict_of(logged(**what), replace(POLICY, allow=("log",)))[0].name is VerdictName.FLAT


def test_a_few_lines_and_tracebacks_are_told_and_fail_nothing() -> None:
    verdict, gate = verdict_of(logged(missing=2, found=2, noted=40))
    assert (verdict.name, gate.outcome) == (VerdictName.FLAT, Status.FLAT)
    assert "Traceback' stands there 40 times" in gate.reason
    assert gate.found["never retrieved"] == pytest.approx(2 / 110)


def test_files_that_pile_up_are_a_notice_unless_they_are_to_fail_the_run() -> None:
    record = Script({"files": rising(3, 1), "file_bytes": rising(3 * MIB, 100)}).record(40)
    noticed = judge(under(record, NOW)).verdict
    assert (noticed.name, noticed.gates["files"].outcome) == (VerdictName.FLAT, Status.LEAK)
    assert judge(under(record, replace(NOW, fail_on=("files",)))).verdict.name is VerdictName.LEAK


def test_one_file_that_grows_is_noticed_by_its_bytes() -> None:
    record = Script({"files": lambda _: 3.0, "file_bytes": rising(3 * MIB, 64 * 1024)}).record(60)
    gate = judge(under(record, NOW)).verdict.gates["files"]
    assert (gate.outcome, gate.reason) == (Status.LEAK, "the files grow by 64KiB per session")


def test_files_are_counted_below_folders_and_links_are_not_followed(tmp_path: Path) -> None:
    (tmp_path / "a" / "b").mkdir(parents=True)
    (tmp_path / "a" / "b" / "voice.wav").write_bytes(b"x" * 100)
    (tmp_path / "a" / "away").symlink_to("/usr/lib")
    assert files_in([tmp_path / "a"])["files"] == 1
    assert files_in([]) == {}


def test_the_headline_says_that_memory_is_flat_and_which_exception_it_was() -> None:
    verdict = judge(under(logged(found=110), POLICY)).verdict
    assert verdict.name is VerdictName.DEGRADED
    assert verdict.summary == (
        "DEGRADED: memory is flat, but the server's log: 'never retrieved' stands there 110 times "
        "(the first: Task exception was never retrieved), after 110 sessions"
    )


def test_where_sessions_fail_the_line_that_says_why_is_kept(tmp_path: Path) -> None:
    log = tmp_path / "server.log"
    watched = watch(log)
    write(
        log,
        "ERROR connection handler failed",
        "Traceback (most recent call last):",
        '    raise RuntimeError("can\'t start new thread")',
        "socket.accept() out of system resource",
        "OSError: [Errno 24] Too many open files: '/dev/null'",
    )
    said = "OSError: [Errno 24] Too many open files: '/dev/null'"
    assert watched.counts(1.0, 1, is_failing=True).reason == said
    write(log, "page closed", "ValueError: no such page")
    assert watched.counts(2.0, 2, is_failing=True).reason == "ValueError: no such page"
    write(log, "ValueError: no such page")
    assert watched.counts(3.0, 3).reason == ""

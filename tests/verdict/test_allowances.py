"""What an allow-list excuses, and what it never does: a new leak, or a gate that rests on
something else.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import pytest
from record_builder import KIB, NOW, Script, memory, rising, under

from harness.across_runs.compare import compare
from harness.across_runs.history import HistoryRun
from harness.record.record import Causes, Census, RunRecord, TaskGroup
from harness.verdict.judge import judge
from harness.verdict.outcome import Status, Verdict, VerdictName

CYCLES = 40
CENSUSES = ((5, 5), (13, 25), (22, 70), (CYCLES, 160))
LEAKING = Script(memory(16 * KIB))
SLOWER = replace(LEAKING, reply_s=lambda number: 0.05 + 0.005 * number)
KNOWN = tuple(f"room.Known{letter}" for letter in "ABCD")


def grown(
    types: Mapping[str, float],
    script: Script = LEAKING,
    *,
    makers: tuple[str, ...] = (),
    threads: Mapping[str, float] | None = None,
    mappings: Mapping[str, float] | None = None,
) -> RunRecord:
    """A run that grows by so many objects, tasks of these makers, threads, and mapped bytes per
    session.
    """
    record = script.record(CYCLES)
    for cycle, sessions in CENSUSES:
        tasks = tuple(
            TaskGroup("Room.keep", f"/srv/{maker}.py:1", maker, "/srv/room.py:3", {}, sessions)
            for maker in makers
        )
        counts = [
            {name: round(rate * sessions) for name, rate in (rates or {}).items()}
            for rates in (threads, mappings)
        ]
        objects = {name: round(rate * sessions) for name, rate in types.items()}
        record.add(
            Census(1.0, cycle, sessions, objects, tasks, threads=counts[0], mappings=counts[1])
        )
    record.add(Causes(2.0, {}, final=True))
    return record


def counts(rates: Mapping[str, float], sessions: int) -> dict[str, int]:
    return {name: round(rate * sessions) for name, rate in rates.items()}


def prints(record: RunRecord) -> tuple[str, ...]:
    """The fingerprints that a user reads in the result of a run, and puts on the list."""
    return tuple(finding.fingerprint for finding in judge(under(record, NOW)).verdict.findings)


def verdict(record: RunRecord, allow: tuple[str, ...]) -> Verdict:
    return judge(under(record, replace(NOW, allow=allow))).verdict


def test_a_fifth_finding_of_a_kind_is_a_leak_where_four_are_allowed() -> None:
    known = dict.fromkeys(KNOWN, 2.0)
    allow = prints(grown(known))
    assert verdict(grown(known), allow).name is VerdictName.FLAT
    told = verdict(grown({**known, "room.BrandNew": 1.0}), allow)
    assert told.name is VerdictName.LEAK
    assert [finding.type for finding in told.findings if finding.severity == "leak"] == [
        "room.BrandNew"
    ]
    assert told.findings[0].type == "room.BrandNew"
    assert {finding.type for finding in told.findings if finding.severity == "notice"} <= {*KNOWN}


def test_the_eleventh_finding_is_decided_on_and_ten_are_shown() -> None:
    makers = tuple("abcd")
    threads = {"w": 3.0, "x": 3.0, "y": 3.0, "z": 3.0}
    allow = prints(grown(dict.fromkeys(KNOWN, 2.0), makers=makers, threads=threads))
    assert len(allow) == 10
    everything = judge(
        under(grown(dict.fromkeys(KNOWN, 2.0), makers=makers, threads=threads), NOW)
    ).verdict.all_findings
    assert len(everything) == 12
    assert (
        verdict(grown(dict.fromkeys(KNOWN, 2.0), makers=makers, threads=threads), allow).name
        is VerdictName.LEAK
    )


def test_a_task_of_the_same_name_that_another_function_makes_is_a_new_leak() -> None:
    allow = prints(grown({}, makers=("join",)))
    assert verdict(grown({}, makers=("join",)), allow).name is VerdictName.FLAT
    told = verdict(grown({}, makers=("join", "leave")), allow)
    assert (told.name, told.findings[0].created_in) == (VerdictName.LEAK, "leave")


def test_replies_that_become_slower_are_not_excused_by_a_known_leak() -> None:
    known = {"room.Known": 1.0}
    told = verdict(grown(known, SLOWER), prints(grown(known)))
    assert told.name is VerdictName.DEGRADED
    assert told.gates["memory"].reason.endswith(f"allowed: known as {prints(grown(known))[0]}")
    assert "allowed" not in told.gates["latency"].reason
    assert told.summary.endswith("; allowed: memory")
    assert (
        verdict(grown(known, SLOWER), (*prints(grown(known)), "latency")).name is VerdictName.FLAT
    )


def test_threads_that_pile_up_are_not_excused_by_a_known_object() -> None:
    script = replace(LEAKING, metrics={**memory(16 * KIB), "threads": rising(3, 1)})
    known = {"room.Known": 1.0}
    told = verdict(grown(known, script), prints(grown(known)))
    assert (told.name, told.gates["threads"].outcome) == (VerdictName.LEAK, Status.LEAK)
    with_finding = grown(known, script, threads={"keeper": 1.0})
    assert verdict(with_finding, prints(grown(known))).name is VerdictName.LEAK
    assert verdict(with_finding, prints(with_finding)).name is VerdictName.FLAT


@pytest.mark.parametrize(("dicts", "name"), [(2.0, VerdictName.FLAT), (50.0, VerdictName.LEAK)])
def test_parts_come_with_a_known_object_up_to_what_it_can_hold(
    dicts: float, name: VerdictName
) -> None:
    allow = prints(grown({"room.Known": 1.0}))
    told = verdict(grown({"room.Known": 1.0, "builtins.dict": dicts}), allow)
    assert told.name is name
    leaks = [finding.type for finding in told.findings if finding.severity == "leak"]
    assert leaks == ["builtins.dict"] * (name is VerdictName.LEAK)


def test_mapped_memory_that_known_objects_do_not_account_for_is_a_new_leak() -> None:
    allow = prints(grown({"room.Known": 1.0}))
    told = verdict(grown({"room.Known": 1.0}, mappings={"[heap]": 16 * KIB}), allow)
    assert (told.name, told.findings[0].kind) == (VerdictName.LEAK, "native")


def test_a_leak_without_a_finding_is_not_excused() -> None:
    assert (
        verdict(LEAKING.record(CYCLES), prints(grown({"room.Known": 1.0}))).name is VerdictName.LEAK
    )


def test_a_finding_beyond_those_that_are_shown_came_and_goes_into_the_history() -> None:
    known = dict.fromkeys(KNOWN, 2.0)
    before, after = grown(known), grown({**known, "room.BrandNew": 1.0})
    pair = [(record, judge(under(record, NOW)).verdict) for record in (before, after)]
    assert "room.BrandNew" not in {finding.type for finding in pair[1][1].findings}
    compared = compare(pair[0], pair[1])
    assert ([one.type for one in compared.came], len(compared.stayed)) == (["room.BrandNew"], 4)
    assert compared.gone == ()
    assert len(HistoryRun.of(*pair[1], "").findings) == 5

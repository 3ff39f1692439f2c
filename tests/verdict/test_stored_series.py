"""Stored series: read as records, judged like runs, and held against 150 labelled ones.

`data/series` holds series from a real chat server with switchable faults and synthetic ones fitted
to them; its `labels.csv` says of each what is expected, and what may be accepted.
"""

from __future__ import annotations

import csv
from functools import cache
from pathlib import Path

import pytest

from harness.errors import RecordError
from harness.verdict.gates import entries
from harness.verdict.gates.memory import MemoryGate
from harness.verdict.outcome import Kind, NextStep, Status, VerdictName
from harness.verdict.stored_series import judge_series, read_series

FOLDER = Path(__file__).parents[1] / "data" / "series"
HEADER = "cycle,rss,uss,blocks,malloc_in_use,gc_objects,tasks\n"

with (FOLDER / "labels.csv").open(newline="") as labels:
    LABELS = {row["file"]: row for row in csv.DictReader(labels)}


@cache
def word(file: str) -> str:
    """The verdict in the words of the labels."""
    verdict = judge_series(read_series((FOLDER / file).read_text(), file))[0].verdict
    memory = verdict.gates["memory"]
    fragmented = isinstance(memory, MemoryGate) and memory.kind is Kind.FRAGMENTATION
    return (
        "FRAGMENTATION" if fragmented and verdict.name is VerdictName.FLAT else verdict.name.upper()
    )


@pytest.mark.parametrize("file", LABELS)
def test_a_labelled_series_is_judged_within_what_its_label_accepts(file: str) -> None:
    assert word(file) in LABELS[file]["accept"].split(";")


def test_at_least_130_of_the_150_labelled_series_are_judged_exactly_as_expected() -> None:
    assert len(LABELS) == 150
    assert sum(word(file) == label["expected"] for file, label in LABELS.items()) >= 130


def test_there_is_no_false_alarm_and_no_miss() -> None:
    alarms = [
        file
        for file, label in LABELS.items()
        if word(file) == "LEAK" and "LEAK" not in label["accept"]
    ]
    misses = [
        file
        for file, label in LABELS.items()
        if word(file) == "FLAT" and "FLAT" not in label["accept"]
    ]
    assert (alarms, misses) == ([], [])


def rows(*cells: str) -> str:
    return HEADER + "".join(f"{row}\n" for row in cells)


def test_empty_probe_columns_mean_no_probe() -> None:
    record = read_series(rows("0,100,90,,,,", "1,100,90,,,,"))
    assert not record.has_probe
    assert record.rests[1].values == {"rss": 100, "uss": 90}
    assert read_series(rows("0,100,90,7,5,3,1", "1,100,90,7,5,3,1")).has_probe


def test_the_cycle_column_counts_sessions() -> None:
    record = read_series(rows("0,1,1,,,,", "5,1,1,,,,", "15,1,1,,,,"))
    assert record.sessions == 15
    assert record.series("rss").t.tolist() == [0, 5, 15]
    assert [len(cycle.sessions) for cycle in record.cycles] == [5, 10]


def test_a_system_column_is_what_malloc_holds_of_the_system() -> None:
    record = read_series("cycle,rss,system\n0,100,7\n1,100,8\n")
    assert record.series("malloc_system").x.tolist() == [7, 8]


def test_a_series_is_judged_at_its_first_stop() -> None:
    judgement, sessions = judge_series(
        read_series(rows(*(f"{n},{n * 65536},{n * 65536},,,," for n in range(400))))
    )
    assert judgement.next is NextStep.STOP
    assert (judgement.verdict.name, sessions) == (VerdictName.LEAK, 200)


def test_a_series_that_ends_undecided_is_inconclusive() -> None:
    judgement, sessions = judge_series(
        read_series(rows(*(f"{n},{n * 65536},{n * 65536},,,," for n in range(50))))
    )
    assert (judgement.verdict.name, sessions) == (VerdictName.INCONCLUSIVE, 49)


def test_the_budget_stops_a_series_between_two_looks() -> None:
    text = rows(*(f"{n},{n * 36 * 2**20},{n * 36 * 2**20},,,," for n in range(30)))
    judgement, sessions = judge_series(read_series(text))
    assert (judgement.verdict.name, sessions) == (VerdictName.LEAK, 15)


def test_what_a_series_does_not_hold_is_not_measured_and_holds_nothing_up() -> None:
    text = rows(*(f"{n * 5},100000,90000,,,," for n in range(60)))
    verdict = judge_series(read_series(text))[0].verdict
    assert verdict.name is VerdictName.FLAT
    unread = {name for name, gate in verdict.gates.items() if gate.outcome is Status.NOT_MEASURED}
    assert unread == set(entries()) - {"memory"}


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "header"),
        ("a,b\n1,2\n", "header"),
        (HEADER, "rise"),
        (rows("0,1,1,,,,", "0,1,1,,,,"), "rise"),
        (rows("0,1,1,,,,", "1,many,1,,,,"), "many"),
        (rows("0,1,1,,,,", "1,nan,1,,,,"), "nan"),
    ],
)
def test_a_text_that_is_no_series_is_refused_with_the_reason(text: str, why: str) -> None:
    with pytest.raises(RecordError, match=why):
        read_series(text)

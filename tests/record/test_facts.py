"""Facts that several rooms read off a record, in one way."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from record_builder import Script, level

from harness.record.facts import (
    cpu_while_talking,
    first_third,
    last_third,
    other_load_percent,
    reported_metric,
    sessions_done,
    warmup_sessions,
)
from harness.record.owners import owner_of_file
from harness.record.record import RunRecord


def test_memory_is_reported_by_uss_or_else_by_rss() -> None:
    record = Script().record(3)
    assert reported_metric(record) == "uss"
    blind = [replace(rest, values={"rss": 1.0}) for rest in record.rests]
    assert reported_metric(RunRecord.from_lines([record.started, *blind])) == "rss"


def test_sessions_are_counted_to_the_end_of_each_cycle() -> None:
    record = Script(first_single=2, batch=5).record(4)
    assert sessions_done(record) == [1, 2, 7, 12]
    assert warmup_sessions(record, 3) == 7
    assert warmup_sessions(record, 0) == 0


def test_cpu_while_talking_is_compared_among_cycles_of_the_usual_size() -> None:
    record = Script(first_single=2, batch=5, talking=float).record(5)
    t, percents = cpu_while_talking(record)
    assert (t.tolist(), percents.tolist()) == ([7, 12, 17], [3, 4, 5])
    t, percents = cpu_while_talking(record, usual_size=False)
    assert (t.tolist(), percents.tolist()) == ([1, 2, 7, 12, 17], [1, 2, 3, 4, 5])


def test_a_run_without_cpu_times_has_none_while_talking() -> None:
    t, percents = cpu_while_talking(Script(talking=lambda _: None).record(3))
    assert (len(t), len(percents)) == (0, 0)


def test_other_load_is_the_median_of_the_cycles() -> None:
    assert other_load_percent(Script().record(3)) is None
    assert other_load_percent(Script(metrics={"crowd": level(12.34)}).record(3)) == 12.3


@pytest.mark.parametrize(
    ("values", "first", "last"),
    [([1], [1], [1]), ([1, 2], [1], [2]), ([1, 2, 3, 4, 5, 6, 7], [1, 2], [6, 7])],
)
def test_a_third_has_at_least_one_value(
    values: list[int], first: list[int], last: list[int]
) -> None:
    assert first_third(values) == first
    assert last_third(values) == last
    assert last_third(np.array(values)).tolist() == last


@pytest.mark.parametrize(
    ("file", "owner"),
    [
        ("/srv/app/room.py:12", "application"),
        ("/srv/.venv/lib/python3.12/site-packages/uvicorn/server.py", "dependency"),
        ("/usr/lib/python3/dist-packages/yaml.py:3", "dependency"),
        ("/usr/lib/python3.12/asyncio/tasks.py:1", "interpreter"),
        ("<frozen importlib._bootstrap>", "interpreter"),
        ("", "application"),
    ],
)
def test_whose_code_a_file_is_shows_in_its_path(file: str, owner: str) -> None:
    assert owner_of_file(file) == owner

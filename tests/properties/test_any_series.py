"""The judge: what must hold for a verdict, however a server's memory runs."""

from __future__ import annotations

import csv
from dataclasses import replace
from io import StringIO
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from made_up import FEW
from record_builder import under

from harness.verdict.outcome import VerdictName
from harness.verdict.stored_series import judge_series, read_series

SERIES = Path(__file__).parents[1] / "data" / "series"
FLAT = ["syn_080_bare_flat_0", "real_p_flat_0_0_probe_1", "syn_084_bare_pool_0"]
LEAKING = [
    "syn_109_bare_leak_py_65536",
    "real_p_pyobj_4096_0_probe_1",
    "syn_118_bare_leak_tenthrand_16384",
]
IN_BYTES = ("rss", "uss", "malloc_in_use", "malloc_system", "system")
PAGE = 4096
Rows = list[dict[str, str]]


def rows_of(name: str) -> Rows:
    """The rows of a stored series."""
    return list(csv.DictReader(StringIO((SERIES / f"{name}.csv").read_text())))


def judged(rows: Rows, limit_bytes: int | None = None) -> VerdictName:
    """What the judge says of these rows."""
    lines = [",".join(rows[0]), *(",".join(row.values()) for row in rows)]
    record = read_series("\n".join(lines))
    policy = replace(record.started.policy, limit_bytes=limit_bytes)
    return judge_series(under(record, policy))[0].verdict.name


def changed(rows: Rows, factor: int = 1, plus: int = 0, per_session: int = 0) -> Rows:
    """The rows with all readings in bytes scaled, shifted or growing."""
    first = int(rows[0]["cycle"])
    new = []
    for row in rows:
        grown_bytes = per_session * (int(row["cycle"]) - first)
        new.append(
            {
                name: str(int(float(cell)) * factor + plus + grown_bytes)
                if name in IN_BYTES and cell
                else cell
                for name, cell in row.items()
            }
        )
    return new


@pytest.mark.parametrize("name", [*FLAT, *LEAKING])
@given(per_session=st.integers(1, 2**20))
@FEW
def test_more_growth_never_makes_a_leak_flat(name: str, per_session: int) -> None:
    rows = rows_of(name)
    if judged(rows) is VerdictName.LEAK:
        assert judged(changed(rows, per_session=per_session)) is not VerdictName.FLAT


@pytest.mark.parametrize("name", FLAT)
@given(per_session=st.integers(16 * 1024, 2**20))
@FEW
def test_growth_of_four_times_the_limit_is_never_flat(name: str, per_session: int) -> None:
    assert judged(changed(rows_of(name), per_session=per_session)) is not VerdictName.FLAT


@pytest.mark.parametrize("name", [*FLAT, *LEAKING])
@given(pages=st.integers(0, 2**18))
@FEW
def test_a_larger_server_gets_the_same_verdict(name: str, pages: int) -> None:
    rows = rows_of(name)
    assert judged(changed(rows, plus=pages * PAGE)) is judged(rows)


@pytest.mark.parametrize("name", ["syn_080_bare_flat_0", "syn_109_bare_leak_py_65536"])
@given(factor=st.integers(2, 64))
@FEW
def test_memory_and_limit_that_are_larger_alike_give_the_same_verdict(
    name: str, factor: int
) -> None:
    rows = rows_of(name)
    assert judged(changed(rows, factor), 4096 * factor) is judged(rows, 4096)


@pytest.mark.parametrize("name", [FLAT[1], LEAKING[1]])
@given(data=st.data())
@FEW
def test_the_order_in_which_metrics_stand_does_not_matter(name: str, data: st.DataObject) -> None:
    rows = rows_of(name)
    order = data.draw(st.permutations(list(rows[0])))
    assert judged([{column: row[column] for column in order} for row in rows]) is judged(rows)

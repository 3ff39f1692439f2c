"""Numbers are read from the text files of a process, in the unit that the metric says."""

from __future__ import annotations

import pytest

from harness.record.metrics.process_text import kib_after, number_after

STATUS = "Name:\tpython\nVmRSS:\t     512 kB\nThreads:\t7\n"


def test_a_count_is_read_as_it_stands() -> None:
    assert number_after("Threads")(STATUS) == 7


def test_kib_are_read_as_bytes() -> None:
    assert kib_after("VmRSS")(STATUS) == 512 * 1024


def test_a_line_with_a_unit_is_not_read_as_a_count() -> None:
    with pytest.raises(ValueError, match=r"'VmRSS: 512 kB' is not a plain count; kib_after"):
        number_after("VmRSS")(STATUS)

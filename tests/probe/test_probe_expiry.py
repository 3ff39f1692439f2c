"""Entries that carry the time at which they go."""

from __future__ import annotations

from time import monotonic, time

import pytest

from harness.probe.expiry import expires_in_s, overdue_s


@pytest.mark.parametrize("clock", [time, monotonic])
def test_entries_that_are_due_and_still_there_are_overdue(clock: object) -> None:
    now_s = time() if clock is time else monotonic()
    pages = {number: ("page", now_s - 300 + number) for number in range(10)}
    pages |= {10: ("page", now_s + 30)}
    seconds, timed = expires_in_s(pages)
    assert seconds is None
    assert not timed
    assert overdue_s(pages) == pytest.approx(293, abs=2)


def test_entries_that_are_not_due_yet_and_sets_are_not_overdue() -> None:
    now_s = time()
    assert overdue_s({number: {"expires": now_s + 30} for number in range(10)}) == 0.0
    assert overdue_s({now_s - 300}) == 0.0
    assert overdue_s({}) == 0.0


def test_the_time_at_which_an_entry_came_is_not_its_end() -> None:
    now_s = time()
    assert overdue_s(dict.fromkeys(range(10), (now_s - 300, now_s + 30))) == 0.0

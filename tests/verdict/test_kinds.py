"""Kinds of flat, of leak, and tags: from series and rates alone."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from harness.verdict.growth_engine import look
from harness.verdict.kinds import Rates, flat_kind, is_fragmentation, leak_kind, leaking_share, tags
from harness.verdict.outcome import Kind, Tag

Floats = NDArray[np.float64]
T = np.arange(151.0)
KIB = 1024
NATIVE = Rates(total=64_000.0, children=0.0, malloc=64_000.0, blocks=0.5, objects=0.0)


def tags_of(x: Floats) -> tuple[Tag, ...]:
    found = look(T, x, 100.0)
    assert found is not None
    return tags(T, x, found)


def test_a_rise_of_less_than_64_kib_is_flat() -> None:
    assert flat_kind(T, 400 * np.minimum(T, 140))[0] is Kind.FLAT
    assert flat_kind(T, 700 * np.minimum(T, 140))[0] is Kind.PLATEAU


def test_the_first_twenty_sessions_are_warm_up_and_count_for_nothing() -> None:
    assert flat_kind(T, 1e6 * np.minimum(T, 20))[0] is Kind.FLAT
    assert flat_kind(T, 1e6 * np.minimum(T, 21))[0] is Kind.STEP


def test_one_jump_is_a_step_with_its_size_and_its_session() -> None:
    kind, words = flat_kind(T, np.where(T >= 60, 8.0 * KIB * KIB, 0.0))
    assert kind is Kind.STEP
    assert "8MiB" in words
    assert "session 6" in words


def test_three_jumps_are_a_few_steps_and_ten_a_plateau() -> None:
    three = sum(np.where(at <= T, 1e6, 0.0) for at in (40, 80, 120))
    ten = sum(np.where(at <= T, 1e6, 0.0) for at in range(30, 130, 10))
    assert flat_kind(T, np.asarray(three))[0] is Kind.STEP
    assert flat_kind(T, np.asarray(ten))[0] is Kind.PLATEAU


def test_a_plateau_says_by_when_it_was_filled() -> None:
    assert flat_kind(T, 65_536 * np.minimum(T, 100))[1].endswith("by session 92")


def test_a_high_reading_at_the_very_end_is_no_step() -> None:
    x = np.zeros(151)
    x[-1] = 1e6
    assert flat_kind(T, x)[0] is Kind.FLAT


def test_a_run_of_three_samples_has_no_kind_but_flat() -> None:
    assert flat_kind(T[:3], np.array([0.0, 1e6, 2e6]))[0] is Kind.FLAT


@pytest.mark.parametrize(
    ("blocks", "kind"), [(0.92, Kind.NATIVE), (1.0, Kind.LARGE_OBJECT), (2.6, Kind.PYTHON)]
)
def test_blocks_per_session_tell_c_code_from_bytes_from_objects(blocks: float, kind: Kind) -> None:
    assert leak_kind(replace(NATIVE, blocks=blocks)) is kind


def test_a_tracked_object_per_session_is_python_however_few_the_blocks() -> None:
    assert leak_kind(replace(NATIVE, objects=1.0)) is Kind.PYTHON
    assert leak_kind(replace(NATIVE, objects=0.4)) is Kind.NATIVE


def test_a_leak_of_every_tenth_session_is_measured_by_the_sessions_that_leak() -> None:
    assert leak_kind(replace(NATIVE, blocks=0.15)) is Kind.NATIVE
    assert leak_kind(replace(NATIVE, blocks=0.15, leaking_share=0.1)) is Kind.LARGE_OBJECT
    assert leak_kind(replace(NATIVE, objects=0.1, leaking_share=0.1)) is Kind.PYTHON


def test_growth_outside_of_malloc_is_native_though_a_block_a_session_grows_too() -> None:
    assert leak_kind(replace(NATIVE, malloc=0.0, blocks=60.0)) is Kind.NATIVE
    assert leak_kind(replace(NATIVE, malloc=0.0, blocks=65.0)) is Kind.PYTHON


def test_without_a_probe_a_leak_is_unattributed_unless_children_hold_it() -> None:
    assert leak_kind(replace(NATIVE, blocks=None)) is Kind.UNATTRIBUTED
    assert leak_kind(replace(NATIVE, blocks=None, children=32_000.0)) is Kind.CHILD_PROCESS
    assert leak_kind(replace(NATIVE, blocks=None, children=31_000.0)) is Kind.UNATTRIBUTED


def test_the_leaking_share_is_one_where_most_cycles_rise() -> None:
    assert leaking_share(T, 1000 * T, noise=16) == 1.0
    assert leaking_share(T, 1000 * np.floor(T / 10), noise=16) == pytest.approx(0.1, abs=0.02)


def test_steady_growth_has_no_tag() -> None:
    assert tags_of(1000 * T) == ()


def test_a_step_every_fourth_session_is_sparse_and_every_second_is_not() -> None:
    assert tags_of(4000 * np.floor(T / 4)) == (Tag.SPARSE,)
    assert tags_of(2000 * np.floor(T / 2)) == ()


def test_growth_is_accelerating_only_within_the_tail_and_against_what_was_before_it() -> None:
    def bent(before: float, *thirds: float) -> Floats:
        rises = np.cumsum([0, 75 * before, 22 * thirds[0], 22 * thirds[1], 31 * thirds[2]])
        return np.array(np.interp(T, [0, 75, 97, 119, 150], rises))

    assert tags_of(bent(800, 1000, 1200, 1500)) == (Tag.ACCELERATING,)
    assert tags_of(bent(2000, 1000, 1200, 1500)) == ()
    assert tags_of(bent(500, 1000, 1000, 1000)) == ()


def test_growth_by_the_square_of_the_sessions_accelerates() -> None:
    assert tags_of(10 * T**2) == (Tag.ACCELERATING,)


def test_the_heap_is_fragmented_where_half_of_the_growth_is_free_in_it() -> None:
    assert is_fragmentation(1000.0, 500.0)
    assert not is_fragmentation(1000.0, 499.0)
    assert is_fragmentation(1000.0, None)

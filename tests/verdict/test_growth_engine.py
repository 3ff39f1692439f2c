"""The engine for one metric: one idea a test, on series made by hand. Limit 1000 a session where
not said.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from harness.verdict.growth_engine import envelope, follow, look
from harness.verdict.growth_rates import remaining_rate, steady_growth, tail_rate
from harness.verdict.look_schedule import LOOKS, look_numbers, sessions_to_settle
from harness.verdict.outcome import Status

Floats = NDArray[np.float64]
LIMIT = 1000.0


def sessions(cycles: int, each: int = 1) -> Floats:
    return np.arange(cycles + 1, dtype=np.float64) * each


def leaks(t: Floats, x: Floats, quantum: float = 0.0) -> bool:
    found = look(t, x, LIMIT, quantum)
    assert found is not None
    return found.leak


def is_flat(t: Floats, x: Floats, quantum: float = 0.0) -> bool:
    found = look(t, x, LIMIT, quantum)
    assert found is not None
    return found.flat


def test_a_run_of_nine_cycles_is_too_short_for_a_look() -> None:
    assert look(sessions(8), sessions(8), LIMIT) is None
    assert look(sessions(10), sessions(10), LIMIT) is not None


def test_the_first_half_of_the_run_is_dropped_as_warm_up() -> None:
    t = sessions(96)
    x = np.minimum(t, 48) * 5000
    found = look(t, x, LIMIT)
    assert found is not None
    assert (found.warmup, found.rate, found.flat) == (48, 0.0, True)
    assert not is_flat(t, np.minimum(t, 60) * 50_000)


def test_steady_growth_over_the_limit_is_a_leak_and_below_it_is_flat() -> None:
    t = sessions(96)
    assert leaks(t, 1100 * t)
    assert not leaks(t, 990 * t)
    assert is_flat(t, 990 * t)
    assert not is_flat(t, 1100 * t)


def test_the_rate_and_its_bounds_are_per_session_however_many_a_cycle_has() -> None:
    for each in (1, 5, 10):
        t = sessions(40, each)
        found = look(t, 2000 * t, LIMIT)
        assert found is not None
        assert found.rate == pytest.approx(2000)
        assert found.lower < 2000
        assert found.upper >= 2000


def test_the_largest_jump_is_no_leak() -> None:
    t = sessions(96)
    one_jump = np.where(t >= 70, 40_000.0, 0.0)
    assert not leaks(t, one_jump + 900 * t)
    assert leaks(t, one_jump + 3000 * t)


def test_a_leak_behind_a_jump_much_larger_than_it_is_open() -> None:
    t = sessions(96)
    x = np.where(t >= 70, 8e6, 0.0) + 2000 * t
    assert not leaks(t, x)
    assert not is_flat(t, x)


def test_a_jump_in_the_tail_is_cut_out_and_named_a_step() -> None:
    t = sessions(150)
    found = look(t, np.where(t >= 110, 8e6, 0.0), LIMIT)
    assert found is not None
    assert (found.flat, found.step, found.jump, found.jump_sessions) == (True, True, 8e6, 110)


def test_a_jump_is_cut_out_only_of_a_tail_that_spans_64_sessions() -> None:
    assert is_flat(sessions(128), np.where(sessions(128) >= 100, 8e6, 0.0))
    assert not is_flat(sessions(126), np.where(sessions(126) >= 100, 8e6, 0.0))


def test_a_jump_that_brings_back_what_fell_before_it_is_cut_out_and_growth_beside_both_is_not() -> (
    None
):
    t = sessions(220)
    gone_and_back = np.where((t >= 140) & (t < 190), 0.0, 200_000.0)
    assert is_flat(t, gone_and_back)
    assert not is_flat(t, gone_and_back + 1200 * t)


def test_a_jump_that_is_not_most_of_the_growth_is_not_cut_out() -> None:
    t = sessions(150)
    assert is_flat(t, 900 * t + np.where(t >= 110, 110_000.0, 0.0))
    assert not is_flat(t, 900 * t + np.where(t >= 110, 50_000.0, 0.0))


def test_growth_that_dies_out_is_no_leak() -> None:
    t = sessions(150)
    assert leaks(t, 5000 * t)
    assert not leaks(t, 2e6 * (1 - np.exp(-t / 30)))


def test_growth_in_the_last_third_alone_is_no_leak_yet() -> None:
    t = sessions(150)
    assert not leaks(t, np.maximum(0, t - 125) * 20_000)
    assert leaks(t, np.maximum(0, t - 60) * 20_000)


def bent(*slopes: float) -> tuple[Floats, Floats]:
    """A tail of three thirds with these slopes."""
    t = sessions(150)
    return t, np.interp(
        t, [75, 97, 119, 150], np.cumsum([0, 22 * slopes[0], 22 * slopes[1], 31 * slopes[2]])
    )


def test_growth_that_slows_down_must_exceed_half_of_the_limit_when_it_goes_on_so() -> None:
    assert leaks(*bent(3000, 2600, 2000))
    assert not leaks(*bent(3000, 2600, 1600))


def test_growth_at_under_half_of_its_first_speed_is_no_leak() -> None:
    assert leaks(*bent(30_000, 18_000, 15_500))
    assert not leaks(*bent(30_000, 18_000, 14_500))


def test_growth_that_skips_a_third_is_no_leak() -> None:
    assert leaks(*bent(3000, 1500, 3000))
    assert not leaks(*bent(3000, 400, 3000))


def test_a_rise_is_seen_though_the_tail_began_high() -> None:
    t = sessions(150)
    assert is_flat(t, np.where(t < 85, 15_000.0, 700 * (t - 85)))
    assert not is_flat(t, np.where(t < 85, 15_000.0, 1100 * (t - 85)))


def test_slow_waves_are_not_taken_for_noise_of_the_samples() -> None:
    t = sessions(150)
    assert is_flat(t, 30_000 * np.sin(2 * np.pi * t / 60))
    assert not is_flat(t, 30_000 * np.sin(2 * np.pi * t / 60) + 700 * t)


def test_spikes_shorter_than_the_window_are_gone() -> None:
    t = sessions(96)
    x = np.where(np.isin(t, (60, 71, 84, 95)), 8e6, 0.0)
    assert is_flat(t, x)
    assert not leaks(t, x)


def test_the_envelope_deletes_a_spike_and_moves_no_step() -> None:
    x = np.array([1.0, 1, 9, 1, 1, 5, 5, 5])
    assert envelope(x, 2).tolist() == [1, 1, 1, 1, 1, 5, 5]


def test_a_flat_tail_must_span_36_sessions() -> None:
    assert is_flat(sessions(72), np.zeros(73))
    assert not is_flat(sessions(70), np.zeros(71))


def test_one_drop_may_be_an_unfinished_saw_tooth_and_three_are_a_saw_tooth() -> None:
    t = sessions(150)
    assert not is_flat(t, 600 * t - np.where(t >= 100, 60_000, 0))
    assert is_flat(t, 600 * (t % 24))


def test_a_drop_that_could_not_hide_growth_over_the_limit_keeps_nothing_open() -> None:
    t = sessions(230)
    assert is_flat(t, 100 * t - np.where(t >= 180, 60_000, 0))
    assert not is_flat(t, 1100 * t - np.where(t >= 180, 60_000, 0))


def test_noise_hides_growth_that_is_smaller_than_it() -> None:
    t = sessions(60)
    noise = 60_000 * np.resize([0, 1, 2, 1], len(t)) * (1 + t % 7)
    assert leaks(t, 1500 * t)
    assert not leaks(t, 1500 * t + noise)


def test_growth_below_the_quantum_of_the_metric_is_no_evidence() -> None:
    t = sessions(40)
    assert leaks(t, 1500 * t)
    assert not leaks(t, 1500 * t, quantum=20_000)


def test_a_leak_of_every_tenth_session_is_neither_missed_nor_called_flat() -> None:
    t = sessions(150)
    x = 40_960 * np.floor(t / 10)
    assert leaks(t, x)
    assert not is_flat(t, x)


def test_looks_come_a_third_apart_and_a_final_one_at_the_end() -> None:
    assert look_numbers(11) == []
    assert look_numbers(41) == [12, 16, 22, 30, 40]
    assert look_numbers(41, final=True) == [12, 16, 22, 30, 40, 41]
    assert look_numbers(40, final=True) == [12, 16, 22, 30, 40]
    assert look_numbers(700)[len(LOOKS) :] == [667]


def test_a_state_needs_two_looks_that_agree() -> None:
    t = sessions(16)
    assert follow(t[:13], 2000 * t[:13], LIMIT).status is Status.INCONCLUSIVE
    trend = follow(t, 2000 * t, LIMIT)
    assert trend.status is Status.LEAK
    assert trend.since_sessions == trend.suspected_sessions == 12


def test_evidence_that_broke_off_is_suspected_no_more() -> None:
    t = sessions(150)
    trend = follow(t, 5000 * np.minimum(t, 40), LIMIT)
    assert trend.status is Status.FLAT
    assert trend.suspected_sessions is None
    assert any(one.leak for one in trend.looks)


def test_five_sessions_a_cycle_are_flat_after_two_looks_that_span_enough() -> None:
    t = sessions(22, each=5)
    assert follow(t[:17], np.zeros(17), LIMIT).status is Status.INCONCLUSIVE
    assert follow(t, np.zeros(23), LIMIT).status is Status.FLAT


def test_a_final_look_is_taken_at_the_last_sample() -> None:
    t = sessions(100)
    assert follow(t, t, LIMIT).looks[-1].sample == 96
    assert follow(t, t, LIMIT, final=True).looks[-1].sample == 100


def test_looking_again_with_more_samples_changes_no_earlier_look() -> None:
    t = sessions(150)
    x = np.cumsum(np.resize([0, 4096, 0, 0, 8192, 0, -4096], len(t))).astype(np.float64)
    early, late = follow(t[:97], x[:97], LIMIT, 4096), follow(t, x, LIMIT, 4096)
    assert late.looks[: len(early.looks)] == early.looks
    assert replace(early.looks[-1], sample=0) != replace(late.looks[-1], sample=0)


def test_three_equal_rises_are_steady_and_two_are_too_few() -> None:
    assert steady_growth(sessions(3), np.array([0.0, 2, 4, 6]))
    assert not steady_growth(sessions(2), np.array([0.0, 2, 4]))


def test_growth_that_has_stopped_is_not_steady() -> None:
    assert steady_growth(sessions(6), np.array([0.0, 10, 20, 30, 34, 38, 42]))
    assert not steady_growth(sessions(6), np.array([0.0, 10, 20, 30, 40, 50, 52]))


def test_one_rise_of_most_of_the_growth_is_not_steady() -> None:
    assert steady_growth(sessions(4), np.array([0.0, 55, 70, 85, 100]))
    assert not steady_growth(sessions(4), np.array([0.0, 65, 77, 88, 100]))


def test_steadiness_is_per_session_where_cycles_have_more_of_them() -> None:
    t = np.array([0.0, 1, 2, 3, 4, 9, 14])
    assert steady_growth(t, 100 * t)


def test_all_that_grew_and_went_leaves_nothing() -> None:
    t = sessions(40, 5)
    assert remaining_rate(t, 30_000 * t, 0.0) == pytest.approx(0)


def test_what_did_not_go_remains_at_its_rate() -> None:
    t = sessions(40, 5)
    assert remaining_rate(t, 30_000 * t, 30_000 * t[-1]) == pytest.approx(30_000)


def test_a_leak_behind_a_late_release_keeps_its_own_rate() -> None:
    t = sessions(40, 5)
    assert remaining_rate(t, 30_000 * t + 2000 * t, 2000 * t[-1]) == pytest.approx(2000)


def test_the_tail_rate_leaves_the_warm_up_out() -> None:
    t = sessions(20)
    assert tail_rate(t, np.minimum(t, 10) * 100) == 0
    assert tail_rate(t[:2], np.array([0.0, 7])) == 7


def test_the_sessions_to_settle_are_those_after_which_two_looks_span_enough() -> None:
    for each in (1, 5):
        t = sessions(10, each)
        more = sessions_to_settle(t, each)
        whole = sessions(10 + round(more / each), each)
        assert follow(whole, np.zeros(len(whole)), LIMIT).status is Status.FLAT
        assert follow(whole[:-1], np.zeros(len(whole) - 1), LIMIT).status is Status.INCONCLUSIVE

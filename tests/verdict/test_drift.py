"""Latency and CPU: what is a drift, what is a step, what is noise. Noise is drawn once, with a
fixed seed.
"""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from harness.verdict.drift import (
    IDLE_LIMIT_PERCENT,
    NO_WARM_UP_PERCENT,
    cpu_drift,
    fit,
    latency_drift,
    look_length,
    next_look,
    rises,
    step,
)
from harness.verdict.outcome import Status

Floats = NDArray[np.float64]


def noise(n: int, spread: float, seed: int = 1) -> Floats:
    """Multiplicative, skewed, one value in ten several times as large."""
    rng = np.random.default_rng(seed)
    outliers = np.where(rng.random(n) < 0.1, rng.uniform(2, 8, n), 1.0)
    return np.asarray(rng.lognormal(0, spread, n) * outliers)


def growing(n: int, factor: float, level_s: float = 0.05) -> Floats:
    """Replies that grow evenly from `level_s` to so many times as much."""
    return level_s * (1 + (factor - 1) * np.arange(n) / (n - 1))


def sessions(cycles: int) -> Floats:
    """The default plan: one session in each of the first ten cycles, then five."""
    return np.concatenate([np.arange(11.0), 10 + 5.0 * np.arange(1, cycles - 9)])


def test_looks_are_at_six_to_forty_values_and_then_go_on() -> None:
    assert [look_length(n) for n in (5, 6, 13, 40, 55, 57)] == [0, 6, 10, 40, 40, 57]
    assert look_length(17, final=True) == 17
    assert look_length(5, final=True) == 0
    assert [next_look(n) for n in (0, 6, 19, 40)] == [6, 8, 20, 57]


def test_replies_that_become_three_times_as_slow_within_16_sessions_drift() -> None:
    assert latency_drift(growing(16, 3) * noise(16, 0.05)).status is Status.DRIFT


def test_the_seed_case_of_one_to_thirty_seconds_drifts_at_the_tenth_reply() -> None:
    assert latency_drift(30 ** (np.arange(10) / 9)).status is Status.DRIFT


def test_a_rise_by_less_than_the_factor_is_no_drift() -> None:
    assert latency_drift(growing(40, 2.2, level_s=1.0)).status is Status.DRIFT
    assert latency_drift(growing(40, 1.6, level_s=1.0)).status is not Status.DRIFT


def test_a_rise_that_nobody_feels_is_no_drift() -> None:
    assert latency_drift(growing(40, 3, level_s=0.030)).status is Status.DRIFT
    assert latency_drift(growing(40, 3, level_s=0.020)).status is not Status.DRIFT


def test_a_rise_that_is_not_significant_is_no_drift() -> None:
    up_and_down = growing(8, 3) * np.resize([1.0, 2.5], 8)
    assert not rises(np.arange(8.0), up_and_down)
    assert latency_drift(up_and_down).status is Status.INCONCLUSIVE


def test_a_slow_first_session_is_skipped() -> None:
    y = np.concatenate([[1.0], growing(19, 3)])
    assert latency_drift(y).status is Status.DRIFT


def test_a_latency_step_is_no_drift() -> None:
    stepped = np.where(np.arange(40) >= 20, 0.15, 0.05) * np.resize([0.95, 1.0, 1.05], 40)
    found = latency_drift(stepped)
    assert found.status is not Status.DRIFT
    assert found.step_at is not None
    assert found.step_at + 1 == 20


def test_a_rise_that_reaches_a_ceiling_is_a_drift() -> None:
    measured_ms = [
        56,
        75,
        113,
        122,
        142,
        143,
        140,
        219,
        228,
        264,
        245,
        227,
        250,
        251,
        248,
        253,
        247,
        253,
        254,
        249,
    ]
    assert latency_drift(np.array(measured_ms) / 1000).status is Status.DRIFT


def test_a_step_is_flat_once_what_follows_it_is_long_enough() -> None:
    def stepped(n: int) -> Floats:
        return np.array(np.where(np.arange(n) >= 20, 0.15, 0.05) * np.resize([0.95, 1.0, 1.05], n))

    assert latency_drift(stepped(36)).status is Status.INCONCLUSIVE
    assert latency_drift(stepped(44)).status is Status.FLAT


def test_even_replies_are_flat_from_20_sessions_on() -> None:
    assert latency_drift(np.full(19, 0.05)).status is Status.INCONCLUSIVE
    assert latency_drift(np.full(20, 0.05)).status is Status.FLAT


def test_replies_too_noisy_to_bound_are_open_and_flat_in_a_longer_run() -> None:
    y = 0.05 * noise(200, 0.5, seed=5)
    assert latency_drift(y[:20]).status is Status.INCONCLUSIVE
    assert latency_drift(y).status is Status.FLAT


def test_a_thousand_sessions_are_judged_by_medians_of_neighbours() -> None:
    assert latency_drift(growing(1000, 4) * noise(1000, 0.2)).status is Status.DRIFT
    assert latency_drift(0.05 * noise(1000, 0.2)).status is Status.FLAT


@pytest.mark.parametrize("spread", [0.1, 0.2, 0.3])
def test_noise_without_a_trend_is_called_drift_in_at_most_one_run_of_a_hundred(
    spread: float,
) -> None:
    courses = [latency_drift(0.05 * noise(28, spread, seed)).status for seed in range(100)]
    assert courses.count(Status.DRIFT) <= 1


def test_the_line_bounds_its_slope_on_both_sides() -> None:
    t = np.arange(30.0)
    line = fit(t, 2 * t + np.resize([0.0, 1.0, -1.0], 30))
    assert line.lower <= 2 <= line.upper
    assert line.end - line.start == pytest.approx(line.slope * 29)


def test_a_ramp_is_no_step_and_two_levels_are() -> None:
    t = np.arange(24.0)
    two_levels = np.where(t >= 9, 5.0, 1.0)
    assert step(t, t, fit(t, t)) is None
    assert step(t, two_levels, fit(t, two_levels)) == 9


def test_cpu_at_rest_that_each_session_adds_to_drifts() -> None:
    t = sessions(12)
    assert cpu_drift(t, 0.1 + 1.5 * t, IDLE_LIMIT_PERCENT).status is Status.DRIFT


def test_cpu_at_rest_that_rises_by_less_than_half_a_percent_is_no_drift() -> None:
    t = sessions(30)
    assert cpu_drift(t, 0.006 * t, IDLE_LIMIT_PERCENT).status is Status.DRIFT
    assert cpu_drift(t, 0.004 * t, IDLE_LIMIT_PERCENT).status is not Status.DRIFT


def test_a_rise_within_the_limit_per_session_is_no_drift_however_long_the_run() -> None:
    t = sessions(200)
    assert cpu_drift(t, 0.0019 * t, IDLE_LIMIT_PERCENT).status is Status.FLAT
    assert cpu_drift(t, 0.0030 * t, IDLE_LIMIT_PERCENT).status is Status.DRIFT


def test_a_small_rise_in_a_run_of_under_20_sessions_may_be_warm_up() -> None:
    t = np.arange(11.0)
    assert cpu_drift(t, 0.1 * t, IDLE_LIMIT_PERCENT).status is Status.INCONCLUSIVE
    assert cpu_drift(t, 0.3 * t, IDLE_LIMIT_PERCENT).status is Status.DRIFT


def test_a_warm_up_that_ends_is_no_drift() -> None:
    t = sessions(12)
    assert cpu_drift(t, 3 * (1 - np.exp(-t / 15)), IDLE_LIMIT_PERCENT).status is Status.DRIFT
    assert cpu_drift(t, 3 * (1 - np.exp(-t / 8)), IDLE_LIMIT_PERCENT).status is not Status.DRIFT


def test_a_tenth_of_a_core_at_rest_is_no_warm_up_although_its_rise_ends() -> None:
    t = sessions(60)
    for ceiling, expected in ((40, Status.DRIFT), (8, Status.INCONCLUSIVE)):
        y = ceiling * (1 - np.exp(-t / 40)) + np.resize([0.0, 1.0, 0.5], len(t))
        assert cpu_drift(t, y, IDLE_LIMIT_PERCENT, warm_up=NO_WARM_UP_PERCENT).status is expected


def test_cycles_of_five_that_rest_less_quietly_than_cycles_of_one_are_no_drift() -> None:
    def stepped(cycles: int) -> tuple[Floats, Floats]:
        t = sessions(cycles)
        return t, np.where(t > 10, 1.5, 0.5) + np.resize([0.0, 0.02, 0.04], len(t))

    assert cpu_drift(*stepped(14), IDLE_LIMIT_PERCENT).status is not Status.DRIFT
    assert cpu_drift(*stepped(30), IDLE_LIMIT_PERCENT).status is Status.FLAT


def test_even_cpu_is_flat_from_20_sessions_on() -> None:
    assert cpu_drift(sessions(11), np.zeros(12), IDLE_LIMIT_PERCENT).status is Status.INCONCLUSIVE
    assert cpu_drift(sessions(12), np.zeros(13), IDLE_LIMIT_PERCENT).status is Status.FLAT


def test_a_rise_that_cannot_be_excluded_but_would_stay_under_a_percent_is_flat() -> None:
    t = sessions(20)
    y = np.resize([0.1, 0.3, 0.2, 0.0], len(t))
    assert cpu_drift(t, y, IDLE_LIMIT_PERCENT).status is Status.FLAT
    assert cpu_drift(t, 10 * y, IDLE_LIMIT_PERCENT).status is Status.INCONCLUSIVE

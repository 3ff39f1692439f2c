"""The formulas against scipy, which has them all and is too heavy for a run."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import permutations

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import stats
from scipy.fft import dst

from harness.formulas import kendall_rise_pvalue, sine_transform, t_quantile, theil_sen

Floats = NDArray[np.float64]
SERIES = 400


def series() -> Iterator[tuple[Floats, Floats]]:
    """Short and long ones, with and without ties, without a trend and in perfect order."""
    random = np.random.default_rng(0)
    for number in range(SERIES):
        n = int(random.integers(3, 40 if number % 2 else 210))
        t = (
            np.cumsum(random.choice([1.0, 5.0], n))
            if number % 3
            else np.cumsum(random.integers(0, 3, n))
        )
        t[-1] += 1
        y = random.normal(size=n) + t * random.choice([0, 0.01, 0.1, -0.1])
        y = np.round(y) if number % 5 == 0 else y
        yield t.astype(float), np.sort(y) if number % 7 == 0 else y


def test_kendalls_p_value_is_scipys() -> None:
    for t, y in series():
        expected = stats.kendalltau(t, y, alternative="greater").pvalue
        assert kendall_rise_pvalue(t, y) == pytest.approx(
            1.0 if np.isnan(expected) else expected, rel=1e-9, abs=1e-290
        )


@pytest.mark.parametrize("n", [2, 3, 4, 5, 6])
def test_kendalls_p_value_is_the_share_of_all_orders_that_rise_as_much(n: int) -> None:
    t = np.arange(float(n))
    orders = [np.array(order, dtype=float) for order in permutations(range(n))]
    rises = np.array(
        [np.sign(order[:, None] - order)[np.tril_indices(n, -1)].sum() for order in orders]
    )
    for order, rise in zip(orders, rises, strict=True):
        assert kendall_rise_pvalue(t, order) == pytest.approx(
            float((rises >= rise).mean()), rel=1e-12
        )


@pytest.mark.parametrize("y", [np.ones(12), np.ones(1)])
def test_a_series_of_equal_values_does_not_rise(y: Floats) -> None:
    assert kendall_rise_pvalue(np.arange(float(len(y))), y) == 1.0


def test_theil_and_sens_line_is_scipys_to_the_last_bit() -> None:
    for t, y in series():
        line = stats.theilslopes(y, t, alpha=0.98)
        expected = (line.slope, line.low_slope, line.high_slope)
        assert np.array_equal(theil_sen(t, y, 0.98), expected, equal_nan=True)


@pytest.mark.parametrize("probability", [0.005, 0.5, 0.9, 0.975, 0.995, 0.9999])
def test_students_quantile_is_scipys(probability: float) -> None:
    for freedom in (*range(1, 60), 200, 2001):
        expected = float(stats.t.ppf(probability, freedom))
        assert t_quantile(probability, freedom) == pytest.approx(expected, rel=1e-9, abs=1e-12)


@pytest.mark.parametrize("n", [1, 2, 3, 57, 200])
def test_the_sine_transform_is_scipys(n: int) -> None:
    values = np.random.default_rng(n).normal(size=n)
    assert np.allclose(
        sine_transform(values), dst(values, type=1, norm="ortho"), rtol=0, atol=1e-12
    )

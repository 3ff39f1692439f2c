"""Four formulas of statistics in numpy and the standard library: Kendall's test, Theil and Sen's
line, Student's quantile, the sine transform.

scipy has all four. It takes 1.4 s of CPU in each process that judges, and 143 MiB on disk, which is
most of what a run needs. The formulas are short and exact. The tests compare each with scipy's.
"""

from __future__ import annotations

from collections import Counter
from functools import cache
from math import cos, erfc, factorial, nan, pi, sin, sqrt, tan
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

MAX_EXACT = 33
"""With more values than this, the normal approximation of Kendall's test is as good as its exact
distribution.
"""


def kendall_rise_pvalue(t: Floats, y: Floats) -> float:
    """How likely a series without a trend rises as much as this one: Kendall's test of rank
    correlation, one-sided.

    Exact for up to 33 values without ties, and where at most one pair is out of order. Otherwise
    normal, with the variance corrected for ties (Kendall, Rank Correlation Methods, 4th edition,
    1970).

    Args:
        t: where the values were taken.
        y: the values.

    Returns:
        The one-sided p-value; 1 where all values, or all places, are equal.
    """
    n = len(y)
    pairs = n * (n - 1) // 2
    tied_t, tied_y = _ties(t), _ties(y)
    pairs_in_t, pairs_in_y = _pairs(tied_t), _pairs(tied_y)
    if pairs in (pairs_in_t, pairs_in_y):
        return 1.0
    agreement = (y[:, None] - y) * np.sign(t[:, None] - t)
    concordant, discordant = (int(signs.sum()) // 2 for signs in (agreement > 0, agreement < 0))
    untied = not tied_t and not tied_y
    if untied and (n <= MAX_EXACT or min(discordant, pairs - discordant) <= 1):
        return _orders_with_inversions(n, discordant) / factorial(n)
    m = n * (n - 1.0)
    variance = (m * (2 * n + 5) - _spread(tied_t) - _spread(tied_y)) / 18
    variance += 2 * pairs_in_t * pairs_in_y / m
    variance += _triples(tied_t) * _triples(tied_y) / (9 * m * (n - 2))
    return erfc((concordant - discordant) / sqrt(2 * variance)) / 2


def _ties(values: Floats) -> list[int]:
    """How often each value occurs that occurs more than once."""
    return [count for count in Counter(values.tolist()).values() if count > 1]


def _pairs(ties: list[int]) -> int:
    """How many pairs of equal values there are."""
    return sum(k * (k - 1) // 2 for k in ties)


def _spread(ties: list[int]) -> int:
    """By how much ties reduce the variance of Kendall's and of Sen's statistic, times 18."""
    return sum(k * (k - 1) * (2 * k + 5) for k in ties)


def _triples(ties: list[int]) -> int:
    return sum(k * (k - 1) * (k - 2) for k in ties)


def _orders_with_inversions(n: int, at_most: int) -> int:
    """How many of the n! orders have at most `at_most` pairs out of order: exact, in whole numbers.

    As many orders have k pairs out of order as have k pairs in order, so the smaller side is
    counted. The next value can stand before 0 to `place - 1` of the values that are there.
    """
    pairs = n * (n - 1) // 2
    if at_most >= pairs:
        return factorial(n)
    if at_most > pairs - at_most - 1:
        return factorial(n) - _orders_with_inversions(n, pairs - at_most - 1)
    orders = [1] + [0] * at_most
    for place in range(2, n + 1):
        window, counts = 0, []
        for inversions in range(at_most + 1):
            window += orders[inversions]
            if inversions >= place:
                window -= orders[inversions - place]
            counts.append(window)
        orders = counts
    return sum(orders)


def theil_sen(t: Floats, y: Floats, confidence: float) -> tuple[float, float, float]:
    """The median of all pairwise slopes, with its bounds (Sen 1968, equation 2.6).

    Args:
        t: where the values were taken; not all at one place.
        y: the values.
        confidence: of the two-sided interval, such as 0.98.

    Returns:
        Slope, lower bound, upper bound; the bounds are not a number where ties leave none.
    """
    after = t[:, None] > t
    slopes = np.sort((y[:, None] - y)[after] / (t[:, None] - t)[after])
    n, last = len(y), len(slopes) - 1
    variance = (n * (n - 1) * (2 * n + 5) - _spread(_ties(t)) - _spread(_ties(y))) / 18
    if variance < 0:  # ties in both, and hardly anything else
        return float(np.median(slopes)), nan, nan
    reach = NormalDist().inv_cdf((1 + confidence) / 2) * sqrt(variance)
    lower = max(round((len(slopes) - reach) / 2) - 1, 0)
    upper = min(round((len(slopes) + reach) / 2), last)
    return float(np.median(slopes)), float(slopes[lower]), float(slopes[upper])


@cache
def t_quantile(probability: float, freedom: int) -> float:
    """Quantile of Student's t distribution.

    The distribution function has a closed form for whole degrees of freedom (Abramowitz and Stegun,
    26.7.3 and 26.7.4). Halving the angle's interval inverts it.

    Args:
        probability: between 0 and 1, both excluded.
        freedom: degrees of freedom, at least 1.
    """
    if probability < 0.5:
        return -t_quantile(1 - probability, freedom)
    low, high = 0.0, pi / 2
    for _ in range(60):
        middle = (low + high) / 2
        if _t_within(middle, freedom) < 2 * probability - 1:
            low = middle
        else:
            high = middle
    return sqrt(freedom) * tan((low + high) / 2)


def _t_within(angle: float, freedom: int) -> float:
    """How likely |t| stays below sqrt(freedom) * tan(angle)."""
    odd = freedom % 2 == 1
    term = cos(angle) if odd else 1.0
    total = term if freedom > 1 else 0.0
    for power in range(3 if odd else 2, freedom - 1, 2):
        term *= cos(angle) ** 2 * (power - 1) / power
        total += term
    return 2 / pi * (angle + sin(angle) * total) if odd else sin(angle) * total


def sine_transform(values: Floats) -> Floats:
    """The orthonormal discrete sine transform of the first kind; it is its own inverse."""
    n = len(values)
    odd = np.concatenate(([0.0], values, [0.0], -values[::-1]))
    return np.asarray(-np.fft.rfft(odd).imag[1 : n + 1] / sqrt(2 * (n + 1)))

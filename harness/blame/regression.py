"""Which few columns explain what each cycle added to a metric, and how much one of each counts.

1. Of all sums of few columns, the one is taken that explains most with fewest: the extended
   Bayesian information criterion (Chen and Chen, Biometrika 95, 2008).
2. Coefficients come from least squares, intervals from Student's t.
3. Each interval holds with and without the cycle that fits worst: in one cycle, a table that has
   become too small doubles.
4. A reading that is off by itself makes one difference too large and the next too small, so that
   differences are not independent. How large that part is, is estimated, and cycles are weighed by
   it: the local level model (Durbin and Koopman, Time Series Analysis by State Space Methods, 2012,
   chapter 2).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import combinations
from math import comb, log
from typing import Final

import numpy as np
from numpy.typing import NDArray

from ..formulas import Floats, sine_transform, t_quantile

Key = tuple[str, str]
"""An action, and whose leavings it makes more; empty where it is what it leaves itself."""
Columns = Mapping[Key, Floats]
Allowed = Callable[[tuple[Key, ...]], bool]
"""Whether these columns may explain a metric together."""

CONFIDENCE: Final = 0.9995
"""Two-sided: of the sixty intervals of a run, fewer than one in thirty runs has one that misses
by chance.
"""
MAX_TERMS: Final = 4
"""Columns in one sum. Ten columns have 385 sums of up to four. A fifth would add 252."""
READING_ERRORS: Final = (0.0, 0.1, 0.3, 1.0, 3.0, 10.0, 30.0, 100.0, 300.0)
"""Candidates for the ratio of two variances: of the error of a single reading, as of CPU at rest,
to that of growth which stays. 0 is a plain regression.
"""
MAX_DEVIANCE: Final = 2.0
"""A smaller ratio is as good as the best one if its deviance (-2 log likelihood) is at most this
much larger. The smallest such ratio is taken, because a ratio that is too large makes intervals too
short. 2 is the difference that Akaike's criterion takes for one parameter.
"""
MAX_PASSES: Final = 4
"""Choosing columns and estimating the ratio take turns until the ratio stays, at most this often.
"""


@dataclass(frozen=True, slots=True)
class Fit:
    """What each column counts, with its interval."""

    key: Key
    chosen: bool
    """Among those that explain the metric; the others are looked at next to them, one by one."""
    estimate: float
    lower: float
    upper: float


def fit(
    y: Floats, columns: Columns, noise: float, nuisance: Sequence[Key], allowed: Allowed
) -> list[Fit]:
    """All columns that can be told from those that explain the metric.

    Args:
        y: what each cycle added, in the metric's unit.
        columns: what may explain it.
        noise: standard deviation of a cycle at least, in the metric's unit.
        nuisance: columns that are not actions. A column that does not explain the metric is looked
            at next to these.
        allowed: whether columns may explain it together.

    Returns:
        Estimates and intervals in the metric's unit, each time that the action happens.
    """
    ratio = 0.0
    for _ in range(MAX_PASSES):
        even = _even(y, ratio)
        evened = {key: _even(column, ratio) for key, column in columns.items()}
        chosen = _explanation(even, evened, noise, allowed)
        rest = y - _explained(columns, evened, chosen, even)
        used, ratio = ratio, _reading_errors(rest, noise)
        if ratio == used:
            break
    worst_cycle = _even(np.eye(len(y))[np.argmax(np.abs(rest))], used)
    fits = []
    for key in columns:
        keys = chosen if key in chosen else tuple(dict.fromkeys([*chosen, *nuisance, key]))
        x = np.column_stack([evened[term] for term in keys])
        if np.linalg.matrix_rank(x) < len(keys):
            continue
        # A column of its own takes the worst cycle out of the fit.
        without_worst = [np.column_stack([x, worst_cycle])] if len(keys) < len(y) // 3 else []
        tried = [_estimate(table, even, keys.index(key), noise) for table in (x, *without_worst)]
        lower = min(estimate - reach for estimate, reach in tried)
        upper = max(estimate + reach for estimate, reach in tried)
        fits.append(Fit(key, key in chosen, tried[0][0], lower, upper))
    return fits


def _explanation(y: Floats, columns: Columns, noise: float, allowed: Allowed) -> tuple[Key, ...]:
    """The sum of columns with the least extended Bayesian information criterion:
    n log(RSS / n) + k log n + 2 log C(p, k), for k of p columns and n cycles.
    """
    keys, n = tuple(columns), len(y)
    x = np.column_stack(
        [column / max(1e-9, float(np.linalg.norm(column))) for column in columns.values()]
    )
    products, projected = x.T @ x, x.T @ y
    best: tuple[Key, ...] = ()
    least = n * log(float(y @ y) / n + noise**2)
    for k, sets in enumerate(_sums(keys, min(MAX_TERMS, n // 3), allowed), 1):
        left = products[sets[:, :, None], sets[:, None, :]] + 1e-12 * np.eye(k)
        right = projected[sets]
        coefficients = np.linalg.solve(left, right[..., None])[..., 0]
        errors = np.maximum(0.0, y @ y - (right * coefficients).sum(axis=1))
        errors[(coefficients < 0).any(axis=1)] = np.inf  # nothing takes away for ever
        costs = n * np.log(errors / n + noise**2) + k * log(n) + 2 * log(comb(len(keys), k))
        if costs.min() < least:
            best = tuple(keys[place] for place in sets[np.argmin(costs)])
            least = float(costs.min())
    return best


@cache
def _sums(keys: tuple[Key, ...], most: int, allowed: Allowed) -> list[NDArray[np.int64]]:
    """Those of one term, of two, and so on, as places in `keys`."""
    sums = []
    for k in range(1, min(most, len(keys)) + 1):
        chosen = []
        for places in combinations(range(len(keys)), k):
            if allowed(tuple(keys[place] for place in places)):
                chosen.append(places)
        if chosen:
            sums.append(np.array(chosen, dtype=np.int64))
    return sums


def _explained(columns: Columns, evened: Columns, keys: Sequence[Key], y: Floats) -> Floats:
    """What these explain, by their coefficients in the evened columns."""
    if not keys:
        return np.zeros(len(y))
    x = np.column_stack([columns[key] for key in keys])
    known = np.column_stack([evened[key] for key in keys])
    return np.asarray(x @ np.linalg.lstsq(known, y, rcond=None)[0])


def _reading_errors(rest: Floats, noise: float) -> float:
    """The smallest of `READING_ERRORS` that the residuals do not refute, by their likelihood in the
    frequency domain.
    """
    n, powers = len(rest), sine_transform(rest) ** 2 + noise**2
    deviances = {}
    for ratio in READING_ERRORS:
        variances = _variances(n, ratio)
        level = n * log(float((powers / variances).mean()))
        deviances[ratio] = level + float(np.log(variances).sum())
    limit = min(deviances.values()) + MAX_DEVIANCE
    return next(ratio for ratio, deviance in deviances.items() if deviance <= limit)


def _even(grown: Floats, ratio: float) -> Floats:
    """Growth by frequency, scaled so that residuals are equally large in each.

    The sine transform makes the differences of readings with independent errors independent.
    """
    return np.asarray(sine_transform(grown) / np.sqrt(_variances(len(grown), ratio)))


def _variances(n: int, ratio: float) -> Floats:
    """The variance of growth at each frequency, 1 on average, in the local level model.

    The eigenvalues of the covariance of differences: 1 for growth that stays, and
    2 - 2 cos(pi j / (n + 1)) times the ratio for the errors of readings.
    """
    eigenvalues = 2 - 2 * np.cos(np.pi * np.arange(1, n + 1) / (n + 1))
    return np.asarray((1 + ratio * eigenvalues) / (1 + 2 * ratio))


def _estimate(x: Floats, y: Floats, index: int, noise: float) -> tuple[float, float]:
    """The coefficient of a column, and how far its interval reaches to both sides."""
    coefficients = np.linalg.lstsq(x, y, rcond=None)[0]
    rest, free = y - x @ coefficients, len(y) - x.shape[1]
    variance = max(noise**2, float(rest @ rest) / free)
    error = float(np.sqrt(np.linalg.pinv(x.T @ x)[index, index] * variance))
    reach = t_quantile((1 + CONFIDENCE) / 2, free) * error
    return float(coefficients[index]), reach

"""Which few columns explain what each cycle added to a metric, and how much one of each counts.

Of all sums of few columns the one is taken that explains most with fewest (extended Bayesian
information criterion: Chen and Chen, Biometrika 2008); coefficients by least squares, intervals by
Student's t. They hold with the cycle that fits worst and without it: in one, a table that has
become too small doubles. Where readings are off by themselves, differences are not independent: how
much of them the next takes back is estimated (the local level model: Durbin and Koopman, Time
Series Analysis by State Space Methods, 2012), and they are weighed by that.
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

from harness.formulas import Floats, sine_transform, t_quantile

Key = tuple[str, str]
"""An action, and whose leavings it makes more; empty where it is what it leaves itself."""
Columns = Mapping[Key, Floats]
Allowed = Callable[[tuple[Key, ...]], bool]

CONFIDENCE: Final = 0.9995
"""Two-sided: of the sixty intervals of a run, fewer than one in thirty runs has one that misses
by chance.
"""
MAX_TERMS: Final = 4
TAKEN_BACK: Final = (0.0, 0.1, 0.3, 1.0, 3.0, 10.0, 30.0, 100.0, 300.0)
"""How much larger the variance may be of what the next cycle takes back than of what stays: a
reading that is off by itself, as of CPU, makes one difference too large and the next too small.
"""
UNREFUTED: Final = 2.0
"""Of these, the least is taken whose deviance is at most so much above the best: too much makes
intervals too short.
"""
PASSES: Final = 4


@dataclass(frozen=True, slots=True)
class Fit:
    """What each column counts, with its interval."""

    key: Key
    chosen: bool
    """Among those that explain the metric; the others are looked at beside them, one by one."""
    estimate: float
    lower: float
    upper: float


def fit(
    y: Floats, columns: Columns, noise: float, passing: Sequence[Key], allowed: Allowed
) -> list[Fit]:
    """All columns that can be told from those that explain the metric.

    Args:
        y: what each cycle added.
        columns: what may explain it.
        noise: no cycle is known better than that.
        passing: what is no action: no other that does not explain the metric is looked at without
            it.
        allowed: whether columns may explain it together.
    """
    taken_back = 0.0
    for _ in range(PASSES):
        even, evened = (
            _even(y, taken_back),
            {key: _even(column, taken_back) for key, column in columns.items()},
        )
        chosen = _explanation(even, evened, noise, allowed)
        left = y - _explained(columns, evened, chosen, even)
        used, taken_back = taken_back, _taken_back(left, noise)
        if taken_back == used:
            break
    odd = _even(np.eye(len(y))[np.argmax(np.abs(left))], used)
    found = []
    for key in columns:
        keys = chosen if key in chosen else tuple(dict.fromkeys([*chosen, *passing, key]))
        x = np.column_stack([evened[one] for one in keys])
        if np.linalg.matrix_rank(x) == len(keys):
            beside = [np.column_stack([x, odd])] if len(keys) < len(y) // 3 else []
            tried = [_estimate(one, even, keys.index(key), noise) for one in (x, *beside)]
            lower, upper = (
                min(b - reach for b, reach in tried),
                max(b + reach for b, reach in tried),
            )
            found.append(Fit(key, key in chosen, tried[0][0], lower, upper))
    return found


def _explanation(y: Floats, columns: Columns, noise: float, allowed: Allowed) -> tuple[Key, ...]:
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
            best, least = tuple(keys[one] for one in sets[np.argmin(costs)]), float(costs.min())
    return best


@cache
def _sums(keys: tuple[Key, ...], most: int, allowed: Allowed) -> list[NDArray[np.int64]]:
    """Those of one term, of two, and so on, as places in `keys`."""
    found = []
    for k in range(1, min(most, len(keys)) + 1):
        places = combinations(range(len(keys)), k)
        found.append([chosen for chosen in places if allowed(tuple(keys[one] for one in chosen))])
    return [np.array(sets, dtype=np.int64) for sets in found if sets]


def _explained(columns: Columns, evened: Columns, keys: Sequence[Key], y: Floats) -> Floats:
    """What these explain, by their coefficients in the evened columns."""
    if not keys:
        return np.zeros(len(y))
    x, known = (np.column_stack([table[key] for key in keys]) for table in (columns, evened))
    return np.asarray(x @ np.linalg.lstsq(known, y, rcond=None)[0])


def _taken_back(left: Floats, noise: float) -> float:
    """The least that what is left unexplained does not refute."""
    n, powers = len(left), sine_transform(left) ** 2 + noise**2
    deviances = {
        share: n * log(float((powers / variances).mean())) + float(np.log(variances).sum())
        for share in TAKEN_BACK
        for variances in [_variances(n, share)]
    }
    return next(
        share for share, one in deviances.items() if one <= min(deviances.values()) + UNREFUTED
    )


def _even(grown: Floats, taken_back: float) -> Floats:
    """Growth by frequency, in each of which what is left unexplained is then equally large.

    By the sine transform, differences of readings that are off by themselves are independent.
    """
    return np.asarray(sine_transform(grown) / np.sqrt(_variances(len(grown), taken_back)))


def _variances(n: int, taken_back: float) -> Floats:
    """Of each frequency, one on average: of growth that stays, and of readings that are off by
    themselves.
    """
    rough = 2 - 2 * np.cos(np.pi * np.arange(1, n + 1) / (n + 1))
    return np.asarray((1 + taken_back * rough) / (1 + 2 * taken_back))


def _estimate(x: Floats, y: Floats, index: int, noise: float) -> tuple[float, float]:
    """The coefficient of a column, and how far its interval reaches to both sides."""
    coefficients = np.linalg.lstsq(x, y, rcond=None)[0]
    left, free = y - x @ coefficients, len(y) - x.shape[1]
    variance = max(noise**2, float(left @ left) / free)
    error = float(np.sqrt(np.linalg.pinv(x.T @ x)[index, index] * variance))
    reach = t_quantile((1 + CONFIDENCE) / 2, free) * error
    return float(coefficients[index]), reach

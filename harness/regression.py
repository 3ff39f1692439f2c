"""Which few columns explain what each cycle added to a metric, and how much one of each counts.

Of all sums of few columns the one is taken that explains most with fewest (extended Bayesian information criterion:
Chen and Chen, Biometrika 2008); coefficients by ordinary least squares, intervals by Student's t.
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

Floats = NDArray[np.float64]
Key = tuple[str, str]
"""An action, and whose leavings it makes more; empty where it is what it leaves itself."""
Columns = Mapping[Key, Floats]
Allowed = Callable[[tuple[Key, ...]], bool]

CONFIDENCE: Final = 0.9995
"""Two-sided: of the sixty intervals of a run, fewer than one in thirty runs has one that misses by chance."""
MOST_TERMS: Final = 4
TAKEN_BACK: Final = -0.4
"""Correlation of what is left unexplained with the same of the next cycle, below which it is no growth: a reading that
is off by itself, as of CPU, makes one difference too large and the next too small. Then levels are regressed."""


@dataclass(frozen=True, slots=True)
class Fit:
    """What each column counts, with its interval."""

    key: Key
    chosen: bool
    """Among those that explain the metric; the others are looked at beside them, one by one."""
    estimate: float
    lower: float
    upper: float


def fit(y: Floats, columns: Columns, noise: float, passing: Sequence[Key], allowed: Allowed) -> list[Fit]:
    """All columns that can be told from those that explain the metric.

    Args:
        y: what each cycle added.
        columns: what may explain it.
        noise: no cycle is known better than that.
        passing: what is no action: no other that does not explain the metric is looked at without it.
        allowed: whether columns may explain it together.
    """
    chosen = _explanation(y, columns, noise, allowed)
    if _is_taken_back(_left(columns, chosen, y)):
        y, columns = _level(y), {key: _level(column) for key, column in columns.items()}
        chosen = _explanation(y, columns, noise, allowed)
    found = []
    for key in columns:
        keys = chosen if key in chosen else tuple(dict.fromkeys([*chosen, *passing, key]))
        x = np.column_stack([columns[one] for one in keys])
        if np.linalg.matrix_rank(x) == len(keys):
            b, reach = _estimate(x, y, keys.index(key), noise)
            found.append(Fit(key, key in chosen, b, b - reach, b + reach))
    return found


def _explanation(y: Floats, columns: Columns, noise: float, allowed: Allowed) -> tuple[Key, ...]:
    keys, n = tuple(columns), len(y)
    x = np.column_stack([column / max(1e-9, float(np.linalg.norm(column))) for column in columns.values()])
    products, projected = x.T @ x, x.T @ y
    best: tuple[Key, ...] = ()
    least = n * log(float(y @ y) / n + noise**2)
    for k, sets in enumerate(_sums(keys, min(MOST_TERMS, n // 3), allowed), 1):
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


def _left(columns: Columns, keys: Sequence[Key], y: Floats) -> Floats:
    """What these leave unexplained."""
    if not keys:
        return y
    x = np.column_stack([columns[key] for key in keys])
    return np.asarray(y - x @ np.linalg.lstsq(x, y, rcond=None)[0])


def _is_taken_back(left: Floats) -> bool:
    return float(left[1:] @ left[:-1]) < TAKEN_BACK * float(left @ left)


def _estimate(x: Floats, y: Floats, index: int, noise: float) -> tuple[float, float]:
    """The coefficient of a column, and how far its interval reaches to both sides."""
    from scipy import stats  # noqa: PLC0415 - half a second, for this alone

    coefficients = np.linalg.lstsq(x, y, rcond=None)[0]
    left, free = y - x @ coefficients, len(y) - x.shape[1]
    variance = max(noise**2, float(left @ left) / free)
    error = float(np.sqrt(np.linalg.pinv(x.T @ x)[index, index] * variance))
    reach = float(stats.t.ppf((1 + CONFIDENCE) / 2, free)) * error
    return float(coefficients[index]), reach


def _level(grown: Floats) -> Floats:
    """What has come together since the start, around its mean."""
    total = np.cumsum(grown)
    return np.asarray(total - total.mean())

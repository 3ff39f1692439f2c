"""Growth per session of one metric, and whether it is steady: arrays in, one number out."""

from __future__ import annotations

from typing import Final

import numpy as np

from ..formulas import Floats
from .look_schedule import first_of_tail

MAX_STEADY_SHARE: Final = 0.6
"""Share of all growth that one rise may make up where growth is steady."""
MIN_MEAN_SHARE: Final = 0.3
"""Share of the mean rate that each third must exceed, and each of the last three rises."""
_STEADY_RISES: Final = 3
"""Rises that tell whether growth is steady."""


def steady_growth(t: Floats, x: Floats) -> bool:
    """Whether growth since the first sample is spread over the run: the rule of the budget stop.

    At least three samples after the first; each of the last three rose by more than 0.3 of the mean
    rate since the first; and no single rise makes up more than 60 % of all growth.
    """
    rises = np.diff(x)
    growth = float(x[-1] - x[0])
    if len(rises) < _STEADY_RISES or growth <= 0:
        return False
    rates = rises[-_STEADY_RISES:] / np.diff(t)[-_STEADY_RISES:]
    mean = growth / (t[-1] - t[0])
    is_spread = rises.max() <= MAX_STEADY_SHARE * growth
    return bool(np.all(rates > MIN_MEAN_SHARE * mean) and is_spread)


def tail_rate(t: Floats, x: Floats, first: int | None = None) -> float:
    """Growth per session between sample number `first` and the last; as a rule over the half
    that a look keeps.
    """
    start = min(len(x) - 2, first_of_tail(len(x) - 1)) if first is None else first
    return float((x[-1] - x[start]) / (t[-1] - t[start]))


def remaining_rate(t: Floats, x: Floats, idle: float, since: float = 0.0) -> float:
    """Growth per session over the tail that is still there after idling, where the metric then read
    `idle`.

    What the wait released was held when the tail began, too: in proportion to the sessions done by
    then, as a release that is late by more than the run lasts would have it. Without that share a
    leak behind a late release would look released; where the release is faster, the tail does not
    grow in every third to begin with.

    Args:
        t: cumulative sessions.
        x: the metric at each.
        idle: what it was after the wait.
        since: sessions at the wait before this one: what was held by then is gone already.
    """
    start = min(len(x) - 2, first_of_tail(len(x) - 1))
    released = max(0.0, float(x[-1]) - idle)
    begun = max(since, float(t[0]))
    held_before = released * max(0.0, float(t[start]) - begun) / max(1.0, float(t[-1]) - begun)
    return (idle - float(x[start]) + held_before) / float(t[-1] - t[start])

"""Saw-teeth that are not whole: what rises and falls, and is level from fall to fall."""

from __future__ import annotations

from typing import Final

import numpy as np

from ..formulas import Floats

WARM_UP_SHARE: Final = 0.25
"""Share of the run in which a fall may be of the warm-up."""


def growth_between_falls(t: Floats, x: Floats, smallest: float) -> float | None:
    """Growth per session from what the first fall after the warm-up has left to what the last one
    of the run has.

    Args:
        t: cumulative sessions.
        x: the metric at each.
        smallest: a smaller fall is noise.

    Returns:
        None where there are fewer than two such falls.
    """
    warm_up = t < WARM_UP_SHARE * t[-1]
    falling = (np.diff(x) < -smallest) & ~warm_up[1:]
    # Of a fall that takes several samples, the last one.
    ends = np.flatnonzero(falling & ~np.append(falling[1:], False)) + 1
    if len(ends) < 2:
        return None
    return float((x[ends[-1]] - x[ends[0]]) / (t[ends[-1]] - t[ends[0]]))

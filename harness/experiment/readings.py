"""Readings of several moments in one: the lowest of each metric, and the highest."""

from __future__ import annotations

from collections.abc import Sequence

from ..record.metrics import FALLING
from ..record.record import Values


def lowest_readings(before: Values, now: Values) -> Values:
    """The lower of each two readings, once one has fallen; the very readings of before where none
    has.

    So a fall that is too slow to be seen from one reading to the next adds up.
    """
    if not any(
        now[name] < 0.99 * before[name] - 0.5 for name in FALLING if name in before and name in now
    ):
        return before
    return {**before, **{name: min(x, before.get(name, x)) for name, x in now.items()}}


def peaks_of(readings: Sequence[Values]) -> Values:
    """The highest of each metric."""
    peaks: Values = {}
    for reading in readings:
        for name, value in reading.items():
            peaks[name] = max(value, peaks.get(name, value))
    return peaks

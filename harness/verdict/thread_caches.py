"""Caches of malloc: glibc counts what each thread has freed and keeps as in use.

A cache fills fast at first and ever more slowly, and then it is full. Growth that the caches of all
threads can hold is no leak yet, unless it goes on as it began
(docs/verdict.md#caches-of-malloc-in-threads).
"""

from __future__ import annotations

from dataclasses import dataclass
from statistics import median
from typing import Final

import numpy as np

from ..record.metrics import names
from ..record.record import RunRecord, Series
from .evidence import Evidence
from .growth_rates import tail_rate
from .kinds import LARGE_BLOCKS, PYTHON_OBJECTS, WARM_FROM_SESSIONS
from .situation import Situation
from .suspects import suspects

MIN_SESSIONS_PER_THREAD: Final = 10
"""Sessions for each thread, before which even a cache that fills may not have slowed down."""
MIN_STEADY_SHARE: Final = 0.75
"""Share of its first rate that steady growth still has. Caches of real servers fell to 0.12 to
0.56 of it by then (docs/verdict.md#caches-of-malloc-in-threads).
"""
MIN_EVEN_SHARE: Final = 0.6
"""Share of the median rise that nine of ten rises reach, where each session leaks. A cache rises
where its thread needs more chunks of one size than ever before, which is a matter of chance.
"""
_RARE: Final = 0.1
"""Share of the rises that may be less."""
_RECENT_SAMPLES: Final = 5
"""A thread that is about to end must not count: the median of so many samples."""


@dataclass(frozen=True, slots=True)
class ThreadCaches:
    """What the caches of the server's threads can hold, and how malloc in use has grown."""

    max_bytes: float
    """The most that they can hold. There is more than one thread."""
    grown_bytes: float
    """Of malloc in use, since the first sessions."""
    steady_share: float
    """Growth per session in the second half of that, over growth per session in the first."""
    even_share: float
    """What nine of ten rises of the second half reach, over their median."""
    sessions_per_thread: float

    @classmethod
    def of(cls, record: RunRecord) -> ThreadCaches | None:
        """Read them off the record; None where the server has one thread, or it is not known."""
        caches = [
            rest.values[names.MALLOC_CACHES]
            for rest in record.rests[-_RECENT_SAMPLES:]
            if names.MALLOC_CACHES in rest.values
        ]
        series = record.series(names.MALLOC_IN_USE)
        if not caches or len(series.x) < 2 or series.t[-1] <= WARM_FROM_SESSIONS:
            return None
        max_bytes = median(caches)
        if max_bytes <= 0:
            return None
        middle = (WARM_FROM_SESSIONS + series.t[-1]) / 2
        begun, halfway = np.interp([WARM_FROM_SESSIONS, middle], series.t, series.x)
        first, second = float(halfway - begun), float(series.x[-1] - halfway)
        threads = record.rests[-1].values.get(names.THREADS, np.inf)
        return cls(
            max_bytes=max_bytes,
            grown_bytes=first + second,
            steady_share=second / first if first > 0 else 1.0,
            even_share=_even_share(series, middle),
            sessions_per_thread=record.rests[-1].sessions / threads,
        )

    @property
    def is_steady(self) -> bool:
        """Whether growth goes on as it began, by as much each time, where a cache would have
        slowed down.
        """
        is_long = self.sessions_per_thread >= MIN_SESSIONS_PER_THREAD
        is_even = self.even_share >= MIN_EVEN_SHARE
        return is_long and is_even and self.steady_share >= MIN_STEADY_SHARE

    @property
    def may_hold_growth(self) -> bool:
        """Whether all of the growth may be in the caches."""
        return self.grown_bytes <= self.max_bytes and not self.is_steady


def _even_share(series: Series, since: float) -> float:
    late = series.t >= since
    if late.sum() < 2:
        return 0.0
    rises = np.diff(series.x[late]) / np.diff(series.t[late])
    usual = float(np.median(rises))
    return float(np.quantile(rises, _RARE)) / usual if usual > 0 else 0.0


def is_growing_in_python(situation: Situation, blocks: Evidence | None) -> bool:
    """Whether objects, blocks or containers grow as well: caches of malloc explain none of it.

    Args:
        situation: where the run is.
        blocks: how the number of Python's memory blocks stands.
    """
    objects = situation.record.series(names.TRACKED_OBJECTS)
    objects_per_session = tail_rate(objects.t, objects.x) if len(objects.x) > 1 else 0.0
    blocks_per_session = 0.0 if blocks is None or blocks.rate is None else blocks.rate
    return (
        objects_per_session >= PYTHON_OBJECTS
        or blocks_per_session >= LARGE_BLOCKS
        or bool(suspects(situation.record))
    )

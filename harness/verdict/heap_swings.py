"""Free memory of the heap that comes and goes: in a server with threads it moves RSS and USS by
hundreds of KiB both ways, while what is in use is level.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import numpy as np

from ..record.metrics import METRICS, names
from .evidence import Evidence
from .growth_engine import follow
from .kinds import is_fragmentation
from .outcome import Status
from .page_reuse import tail_growths
from .situation import Situation

_NEEDED: Final = frozenset({names.MALLOC_SYSTEM, names.MALLOC_IN_USE})


def _is_level_without_free_heap(situation: Situation, growth: Evidence) -> bool:
    """Whether a metric, less the free memory of the heap, is flat. It must itself not rise by more
    than its limit in either of the latest two looks, or the heap must account for half of that.

    The second is asked because free memory may be pages that the system has back already: growth
    of those would hide as much growth of something else.
    """
    rests = [
        rest for rest in situation.record.rests if rest.values.keys() >= {*_NEEDED, growth.metric}
    ]
    looks = growth.trend.looks[-2:]
    if len(rests) < 2 or len(looks) < 2:
        return False
    is_fragmented = is_fragmentation(*tail_growths(situation))
    if not is_fragmented and any(seen.rate > growth.limit for seen in looks):
        return False
    t = np.array([rest.sessions for rest in rests], dtype=np.float64)
    rows = [
        [rest.values[name] for name in (growth.metric, names.MALLOC_SYSTEM, names.MALLOC_IN_USE)]
        for rest in rests
    ]
    held, system, in_use = np.array(rows, dtype=np.float64).T
    quantum = METRICS[growth.metric].quantum
    trend = follow(t, held - (system - in_use), growth.limit, quantum, final=situation.final)
    return trend.status is Status.FLAT


def level_without_free_heap(
    situation: Situation, bytes_by: Mapping[str, Evidence]
) -> frozenset[str]:
    """Of what is open: the names that are flat but for the free memory of the heap. It follows a
    series once more, after the guard alone.
    """
    malloc = bytes_by.get("malloc")
    if malloc is None or not malloc.standing.not_growing:
        return frozenset()
    if situation.sessions < situation.full_guard:
        return frozenset()
    return frozenset(
        by
        for by, growth in bytes_by.items()
        if growth.standing.open and _is_level_without_free_heap(situation, growth)
    )

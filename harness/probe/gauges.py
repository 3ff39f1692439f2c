"""The numbers that the probe reads: one function each. A new one is a line in this table and one
in the metrics.
"""

from __future__ import annotations

import sys
from collections.abc import Callable

from . import heap, loops, malloc, own_threads, tasks

Gauge = Callable[[], int]


def python_threads() -> int:
    """Threads that Python knows, the probe's own left out."""
    return len(own_threads.living())


def tracked_objects() -> int:
    """Objects that the collector tracks, but for what cancelled timers leave for a while."""
    return heap.count() - tasks.objects_of_cancelled_timers()


def _table() -> dict[str, Gauge]:
    """What can be read in this process, in the order of reading: what the others disturb comes
    first.
    """
    table: dict[str, Gauge] = {}
    if malloc.can_be_read():
        table.update(malloc_in_use=malloc.in_use, malloc_system=malloc.system)
    if getattr(sys, "getallocatedblocks", int)():  # 0 where Python's own allocator is switched off
        table.update(blocks=sys.getallocatedblocks)
    table.update(
        gc_objects=tracked_objects, tasks=loops.pending_tasks, python_threads=python_threads
    )
    table.update(
        timers=loops.timers,
        left_tasks=tasks.left_by_closed,
        leaving_sessions=tasks.leaving_sessions,
    )
    return table


GAUGES = _table()


def read() -> dict[str, int]:
    """All gauges, read one after the other before anything else is made of them."""
    return {name: gauge() for name, gauge in GAUGES.items()}

"""Objects that the collector tracks, but for what cancelled timers leave for a while."""

from __future__ import annotations

from . import Entry, Reader

METRIC: Entry = {
    "name": "gc_objects",
    "unit": "count",
    "meaning": "objects that the collector tracks, without cancelled timers",
    "label": "tracked objects",
    "label_zh": "对象",
    "order": 10,
    "chart": "counters",
    "falls_while_waiting": True,
    "gate": {
        "gate": "objects",
        "policy_limit": "object_limit",
        "order": 20,
        "explained_by": (
            "task",
            "child-process",
            "thread",
            "descriptor",
            "garbage",
            "container",
            "object",
        ),
    },
    "blame": {"limit": 0.02, "order": 5},
    "counted_as": "objects",
}


def reader() -> Reader:
    """Give what counts the objects of the heap."""
    from .. import heap, tasks

    def tracked_objects() -> int:
        return heap.count() - tasks.objects_of_cancelled_timers()

    return tracked_objects

"""Pending asyncio tasks of all loops."""

from __future__ import annotations

from . import Entry, Reader

METRIC: Entry = {
    "name": "tasks",
    "unit": "count",
    "meaning": "pending asyncio tasks of all loops",
    "label": "tasks",
    "label_zh": "任务",
    "order": 11,
    "chart": "counters",
    "falls_while_waiting": True,
    "guard_sessions": 40,  # caches hold no pending tasks
    "gate": {"gate": "tasks", "order": 30, "explained_by": ("task",)},
    "blame": {"limit": 0.02, "order": 1, "is_exact": True},
}


def reader() -> Reader:
    """Counts the tasks of each loop."""
    from .. import loops

    return loops.pending_tasks

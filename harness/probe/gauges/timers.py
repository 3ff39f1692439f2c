"""Timers of the event loops that are still to fire."""

from __future__ import annotations

from . import Entry, Reader

METRIC: Entry = {
    "name": "timers",
    "unit": "count",
    "meaning": "timers of the event loops that are still to fire",
    "label": "timers",
    "label_zh": "定时器",
    "order": 21,
    "chart": "none",
}


def reader() -> Reader:
    """Counts those of each loop."""
    from .. import loops

    return loops.timers

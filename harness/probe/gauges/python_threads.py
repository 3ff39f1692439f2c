"""Threads that Python knows, the probe's own left out."""

from __future__ import annotations

from . import Entry, Reader

METRIC: Entry = {
    "name": "python_threads",
    "unit": "count",
    "meaning": "threads that Python knows, the probe's own left out",
    "label": "Python threads",
    "label_zh": "Python 线程",
    "order": 20,
    "chart": "none",
}


def reader() -> Reader:
    """Give what counts Python's threads."""
    from .. import own_threads

    def living_threads() -> int:
        return len(own_threads.living())

    return living_threads

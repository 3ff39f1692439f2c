"""Sessions that are closed and have left pending tasks."""

from __future__ import annotations

from . import Entry, Reader

METRIC: Entry = {
    "name": "leaving_sessions",
    "unit": "count",
    "meaning": "sessions that are closed and have left pending tasks",
    "label": "closed sessions with tasks",
    "label_zh": "仍有任务的已关闭会话",
    "order": 23,
    "chart": "none",
}


def reader() -> Reader:
    """Give what counts closed sessions that left tasks."""
    from .. import tasks

    return tasks.leaving_sessions

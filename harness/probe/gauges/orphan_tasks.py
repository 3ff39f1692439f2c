"""Pending tasks of sessions that are closed."""

from __future__ import annotations

from . import Entry, Reader

METRIC: Entry = {
    "name": "left_tasks",
    "unit": "count",
    "meaning": "pending asyncio tasks of sessions that are closed",
    "label": "tasks of closed sessions",
    "label_zh": "已关闭会话的任务",
    "order": 22,
    "chart": "none",
    "falls_while_waiting": True,
}


def reader() -> Reader:
    """Give what counts tasks of closed sessions."""
    from .. import tasks

    return tasks.left_by_closed

"""Pending tasks of asyncio."""

from __future__ import annotations

from typing import Final

from harness.verdict.counting import counter_entry

GATE: Final = counter_entry("tasks", "tasks", 30, "tasks", frozenset(("task",)))

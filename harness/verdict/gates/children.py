"""Processes below the one that was started."""

from __future__ import annotations

from typing import Final

from harness.verdict.counting import counter_entry

GATE: Final = counter_entry(
    "children", "children", 60, "child processes", frozenset(("child-process",))
)

"""Threads of all processes of the server."""

from __future__ import annotations

from typing import Final

from harness.verdict.counting import counter_entry

GATE: Final = counter_entry("threads", "threads", 40, "threads", frozenset(("thread",)))

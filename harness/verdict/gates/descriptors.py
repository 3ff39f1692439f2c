"""Open file descriptors of all processes of the server."""

from __future__ import annotations

from typing import Final

from harness.verdict.counting import counter_entry

GATE: Final = counter_entry(
    "descriptors", "descriptors", 50, "file descriptors", frozenset(("descriptor",))
)

"""Objects that Python's collector tracks."""

from __future__ import annotations

from typing import Final

from harness.verdict.counting import counter_entry
from harness.verdict.outcome import KINDS_IN_PYTHON

GATE: Final = counter_entry("objects", "gc_objects", 20, "tracked objects", KINDS_IN_PYTHON)

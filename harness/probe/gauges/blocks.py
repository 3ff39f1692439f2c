"""Blocks of Python's own allocator: objects of 512 bytes or less."""

from __future__ import annotations

import sys

from . import Entry, Reader

METRIC: Entry = {
    "name": "blocks",
    "unit": "count",
    "meaning": "sys.getallocatedblocks()",
    "label": "memory blocks",
    "label_zh": "内存块",
    "quantum": 1,
    "order": 6,
    "chart": "none",
    "blame": {"limit": 1.5, "noise": 1.0, "order": 8, "is_last_resort": True},
}


def reader() -> Reader:
    """None where Python's own allocator is switched off: then it counts 0 blocks."""
    count: Reader = getattr(sys, "getallocatedblocks", None)
    return count if count is not None and count() else None

"""Bytes that the server holds of malloc. Exact, and untouched by pages that are free."""

from __future__ import annotations

from . import Entry, Reader

METRIC: Entry = {
    "name": "malloc_in_use",
    "unit": "bytes",
    "meaning": "mallinfo2: uordblks + hblkhd, what is in use of malloc's heaps",
    "label": "malloc in use",
    "label_zh": "malloc 使用量",
    "quantum": 16,
    "order": 4,
    "chart": "memory",
    "falls_while_waiting": True,
    "decides_memory": True,
    "blame": {"limit": 512.0, "noise": 512.0, "order": 6},
}


def reader() -> Reader:
    """None where this libc has no mallinfo2."""
    from .. import malloc

    return malloc.in_use if malloc.can_be_read() else None

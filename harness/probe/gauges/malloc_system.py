"""Bytes that malloc holds of the system, in use or free."""

from __future__ import annotations

from . import Entry, Reader

METRIC: Entry = {
    "name": "malloc_system",
    "unit": "bytes",
    "meaning": "mallinfo2: arena + hblkhd, what malloc holds of the system",
    "label": "malloc from the system",
    "label_zh": "malloc 向系统申请量",
    "order": 5,
    "chart": "none",
}


def reader() -> Reader:
    """None where this libc has no mallinfo2."""
    from .. import malloc

    return malloc.system if malloc.can_be_read() else None

"""Bytes that malloc may keep in the caches of the server's threads. It counts them as in use."""

from __future__ import annotations

from . import Entry, Reader

METRIC: Entry = {
    "name": "malloc_caches",
    "unit": "bytes",
    "meaning": "the most that malloc's caches of the server's threads can hold, 0 with one thread",
    "label": "malloc's thread caches, at most",
    "label_zh": "malloc 线程缓存上限",
    "order": 21,
    "chart": "none",
}


def reader() -> Reader:
    """None where this libc has no mallinfo2."""
    from .. import malloc, own_threads

    if not malloc.can_be_read():
        return None
    each = own_threads.run(malloc.thread_cache_bytes)

    def caches() -> int:
        threads = own_threads.count_of_server()
        return threads * each if threads > 1 else 0

    return caches

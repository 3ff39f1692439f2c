"""glibc's malloc, through ctypes; on any other allocator there is nothing to read."""

from __future__ import annotations

import os
from typing import Any

try:
    import ctypes
except ImportError:  # a Python built without libffi
    ctypes = None  # type: ignore[assignment]

_FIELDS = (
    "arena",
    "ordblks",
    "smblks",
    "hblks",
    "hblkhd",
    "usmblks",
    "fsmblks",
    "uordblks",
    "fordblks",
    "keepcost",
)
_BELOW_MMAP_THRESHOLD = 100_000
_CACHED_SIZES = range(24, 1032 + 1, 16)
"""What the 64 bins of a thread's cache hold, as asked for by malloc's caller."""
_CACHED_EACH = 7
_MAX_CACHED_EACH = 128
"""More than any release of glibc keeps of one size."""
_CHUNK_HEADER = 8
_MAX_FREED = 64 * 1024 * 1024
"""What one heap of a thread can hold."""
_PAGE = os.sysconf("SC_PAGE_SIZE")
_MADV_DONTNEED = 4


def _load_libc() -> Any:
    try:
        return ctypes.CDLL(None) if ctypes else None
    except OSError:  # an interpreter linked statically
        return None


def _load_mallinfo2() -> Any:
    """The function, or None: before glibc 2.33, on musl, or with another allocator in its place."""
    mallinfo2 = getattr(_libc, "mallinfo2", None)
    if mallinfo2 is None:
        return None

    class Mallinfo2(ctypes.Structure):
        _fields_ = [  # noqa: RUF012 - what ctypes wants
            (name, ctypes.c_size_t) for name in _FIELDS
        ]

    mallinfo2.restype = Mallinfo2
    return mallinfo2 if any(_counts_what_is_allocated(mallinfo2) for _ in range(3)) else None


def _counts_what_is_allocated(mallinfo2: Any) -> bool:
    """With jemalloc or tcmalloc preloaded glibc's figures are there, and say nothing."""
    _libc.malloc.restype, _libc.malloc.argtypes = ctypes.c_void_p, (ctypes.c_size_t,)
    _libc.free.restype, _libc.free.argtypes = None, (ctypes.c_void_p,)
    before = mallinfo2().uordblks
    block = _libc.malloc(_BELOW_MMAP_THRESHOLD)
    after = mallinfo2().uordblks
    _libc.free(block)
    return bool(after - before >= _BELOW_MMAP_THRESHOLD // 2)


_libc = _load_libc()
_mallinfo2 = _load_mallinfo2()


def can_be_read() -> bool:
    """Whether `in_use` and `system` mean anything here."""
    return _mallinfo2 is not None


def in_use() -> int:
    """Bytes handed out: in all arenas (uordblks) and in blocks mapped one by one (hblkhd)."""
    info = _mallinfo2()
    return int(info.uordblks + info.hblkhd)


def system() -> int:
    """Bytes that malloc holds of the system, free ones included."""
    info = _mallinfo2()
    return int(info.arena + info.hblkhd)


def fill_thread_cache() -> None:
    """Fill this thread's cache of freed chunks to its brim.

    mallinfo2 counts those chunks as in use. Left alone the cache fills over some hundred sessions,
    which looks like a leak of 1 KiB a session; filled before each reading it adds the same every
    time.
    """
    if _mallinfo2 is not None:
        for chunk in [_libc.malloc(size) for size in _CACHED_SIZES for _ in range(_CACHED_EACH)]:
            _libc.free(chunk)


def thread_cache_bytes() -> int:
    """The most that the cache of one thread can hold: all of its bins, each filled as this thread
    fills the largest one. How many chunks that takes depends on glibc's release and its tunables.
    """
    largest = _CACHED_SIZES[-1]
    chunks = [_libc.malloc(largest) for _ in range(_MAX_CACHED_EACH)]
    before = in_use()
    for chunk in chunks:
        _libc.free(chunk)
    freed = (before - in_use()) / (largest + _CHUNK_HEADER)
    cached = min(_MAX_CACHED_EACH, max(0, _MAX_CACHED_EACH - round(freed)))
    return cached * sum(size + _CHUNK_HEADER for size in _CACHED_SIZES)


def empty_thread_heap() -> None:
    """Give back the pages of what this thread has freed: trimming leaves the top of a thread's own
    heap as it is.

    As much as is free is asked for, in blocks that come from the heap, and their pages are given
    back through them.
    """
    if _mallinfo2 is None or not hasattr(_libc, "madvise"):
        return
    _libc.madvise.argtypes = (ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int)
    free = min(int(_mallinfo2().fordblks), _MAX_FREED)
    blocks = [_libc.malloc(_BELOW_MMAP_THRESHOLD) for _ in range(free // _BELOW_MMAP_THRESHOLD)]
    for block in filter(None, blocks):
        first = -(-block // _PAGE) * _PAGE
        _libc.madvise(
            first, (block + _BELOW_MMAP_THRESHOLD) // _PAGE * _PAGE - first, _MADV_DONTNEED
        )
    for block in blocks:
        _libc.free(block)


def trim() -> bool:
    """Give free pages back to the system; False where malloc cannot."""
    malloc_trim = getattr(_libc, "malloc_trim", None)
    if malloc_trim is None:
        return False
    malloc_trim(0)
    return True

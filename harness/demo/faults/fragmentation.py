"""Small blocks that stay keep the pages between them: the heap grows, what is in use does not."""

from __future__ import annotations

import ctypes
import itertools
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from ..chat_server.hooks import Hooks, Page

SPEC: Final[dict[str, Any]] = {
    "name": "fragmentation",
    "description": "pages are kept by small blocks in them: RSS grows, memory in use by 256 "
    "bytes a page",
    "innocent": True,
    "scenario": "plain-chat",
    "options": ["--agent-size", "1MiB"],
    "verdict": "flat",
    "kind": "fragmentation",
    "gate": "memory",
}

FIRST_BYTES: Final = 1_200
STEP_BYTES: Final = 16
"""Each page's blocks are larger than all holes that the ones before have left, and smaller than
a page of memory.
"""
BLOCKS: Final = 8
PIN_BYTES: Final = 24
_numbers = itertools.count()
_libc = ctypes.CDLL(None)
_libc.malloc.restype = _libc.realloc.restype = ctypes.c_void_p
_libc.malloc.argtypes = (ctypes.c_size_t,)
_libc.realloc.argtypes = (ctypes.c_void_p, ctypes.c_size_t)
_libc.memset.argtypes = (ctypes.c_void_p, ctypes.c_int, ctypes.c_size_t)


def install(hooks: Hooks) -> None:
    """Leave holes with each page."""
    hooks.session_opened.append(_leave_holes)


def _leave_holes(_: Page) -> None:
    size = FIRST_BYTES + STEP_BYTES * next(_numbers)
    blocks = [_libc.malloc(size) for _number in range(BLOCKS)]
    for block in blocks:
        _libc.memset(block, 1, size)
    for block in blocks:
        _libc.realloc(
            block, PIN_BYTES
        )  # in place: a pin of its own would come from the thread's cache, far away

"""Bringing the heap to rest: collect, let the loops finish what was closed, collect again, give
free memory back.
"""

from __future__ import annotations

import gc
from time import monotonic

from . import malloc
from .loop_thread import LoopThread
from .wire import Collection


def collect(thread: LoopThread) -> Collection:
    """Collect twice with turns of the loops between, then trim.

    One collection is not enough: generators and tools that close themselves are finished by tasks
    that run after it. What the server has frozen stays frozen, and a collector that it has switched
    off stays off.
    """
    began = monotonic()
    first = thread.run(gc.collect)
    thread.take_turns()
    second = thread.run(gc.collect)
    thread.run(malloc.fill_thread_cache)
    trimmed = thread.run(malloc.trim)
    return Collection(
        found=[first, second],
        took_s=monotonic() - began,
        loop_answered=thread.answered,
        trimmed=trimmed,
    )

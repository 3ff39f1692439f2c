"""The list of all tracked objects, held and let go without a trace in malloc."""

from __future__ import annotations

import gc
from collections.abc import Container, Iterator
from itertools import compress
from time import sleep
from typing import Any

# A slice of so many pointers stays well below the size from which malloc maps a block of its own.
_SLICE = 4096


def count() -> int:
    """How many objects the collector tracks, frozen ones left out."""
    objects = gc.get_objects()
    number = len(objects)
    _let_go(objects)
    return number


def instances(types: Container[type]) -> list[Any]:
    """All tracked objects whose exact type is among `types`.

    Only types are looked at: asking an object for its class would run the code of lazy proxies.
    """
    objects = gc.get_objects()
    found = list(compress(objects, map(types.__contains__, map(type, objects))))
    _let_go(objects)
    return found


def slices() -> Iterator[list[Any]]:
    """All tracked objects, a slice at a time; between slices the server's threads get their turns."""
    objects = gc.get_objects()
    try:
        for start in range(0, len(objects), _SLICE):
            yield objects[start : start + _SLICE]
            sleep(0)
    finally:
        _let_go(objects)


def _let_go(objects: list[Any]) -> None:
    """Shrink the list before it is freed.

    Freeing a large mapped block raises glibc's threshold for mapping: megabytes of list would stay resident after the
    reading, and the server's own large buffers would come from the heap for ever after.
    """
    while objects:
        del objects[-_SLICE:]

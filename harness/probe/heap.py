"""The list of all tracked objects, held and let go without a trace in malloc."""

from __future__ import annotations

import gc
from collections.abc import Container, Iterator, MutableSequence
from itertools import compress
from types import ModuleType
from typing import Any

from . import looking, own_threads

# A slice of so many pointers stays well below the size from which malloc maps a block of its own.
_SLICE = 4096
_PARTS = 2048
PARTS_MASK = _PARTS - 1


class ById:
    """A mapping from the identities of millions of objects, in many small dicts.

    The table of one dict of a million takes 80 MiB. Freed, it leaves the threads' heaps up to 64
    MiB larger than what is used of them, which no trimming takes back.
    """

    def __init__(self) -> None:
        self.parts: list[dict[int, Any]] = [{} for _ in range(_PARTS)]

    def part(self, number: int) -> dict[int, Any]:
        """The dict that has, or is to have, what belongs to an identity."""
        return self.parts[number >> 4 & PARTS_MASK]


def count() -> int:
    """How many objects the collector tracks, frozen ones left out."""
    objects = gc.get_objects()
    number = len(objects)
    let_go(objects)
    return number


def instances(types: Container[int]) -> list[Any]:
    """All tracked objects whose exact type is among `types`, which are identities.

    Only types are looked at: asking an object for its class would run the code of lazy proxies.
    """
    objects = gc.get_objects()
    matching = list(compress(objects, map(types.__contains__, map(id, map(type, objects)))))
    let_go(objects)
    return matching


def slices() -> Iterator[list[Any]]:
    """All tracked objects, the newest first, a slice at a time; between slices the server's
    threads get their turns.

    The generator that has them is made later than the list, so that it is not among them: what it
    holds would look like a container of the server.
    """
    return _slices(gc.get_objects())


def _slices(objects: list[Any]) -> Iterator[list[Any]]:
    try:
        for end in range(len(objects), 0, -_SLICE):
            yield objects[max(0, end - _SLICE) : end][::-1]
            own_threads.pause(0)
    finally:
        let_go(objects)


def referents(item: object) -> list[Any]:
    """What an object refers to; of a module its globals alone.

    A module in C may show the collector what it keeps for later use. `_asyncio` shows its freed
    iterators (CPython before 3.12.6, gh-122695): who holds one for a moment frees it twice, and the
    next collection never ends.
    """
    if issubclass(type(item), ModuleType):
        return [looking.module_globals(item)]
    return gc.get_referents(item)


def module_dicts() -> set[int]:
    """Identities of the globals of all modules."""
    return {
        id(values) for _, module in looking.modules() if (values := looking.module_globals(module))
    }


def let_go(objects: MutableSequence[Any]) -> None:
    """Shrink the list before it is freed.

    Freeing a large mapped block raises glibc's threshold for mapping: megabytes of list would stay
    resident after the reading, and the server's own large buffers would come from the heap for ever
    after.
    """
    while objects:
        del objects[-_SLICE:]

"""What the heap holds: tracked objects by type, and how long each container is."""

from __future__ import annotations

import gc
import sys
from collections import Counter, OrderedDict, deque
from types import FunctionType, ModuleType
from typing import Any

from . import heap

CONTAINERS = (dict, list, set, deque, OrderedDict, bytearray)
MOST_TYPES = 2_000
MOST_OF_AN_ENTRY = 200
"""Objects of one entry that are looked at."""


def types() -> dict[str, int]:
    """Tracked objects by qualified type, the most frequent ones."""
    counts: Counter[type] = Counter()
    heap.each(lambda one: counts.update((type(one),)))
    named: Counter[str] = Counter()
    for kind, count in counts.items():
        named[f"{kind.__module__}.{kind.__qualname__}"] += count
    return dict(named.most_common(MOST_TYPES))


def lengths() -> dict[int, int]:
    """Length of every container that is not empty, by identity; those without a bound only.

    The collector does not track dicts of plain values, nor bytearrays: they are reached through what refers to them.
    """
    found: dict[int, int] = {}

    def look(one: Any) -> None:
        if type(one) in _KINDS:
            _note(one, found)
        for referred in gc.get_referents(one):
            if type(referred) in _KINDS and not gc.is_tracked(referred):
                _note(referred, found)

    heap.each(look)
    return found


def bounded() -> list[dict[str, Any]]:
    """Containers with a bound that are not full: `id`, `kind`, `length`, `bound`, and what their newest entry takes.

    `entry_bytes` and `entry_objects` (tracked ones) are those of all that the entry leads to, up to a limit.
    """
    found: list[dict[str, Any]] = []
    cached = getattr(sys.modules.get("functools"), "_lru_cache_wrapper", None)

    def look(one: Any) -> None:
        kind = type(one)
        if kind is deque and one.maxlen is not None and 0 < len(one) < one.maxlen:
            found.append(_bounded(one, "deque", len(one), one.maxlen, one[-1]))
        elif kind is cached:
            _, _, bound, length = one.cache_info()
            if bound is not None and 0 < length < bound:
                found.append(_bounded(one, f"lru_cache {one.__qualname__}", length, bound, _newest(one)))

    heap.each(look)
    return found


def _bounded(one: Any, kind: str, length: int, bound: int, entry: Any) -> dict[str, Any]:
    size, objects = _held(entry)
    return {
        "id": str(id(one)),
        "kind": kind,
        "length": length,
        "bound": bound,
        "entry_bytes": size,
        "entry_objects": objects,
    }


def _newest(cache: Any) -> Any:
    entries = next(
        (one for one in gc.get_referents(cache) if type(one) is dict and len(one) == cache.cache_info()[3]), {}
    )
    return next(reversed(list(entries.items())), None)


def _held(entry: Any) -> tuple[int, int]:
    """Bytes and tracked objects that an entry leads to; what belongs to the program as a whole is left out."""
    size = objects = 0
    seen: set[int] = set()
    waiting = [entry]
    while waiting and len(seen) < MOST_OF_AN_ENTRY:
        one = waiting.pop()
        if id(one) in seen or isinstance(one, (type, ModuleType, FunctionType)):
            continue
        seen.add(id(one))
        size += sys.getsizeof(one, 0)
        objects += gc.is_tracked(one)
        waiting += gc.get_referents(one)
    return size, objects


_KINDS = frozenset(CONTAINERS)


def _note(one: Any, found: dict[int, int]) -> None:
    if one and getattr(one, "maxlen", None) is None:
        found[id(one)] = len(one)

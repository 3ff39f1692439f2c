"""What the heap holds: tracked objects by type, and how long each container is."""

from __future__ import annotations

import gc
from collections import Counter, OrderedDict, deque
from typing import Any

from . import heap

CONTAINERS = (dict, list, set, deque, OrderedDict, bytearray)
MOST_TYPES = 2_000


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


_KINDS = frozenset(CONTAINERS)


def _note(one: Any, found: dict[int, int]) -> None:
    if one and getattr(one, "maxlen", None) is None:
        found[id(one)] = len(one)

"""Containers that have a bound, as the objects that hold them say it: a limit next to the entries.

Only types are asked, as in `looking`: the names and numbers that an object has for itself, and
those of its classes.
"""

from __future__ import annotations

import gc
import re
from collections import deque
from collections.abc import Mapping
from itertools import islice
from types import ModuleType
from typing import Any, Optional, Tuple

from . import (
    container_entries,
    container_owner,
    heap,
    looking,
    naming,
    reference_names,
    retained_size,
)
from .wire import Bounded

LIMIT_NAME = re.compile(
    r"(^|_)(max_?(size|len(gth)?|entries|items|keys|elements|count|num(ber)?|cached?|connections)"
    r"|max_?cache_?(size|entries)|capacity|cache_?size|size_?limit|limit|threshold)$",
    re.IGNORECASE,
)
"""Attributes that limit how many entries an object keeps."""
MAX_LIMIT = 1 << 40
MAX_SAMPLED = 8
"""Of the newest entries: what each takes is taken from so many."""
MAX_NODES_OF_ENTRIES = 3_000
"""Objects that these entries lead to and that are looked at, the nearest first."""


class Bounds:
    """The containers with a bound of one census.

    `told` are those that are not full, and those that are followed; `apart` are identities that
    need not be followed by their length.
    """

    def __init__(self, followed: frozenset[int]) -> None:
        self.told: list[Bounded] = []
        self.apart: set[int] = set()
        self._followed = followed
        self._in_dicts: list[Tuple[Any, Any, int]] = []
        """A dict, a container in it and that one's length: whose attributes these are comes out at
        the end.
        """
        self._unweighed: list[Tuple[Bounded, Any]] = []
        """What is told, and the container. Entries are weighed at the end: before, the list of all
        objects refers to each of them.
        """
        self._weighed: set[int] = set()

    def note_deque(self, queue: object, length: int, bound: int) -> None:
        """A deque with a length that it never exceeds."""
        if length < bound or id(queue) in self._followed:
            self._tell(queue, "deque", length, bound)

    def note_cache(self, cache: object, length: int, bound: int) -> None:
        """What `functools.lru_cache` makes; the dict in which it finds its entries is part of
        it.
        """
        self.apart.update(id(part) for part in gc.get_referents(cache) if type(part) is dict)
        if 0 < length < bound or (id(cache) in self._followed and length):
            self._tell(cache, f"lru_cache {_function_of(cache)}", length, bound)

    def note_held(self, owner: object, container: object, length: int) -> None:
        """A container that has got longer, in an object that may have a limit for it."""
        if type(owner) is dict:
            self._in_dicts.append((owner, container, length))
        else:
            self._note_with_limit(owner, container, length)

    def finish(self) -> None:
        """Look for the objects whose attributes are in the dicts that were noted, and weigh all
        entries.
        """
        modules = heap.module_dicts() if self._in_dicts else set()
        for values, container, length in self._in_dicts:
            if id(values) in modules:
                continue
            self._note_with_limit(_owner_of(values), container, length)
        self._in_dicts.clear()
        for told, container in self._unweighed:
            size, objects = self._weight(_newest(container, told["length"]))
            told["entry_bytes"], told["entry_objects"] = size, objects
        self._unweighed.clear()

    def _note_with_limit(self, owner: object, container: object, length: int) -> None:
        if id(container) in self.apart:
            return
        values = owner if type(owner) is dict else _values_of(owner)
        found = limit_of(values, length)
        if found is None:
            return
        limit, bound = found
        self.apart.add(id(container))
        told = self._tell(container, naming.type_name(type(owner)), length, bound)
        told["limit"] = limit
        told["attribute"] = next(
            (name for name, value in list(values.items()) if value is container), ""
        )
        kinds = () if type(owner) is dict else looking.mro(type(owner))
        told["classes"] = list(map(looking.qualified_name, kinds))
        told["files"] = container_owner.files_of(kinds)

    def _tell(self, container: object, kind: str, length: int, bound: int) -> Bounded:
        told: Bounded = {
            "id": str(id(container)),
            "kind": kind,
            "length": length,
            "bound": bound,
            "entry_bytes": 0,
            "entry_objects": 0,
        }
        self.told.append(told)
        self._unweighed.append((told, container))
        return told

    def _weight(self, newest: list[Tuple[Any, ...]]) -> Tuple[int, int]:
        """Bytes and tracked objects of an entry: of all that nothing but these entries keeps. What
        stands in two containers counts once.
        """
        if not newest:
            return 0, 0
        parts = {
            id(part): part
            for entry in newest
            for part in entry
            if id(part) not in self._weighed and not issubclass(type(part), (type, ModuleType))
        }
        self._weighed.update(parts)
        size, objects = retained_size.held(*parts.values(), max_nodes=MAX_NODES_OF_ENTRIES)
        return round(size / len(newest)), round(objects / len(newest))


def _owner_of(values: object) -> object:
    """The object whose attributes a dict holds; the dict itself where there is none."""
    for referrer in gc.get_referrers(values):
        if looking.own_dict(referrer) is values:
            return referrer
    return values


def limit_of(values: Mapping[str, Any], length: int) -> Optional[Tuple[str, int]]:
    """The name and number of the smallest limit among attributes that a container of that length
    has not passed; None without one.

    A share next to it, called `threshold`, is how far the limit may be passed before entries go.
    """
    named = [(name, value) for name, value in list(values.items()) if type(name) is str]
    slack = next(
        (
            value
            for name, value in named
            if type(value) is float and 0 < value <= 1 and name.lstrip("_") == "threshold"
        ),
        0.0,
    )
    limits = [
        (int(value * (1 + slack)), name)
        for name, value in named
        if type(value) is int and 0 < value < MAX_LIMIT and LIMIT_NAME.search(name)
    ]
    kept = [(bound, name) for bound, name in limits if length <= bound]
    return min((bound, name) for bound, name in kept)[::-1] if kept else None


def _values_of(owner: object) -> Mapping[str, Any]:
    """Attributes of an object, and the numbers among those of its classes."""
    numbers = {
        name: value
        for base in reversed(looking.mro(type(owner)))
        for name, value in looking.class_dict(base).items()
        if type(value) in (int, float)
    }
    return {**numbers, **looking.own_dict(owner), **reference_names.attributes_of(owner)}


def _newest(container: object, length: int) -> list[Tuple[Any, ...]]:
    is_container = any(issubclass(type(container), kind) for kind in (dict, list, set, deque))
    if is_container:
        return list(islice(container_entries.entries(container), MAX_SAMPLED))
    return [_newest_of_cache(container, length)]


def _newest_of_cache(cache: object, length: int) -> Tuple[Any, ...]:
    """Key and value: the cache shows the collector its links, the newest last, and then the dict
    that finds them.
    """
    referents = gc.get_referents(cache)
    place = 0
    for at, referent in enumerate(referents):
        if type(referent) is dict and len(referent) == length:
            place = at
            break
    links = referents[max(0, place - 3) : place]
    return tuple(link for link in links if not issubclass(type(link), type))


def _function_of(cache: object) -> str:
    """Its `__qualname__`; of what has none, such as a partial, its type."""
    values = looking.own_dict(cache)
    return looking.text(values.get("__qualname__"), "") or naming.type_name(
        type(values.get("__wrapped__"))
    )

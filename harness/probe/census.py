"""What the heap holds: tracked objects by name, how long each container is, and which of them have
a bound.

Lengths go into a file, as pairs of identity and length. A string, a tuple or a container of some
size that an object refers to also has a length by its place: the object's identity and which of its
references it is. One that is bound anew each time, and longer, is followed by that; one that has
got longer where it is needs no second name.
"""

from __future__ import annotations

import gc
from array import array
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from itertools import chain, compress
from types import BuiltinFunctionType, CodeType, FunctionType, ModuleType
from typing import Any, BinaryIO, Dict, List, Optional, Tuple

from . import bounds, heap, looking, naming, object_states, wire

MAX_NAMES = 2_000
LONG_TEXT = 256
LONG_CONTAINER = 50
LONG_TUPLE = 8
"""A tuple cannot grow where it is: only its place tells, from so many entries on."""
MAX_REFERENCES = 200
"""An object with more of them is a container itself, and no owner whose references are places."""
PLACE_BITS = 10
PLACE_MARK = 1 << 63
"""Set in the number of a place; an identity has it not."""
AT_EXIT = 1
"""Stands for what is to be called at exit, which the interpreter keeps where nobody sees it; the
id of no object.
"""
_BUFFERED_PAIRS = 4096
"""Small blocks: a large one would leave a trace in malloc, see `heap`."""
_KINDS = frozenset((dict, list, set, deque, bytearray, array))
"""Types whose objects, and those of derived types, are containers."""
_PLAIN = frozenset((dict, list, set))
"""Of these exact types most containers are; they have no bound of their own."""
_PLAIN_IDS = frozenset(map(id, _PLAIN))
_NO_OWNERS = frozenset(
    map(id, (FunctionType, CodeType, ModuleType, BuiltinFunctionType, tuple, type))
)


def take(lengths: BinaryIO, followed: Iterable[int] = ()) -> wire.HeapCensus:
    """Count the heap, and measure its containers.

    Args:
        lengths: gets a pair of 64-bit numbers for each container: its identity or place, and its
            length.
        followed: identities of containers that have grown so far, or are known to have a bound:
            whether one has is looked up, and what has is told also when it is full.
    """
    return _Census(lengths, frozenset(followed)).take()


def bases() -> looking.ByType[Any]:
    """By type, the kind of container that it is derived from; None of what is not a container."""
    return looking.ByType(_base_of)


def _base_of(kind: type) -> Any:
    """The nearest base that is a container."""
    for base in looking.mro(kind):
        if type(base) is type and base in _KINDS:
            return base
    return None


def _traits_of(
    known_bases: looking.ByType[Any], cached: object, kind: type
) -> Tuple[Callable[[Any], List[Any]], bool, bool]:
    """How the census treats an object of this type.

    Args:
        known_bases: see `bases`.
        cached: the type of what `functools.lru_cache` makes.
        kind: the type.

    Returns:
        What gives its references; whether they may be places; whether it is a container or cache
        other than a plain dict, list or set.
    """
    base = known_bases.of_type(kind)
    read: Callable[[Any], List[Any]] = gc.get_referents
    if kind is list:
        read = list
    elif issubclass(kind, ModuleType):
        read = heap.referents
    is_alone = kind is cached if base is None else id(kind) not in _PLAIN_IDS
    return read, id(kind) not in _NO_OWNERS, is_alone


class _Census:
    def __init__(self, lengths: BinaryIO, followed: frozenset[int]) -> None:
        self._file = lengths
        self._followed = followed
        self._pairs = array("Q")
        self._counts: Counter[int] = Counter()
        self._types: Dict[int, type] = {}
        self._codes: Counter[Any] = Counter()
        self._skipped = looking.Skipped()
        self._bounds = bounds.Bounds(followed)
        self._cached = looking.from_module("functools", "_lru_cache_wrapper")
        self._bases = bases()
        self._traits = looking.ByType(partial(_traits_of, self._bases, self._cached))

    def take(self) -> wire.HeapCensus:
        own = _own()
        self._go_through_heap()
        self._pair(AT_EXIT, (looking.from_module("atexit", "_ncallbacks") or int)())
        self._write()
        with self._skipped.errors():
            self._bounds.finish()
        names, labels = self._named()
        named = dict(names.most_common(MAX_NAMES))
        return {
            "names": named,
            "labels": {name: label for name, label in labels.items() if name in named},
            "bounded": self._bounds.told,
            "apart": sorted(own | self._bounds.apart),
            "skipped": dict(self._skipped.counts()),
        }

    def _go_through_heap(self) -> None:
        for objects in heap.slices():
            self._count(objects)
            self._look(objects)
            self._write()

    def _count(self, objects: list[Any]) -> None:
        """By identity of their type, which no metaclass can have its say about; what has code,
        by that.
        """
        kinds = list(map(type, objects))
        numbers = list(map(id, kinds))
        if not self._types.keys() >= set(numbers):
            self._types.update(zip(numbers, kinds))  # noqa: B905 - since 3.10
        self._counts.update(numbers)
        for item in compress(objects, map(naming.CODED.__contains__, numbers)):
            self._codes[type(item), naming.code_of(item)] += 1

    def _named(self) -> Tuple[Counter[str], dict[str, str]]:
        """What was counted, and the labels, by name."""
        names: Counter[str] = Counter()
        labels: dict[str, str] = {}
        counted: list[Tuple[Any, int]] = [(key, count) for key, count in self._codes.items()]
        counted += [
            ((self._types[number], None), count)
            for number, count in self._counts.items()
            if number not in naming.CODED
        ]
        for (kind, code), count in counted:
            try:
                name = naming.type_name(kind) if code is None else naming.name_of_code(kind, code)
                label = object_states.label_of(kind)
            except Exception as error:  # noqa: BLE001 - a type that cannot be read hides no other
                self._skipped.add(error)
                continue
            if not name.startswith(naming.OWN_OBJECTS):
                names[name] += count
                if label:
                    labels[name] = label
        return names, labels

    def _look(self, objects: list[Any]) -> None:
        """Plain containers all at once: a call for each of a million costs as much as all else."""
        plain = list(
            filter(
                None, compress(objects, map(_PLAIN_IDS.__contains__, map(id, map(type, objects))))
            )
        )
        self._pairs.extend(chain.from_iterable(zip(map(id, plain), map(len, plain))))  # noqa: B905 - since 3.10
        waiting = iter(objects)
        while True:  # begun anew after each object that cannot be read: a `try` for each is slow
            try:
                self._look_behind(waiting)
                return
            except Exception as error:  # noqa: BLE001 - an unreadable object hides no other
                self._skipped.add(error)

    def _look_behind(self, waiting: Iterator[Any]) -> None:
        """Note the lengths of containers other than plain ones, and of what each object refers to.

        The loop of the census that runs for every reference of the heap, so that calls are few.
        """
        bases, traits, followed, is_tracked = (
            self._bases,
            self._traits,
            self._followed,
            gc.is_tracked,
        )
        for owner in waiting:
            kind = type(owner)
            read, may_own, is_alone = traits[kind] if type(kind) is type else traits.of_type(kind)
            if is_alone:
                self._note_alone(owner)
            referents = read(owner)
            is_owner = may_own and len(referents) <= MAX_REFERENCES
            for index, referred in enumerate(referents):
                kind = type(referred)
                base = bases[kind] if type(kind) is type else bases.of_type(kind)
                if base is not None:
                    if not is_tracked(referred):
                        self._note(referred, base)
                    length = base.__len__(referred)
                    if id(referred) in followed:
                        self._bounds.note_held(owner, referred, length)
                    elif (
                        length >= LONG_CONTAINER
                        and is_owner
                        and (base is not deque or _maxlen(referred) is None)
                    ):
                        self._pair(place_of(owner, index), length)
                elif is_owner and (
                    ((kind is str or kind is bytes) and len(referred) >= LONG_TEXT)
                    or ((kind is tuple or kind is frozenset) and len(referred) >= LONG_TUPLE)
                ):
                    self._pair(place_of(owner, index), len(referred))

    def _note_alone(self, held: object) -> None:
        """Note a container or cache; when it cannot be read, what it refers to still counts."""
        try:
            base = self._bases.of_type(type(held))
            if base is None:
                self._note_cache(held)
                return
            self._note(held, base)
            if type(held) is not base and id(held) in self._followed:
                self._bounds.note_held(held, held, base.__len__(held))
        except Exception as error:  # noqa: BLE001 - an unreadable container hides no other
            self._skipped.add(error)

    def _pair(self, number: int, length: int) -> None:
        self._pairs.extend((number, length))
        if len(self._pairs) >= _BUFFERED_PAIRS:
            self._write()

    def _write(self) -> None:
        self._file.write(self._pairs.tobytes())
        self._pairs = array("Q")

    def _note(self, item: Any, base: Any) -> None:
        """By the length that its base knows: a derived class may have code of its own for that."""
        length = base.__len__(item)
        if not length:
            return
        bound = _maxlen(item) if base is deque else None
        if bound is None:
            self._pair(id(item), length)
        else:
            self._bounds.note_deque(item, length, bound)

    def _note_cache(self, cache: object) -> None:
        _, _, bound, length = self._cached.cache_info(cache)
        if bound is not None:
            self._bounds.note_cache(cache, length, bound)


def references(item: object) -> list[Any]:
    """What an object refers to; of a list the first entry first: its place stays when others are
    added.
    """
    return list(item) if type(item) is list else heap.referents(item)


def place_of(owner: object, index: int) -> int:
    """One number for one reference of an object."""
    return PLACE_MARK | (id(owner) << PLACE_BITS) | min(index, (1 << PLACE_BITS) - 1)


def owner_and_index(number: int) -> tuple[int, int]:
    """The identity and the index that make up such a number."""
    return (number & ~PLACE_MARK) >> PLACE_BITS, number & ((1 << PLACE_BITS) - 1)


def _own() -> set[int]:
    """Containers of the probe itself."""
    identities = set()
    for name, module in looking.modules():
        if name.partition(".")[0] == naming.OWN:
            for value in list(looking.module_globals(module).values()):
                identities |= {id(value), id(looking.attribute(value, "data"))}
    return identities


def _maxlen(item: object) -> Optional[int]:
    """As `deque` knows it: a derived class may have code of its own for that."""
    return deque.maxlen.__get__(item)  # type: ignore[no-any-return]

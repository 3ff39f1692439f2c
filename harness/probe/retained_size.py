"""Retained size: what would go if some objects went, by the counts of references alone, without
a look at the heap.
"""

from __future__ import annotations

import gc
import sys
from array import array
from collections import deque
from collections.abc import Iterator, Sequence
from types import ModuleType
from typing import Any

from . import heap, looking

MAX_NODES = 100_000


def held(*targets: object, max_nodes: int = MAX_NODES) -> tuple[int, int]:
    """Bytes of the targets and of all that only they keep alive, and how many of these objects the
    collector tracks.

    Only the first so many objects that they lead to are looked at.

    Of what they lead to, an object that has more references than come from there is kept by others,
    and so is all that such an object leads to.
    """
    nodes, inner, place = _led_to(targets, max_nodes)
    own = len(targets)
    spare = _spare_references()
    kept = bytearray(len(nodes))
    waiting = deque(
        n for n in range(own, len(nodes)) if sys.getrefcount(nodes[n]) - spare > inner[n]
    )
    for number in waiting:
        kept[number] = True
    while waiting:
        for child in heap.referents(nodes[waiting.pop()]):
            number = place.part(id(child)).get(id(child), 0)
            if number >= own and not kept[number]:
                kept[number] = True
                waiting.append(number)
    size = objects = 0
    sizes = looking.sizes()
    for number, node in enumerate(nodes):
        if not kept[number]:
            size += sizes.of_type(type(node))(node)
            objects += gc.is_tracked(node)
    heap.let_go(nodes)
    heap.let_go(inner)
    return size, objects


def _led_to(targets: Sequence[Any], max_nodes: int) -> tuple[list[Any], array[int], heap.ById]:
    """Objects from the targets on, the nearest first; how many references each has from among
    them; their places.
    """
    nodes, inner, place = (
        list(targets),
        array("L", bytes(array("L").itemsize * len(targets))),
        heap.ById(),
    )
    for number, target in enumerate(targets):
        place.part(id(target))[id(target)] = number
    outside = heap.module_dicts()
    queue = deque(targets)
    while queue:
        for child in _references(queue.popleft()):
            part = place.part(id(child))
            number = part.get(id(child), -1)
            if number >= 0:
                inner[number] += 1
            elif len(nodes) < max_nodes and id(child) not in outside:
                part[id(child)] = len(nodes)
                nodes.append(child)
                inner.append(1)
                queue.append(child)
    return nodes, inner, place


def _references(item: object) -> Iterator[Any]:
    if not issubclass(type(item), (type, ModuleType)):
        yield from gc.get_referents(item)


def _spare_references() -> int:
    """How many references a node has from the search itself: from its list, and from the call
    that counts them.
    """
    nodes = [object()]
    return sys.getrefcount(nodes[0])

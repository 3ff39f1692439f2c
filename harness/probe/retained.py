"""Retained size: what would go if some objects went, by the counts of references alone, without a look at the heap."""

from __future__ import annotations

import gc
import sys
from collections import deque
from collections.abc import Iterator, Sequence
from types import ModuleType
from typing import Any

MOST_NODES = 100_000


def size(*targets: Any) -> int:
    """Bytes of the targets and of all that only they keep alive, among the first so many objects that they lead to.

    Of what they lead to, an object that has more references than come from there is kept by others, and so is all
    that such an object leads to.
    """
    nodes, inner = _led_to(targets)
    own = len(targets)
    spare = _spare_references()
    place = {id(node): number for number, node in enumerate(nodes)}
    waiting = [number for number in range(own, len(nodes)) if sys.getrefcount(nodes[number]) - spare > inner[number]]
    kept = set(waiting)
    while waiting:
        for child in gc.get_referents(nodes[waiting.pop()]):
            number = place.get(id(child), 0)
            if number >= own and number not in kept:
                kept.add(number)
                waiting.append(number)
    return sum(sys.getsizeof(node, 0) for number, node in enumerate(nodes) if number not in kept)


def _led_to(targets: Sequence[Any]) -> tuple[list[Any], list[int]]:
    """Objects from the targets on, the nearest first, and how many references each has from among them."""
    nodes, inner, place = list(targets), [0] * len(targets), {id(one): number for number, one in enumerate(targets)}
    queue = deque(targets)
    while queue:
        for child in _references(queue.popleft()):
            number = place.get(id(child))
            if number is not None:
                inner[number] += 1
            elif len(nodes) < MOST_NODES:
                place[id(child)] = len(nodes)
                nodes.append(child)
                inner.append(1)
                queue.append(child)
    return nodes, inner


def _references(one: Any) -> Iterator[Any]:
    if not issubclass(type(one), (type, ModuleType)):
        yield from gc.get_referents(one)


def _spare_references() -> int:
    """How many references a node has from the search itself: from its list, and from the call that counts them."""
    nodes = [object()]
    return sys.getrefcount(nodes[0])

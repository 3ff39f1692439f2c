"""What is in a container, read as its nearest base in C knows it."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from itertools import islice
from typing import Any

MAX_ENTRIES = 200
"""Entries of a container in which one is looked for whose making was seen."""
MAX_OF_A_SET = 5_000


def entries(container: Any) -> Iterator[tuple[Any, ...]]:
    """Some entries, the newest first as far as the container's order tells, as tuples: of a dict,
    key and value.

    A derived class is asked as its base is: it may have code of its own.
    """
    if issubclass(type(container), dict):
        yield from list(islice(reversed(dict.items(container)), MAX_ENTRIES))
    elif issubclass(type(container), (list, deque, tuple)):
        base: Any = next(kind for kind in (list, deque, tuple) if issubclass(type(container), kind))
        length = base.__len__(container)
        yield from (
            (base.__getitem__(container, -place),)
            for place in range(1, min(length, MAX_ENTRIES) + 1)
        )
    elif issubclass(type(container), (set, frozenset)):
        yield from ((entry,) for entry in islice(list(_elements(container)), MAX_OF_A_SET))


def _elements(container: Any) -> Iterator[Any]:
    return (
        set.__iter__(container)
        if issubclass(type(container), set)
        else frozenset.__iter__(container)
    )

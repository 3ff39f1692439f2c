"""The same container in several processes, such as workers of one server, is one container."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TypeVar

from ..record.record import Cause
from .suspects import Suspect
from .what_grows import Growth

Grown = TypeVar("Grown", Suspect, Growth)


def summed(grown: Sequence[Grown], causes: Mapping[str, Cause]) -> list[Grown]:
    """What grows, with the rates of containers of the same path added up. The fastest stands for
    them. What has no path stays as it is.

    Args:
        grown: of a record, the fastest container first.
        causes: of that record, by key.
    """
    by_path: dict[str, Grown] = {}
    for growth in grown:
        path = path_of(growth.key, causes) or growth.key
        if path in by_path:
            first = by_path[path]
            by_path[path] = replace(first, per_session=first.per_session + growth.per_session)
        else:
            by_path[path] = growth
    return list(by_path.values())


def path_of(key: str, causes: Mapping[str, Cause]) -> str:
    """Where the container of that key is; empty where that is not known, or it is none."""
    pid, _, number = key.partition(":")
    is_container = pid.isdigit() and number.lstrip("-").isdigit()
    return causes[key].name if is_container and key in causes else ""

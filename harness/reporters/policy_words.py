"""What a run was held to, in words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import msgspec

from ..record.policy import Policy
from ..units import format_count, format_size, format_time

_UNSET: Final[tuple[object, ...]] = (None, [], {}, ())
_NAMES: Final = {
    "limit": "limit of memory per session",
    "object limit": "limit of objects per session",
    "counter limit": "limit of other counts per session",
    "grace": "longest wait for late releases",
    "explain": "looks for the cause",
    "collect": "collects before each sample",
    "allow": "allowed",
    "fail on": "also fails on",
}


def policy_words(policy: Policy) -> dict[str, str]:
    """Name and value of what is set."""
    values = msgspec.to_builtins(policy)
    return dict(_pair(name, value) for name, value in values.items() if value not in _UNSET)


def _pair(name: str, value: Any) -> tuple[str, str]:
    plain = name.replace("_", " ")
    for ending, write in ((" bytes", format_size), (" s", format_time)):
        if plain.endswith(ending):
            plain = plain.removesuffix(ending)
            return _NAMES.get(plain, plain), write(value)
    return _NAMES.get(plain, plain), _written(value)


def _written(value: Any) -> str:
    match value:
        case bool():
            return "yes" if value else "no"
        case int() | float():
            return format_count(value)
        case Mapping():
            return ", ".join(f"{name}: {reason}" for name, reason in value.items() if reason)
        case list() | tuple():
            return ", ".join(map(str, value))
        case _:
            return str(value)

"""One file a target: each module holds one subclass of `Target`. The folder is the registry."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from importlib import import_module
from pkgutil import iter_modules
from typing import Any, Final

from ...errors import UsageError
from ...option import declarations, fields_from
from ..target import Target

_ADDRESSES: Final = ("url", "unix")
"""Options that say where to connect. Alone they choose the target `url`."""


@cache
def targets() -> tuple[type[Target], ...]:
    """All targets: those that the run starts, then the others, by their names."""
    every = [_target_of(module.name) for module in iter_modules(__path__)]
    return tuple(sorted(every, key=lambda target: (not target.LAUNCHES, target.NAME)))


def _target_of(name: str) -> type[Target]:
    module = import_module(f"{__name__}.{name}")
    for value in vars(module).values():
        if (
            isinstance(value, type)
            and issubclass(value, Target)
            and value.__module__ == module.__name__
        ):
            return value
    raise TypeError(f"{module.__name__} holds no target")


def target_named(name: str) -> type[Target]:
    """The target of that name.

    Raises:
        KeyError: there is none.
    """
    return {target.NAME: target for target in targets()}[name]


def keys_of(target: type[Target]) -> set[str]:
    """The keys of the options that a target has."""
    return {option.key for _, option in declarations(target)}


def all_keys() -> set[str]:
    """The keys of the options that any target has."""
    return set().union(*(keys_of(target) for target in targets()))


def chosen(values: Mapping[str, Any]) -> type[Target]:
    """The target that these values ask for, by the keys of their options.

    Raises:
        UsageError: they name two targets, or one of them is for another target.
    """
    named = [target for target in targets() if _is_named(target, values)]
    if len(named) > 1:
        names = " and ".join(target.HELP_NAME for target in named)
        raise UsageError(f"{names} name different targets", hint="leave all but one of them out")
    if named:
        target = named[0]
    else:
        has_address = any(values.get(key) for key in _ADDRESSES)
        target = target_named("url" if has_address else "embedded")
    _refuse_others(target, values)
    return target


def target_from(values: Mapping[str, Any]) -> Target:
    """The target that these values ask for.

    Raises:
        UsageError: see `chosen`.
    """
    target = chosen(values)
    return target(**fields_from(target, values))


def hinted(values: Mapping[str, Any]) -> type[Target] | None:
    """The target that some values alone point to; None where they do not say."""
    for target in targets():
        own = keys_of(target) - _keys_of_others(target)
        has_own = not target.CHOSEN_BY and any(values.get(key) for key in own)
        if has_own or _is_named(target, values):
            return target
    return None


def _is_named(target: type[Target], values: Mapping[str, Any]) -> bool:
    return bool(target.CHOSEN_BY) and values.get(target.CHOSEN_BY) is not None


def _keys_of_others(target: type[Target]) -> set[str]:
    return set().union(*(keys_of(other) for other in targets() if other is not target))


def _refuse_others(target: type[Target], values: Mapping[str, Any]) -> None:
    """Raise where an option was given that only other targets have."""
    taken = keys_of(target)
    for key in sorted(_keys_of_others(target) - taken):
        if not values.get(key):
            continue
        wants = " or ".join(other.HELP_NAME for other in targets() if key in keys_of(other))
        option = f"--{key.replace('_', '-')}"
        if target.HELP_NAME.startswith("--"):
            whose, hint = f"{target.HELP_NAME} names the target", "leave one of them out"
        else:
            whose, hint = f"{target.HELP_NAME} is the target", f"give {wants}, too"
        raise UsageError(f"{whose}, and {option} is for {wants}", hint=hint)

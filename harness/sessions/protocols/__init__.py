"""Chat protocols: one file each, with no I/O of its own. A module that holds a class `Adapter` is a
protocol. Its name is that of the file, with hyphens.
"""

from __future__ import annotations

from importlib import import_module
from importlib.metadata import EntryPoint, entry_points
from pkgutil import iter_modules
from typing import Final

from ...errors import UnknownProtocol
from ..contract import ChatProtocol
from ..session import BaseSession

ENTRY_POINTS: Final = "leak_harness.protocols"
"""The group in which other packages register adapter classes."""


def protocol_named(name: str) -> type[ChatProtocol]:
    """The adapter class of that name.

    Raises:
        UnknownProtocol: there is none; the message lists those that there are.
    """
    if name in shipped():
        module = import_module(f"{__name__}.{name.replace('-', '_')}")
        adapter: type[ChatProtocol] = module.Adapter
        return adapter
    registered = entry_points(group=ENTRY_POINTS)
    if name in registered.names:
        return _loaded(registered[name])
    names = ", ".join(sorted({*shipped(), *registered.names}))
    raise UnknownProtocol(f"there is no protocol '{name}'", hint=f"choose one of: {names}")


def shipped() -> tuple[str, ...]:
    """Names of the protocols in this folder."""
    return tuple(module.name.replace("_", "-") for module in iter_modules(__path__))


def actions_of_others(protocol: type[ChatProtocol]) -> frozenset[str]:
    """Names of actions that sessions of shipped protocols have, and those of this one have not."""
    others = {action for name in shipped() for action in protocol_named(name).actions}
    own = dir(getattr(protocol, "session", BaseSession))
    return frozenset(others - {*protocol.actions, *own})


def _loaded(registered: EntryPoint) -> type[ChatProtocol]:
    try:
        adapter: type[ChatProtocol] = registered.load()
    except Exception as error:
        what = f"the protocol '{registered.name}' of {registered.value} does not load: {error}"
        raise UnknownProtocol(what, hint="mend or remove that package") from error
    return adapter

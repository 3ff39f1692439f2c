"""Chat protocols: one file each, with no I/O. A module that holds a class `Adapter` is a
protocol, by its `name`.
"""

from __future__ import annotations

from importlib import import_module
from importlib.metadata import EntryPoint, entry_points
from pkgutil import iter_modules
from typing import Final

from harness.errors import UnknownProtocol
from harness.sessions.contract import ChatProtocol

ENTRY_POINTS: Final = "leak_harness.protocols"
"""The group in which other packages register adapter classes."""


def protocol_named(name: str) -> type[ChatProtocol]:
    """The adapter class of that name.

    Raises:
        UnknownProtocol: there is none; the message lists those that there are.
    """
    adapters = {module.name.replace("_", "-"): module.name for module in iter_modules(__path__)}
    if name in adapters:
        adapter: type[ChatProtocol] = import_module(f"{__name__}.{adapters[name]}").Adapter
        return adapter
    registered = entry_points(group=ENTRY_POINTS)
    if name in registered.names:
        return _loaded(registered[name])
    names = ", ".join(sorted({*adapters, *registered.names}))
    raise UnknownProtocol(f"there is no protocol '{name}'", hint=f"choose one of: {names}")


def _loaded(registered: EntryPoint) -> type[ChatProtocol]:
    try:
        adapter: type[ChatProtocol] = registered.load()
    except Exception as error:
        what = f"the protocol '{registered.name}' of {registered.value} does not load: {error}"
        raise UnknownProtocol(what, hint="mend or remove that package") from error
    return adapter

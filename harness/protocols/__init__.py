"""Chat protocols: one file each, with no I/O. A module that holds a class `Adapter` is a protocol, by its `name`."""

from __future__ import annotations

from importlib import import_module
from pkgutil import iter_modules

from harness.contracts import ChatProtocol
from harness.errors import UnknownProtocol


def protocol_named(name: str) -> type[ChatProtocol]:
    """The adapter class of that name.

    Raises:
        UnknownProtocol: there is none; the message lists those that there are.
    """
    adapters = {module.name.replace("_", "-"): module.name for module in iter_modules(__path__)}
    if name not in adapters:
        raise UnknownProtocol(f"there is no protocol '{name}'", hint=f"choose one of: {', '.join(sorted(adapters))}")
    adapter: type[ChatProtocol] = import_module(f"{__name__}.{adapters[name]}").Adapter
    return adapter

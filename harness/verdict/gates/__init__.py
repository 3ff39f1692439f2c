"""The gates, one file each. A module in this folder that has a `GATE` is a gate: nothing else has
to be told about it.
"""

from __future__ import annotations

import pkgutil
from functools import cache
from importlib import import_module

from harness.verdict.gate import GateEntry


@cache
def entries() -> dict[str, GateEntry]:
    """All gates by name, in their order."""
    modules = [
        import_module(f"{__name__}.{module.name}") for module in pkgutil.iter_modules(__path__)
    ]
    gates: list[GateEntry] = [module.GATE for module in modules]
    gates.sort(key=lambda gate: (gate.order, gate.name))
    return {gate.name: gate for gate in gates}

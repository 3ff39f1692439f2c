"""The gates, one file each. A module in this folder that has a `GATE` is a gate: nothing else has
to be told about it. An exact counter needs no file here: its metric says that it makes a gate.
"""

from __future__ import annotations

import pkgutil
from functools import cache
from importlib import import_module

from harness.record.metrics import METRICS
from harness.verdict.counting import counter_entry
from harness.verdict.gate import GateEntry


@cache
def entries() -> dict[str, GateEntry]:
    """All gates by name, in their order."""
    modules = [
        import_module(f"{__name__}.{module.name}") for module in pkgutil.iter_modules(__path__)
    ]
    gates: list[GateEntry] = [module.GATE for module in modules]
    for metric in METRICS.values():
        if metric.gate is not None:
            gates.append(counter_entry(metric, metric.gate))
    gates.sort(key=lambda gate: (gate.order, gate.name))
    return {gate.name: gate for gate in gates}

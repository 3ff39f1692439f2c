"""The gates, one file each. A module in this folder that has a `GATE` is a gate: nothing else has
to be told about it. An exact counter needs no file here: its metric says that it makes a gate.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache

from ...errors import ExtensionInvalid
from ...extensions import modules_with, place_of
from ...record.metrics import FILES, METRICS
from ...record.metrics.contract import SHARED_ORDER
from ..counting import counter_entry
from ..gate import GateEntry


@cache
def entries() -> dict[str, GateEntry]:
    """All gates by name, in their order.

    Raises:
        ExtensionInvalid: a file does not load, or two files claim one name or one order.
    """
    gates: list[GateEntry] = []
    files: dict[str, str] = {}
    for file, gate in _declared():
        _refuse_collision(file, gate, gates, files)
        gates.append(gate)
        files[gate.name] = file
    gates.sort(key=lambda gate: (gate.order, gate.name))
    return {gate.name: gate for gate in gates}


def _declared() -> Iterator[tuple[str, GateEntry]]:
    """Each gate, and the file that declares it."""
    for module in modules_with("GATE", __name__, __path__):
        yield place_of(module.__name__), module.GATE
    for metric in METRICS.values():
        if metric.gate is not None:
            yield FILES[metric.name], counter_entry(metric, metric.gate)


def _refuse_collision(
    file: str, gate: GateEntry, others: list[GateEntry], files: dict[str, str]
) -> None:
    for other in others:
        if other.name == gate.name:
            raise ExtensionInvalid(
                f"{file} and {files[other.name]} both declare the gate '{gate.name}'",
                hint="give the gate that was added another name",
            )
        if other.order == gate.order != SHARED_ORDER:
            orders = sorted({other.order for other in others})
            taken = ", ".join(map(str, orders))
            raise ExtensionInvalid(
                f"{file} (gate '{gate.name}') and {files[other.name]} (gate '{other.name}') both "
                f"have the order {gate.order}",
                why="reports list the gates by their order",
                hint=f"give the gate that was added a free number; taken are {taken}",
            )

"""The numbers that the probe reads inside a server. To add one, add one file to this folder.

A gauge is a module with `METRIC`, its entry in the list of all metrics, and `reader()`, which gives
the function that reads it, or None where this process has no such number:

    METRIC: Entry = {
        "name": "loops", "unit": "count", "meaning": "event loops that are running",
        "label": "event loops", "label_zh": "事件循环",
    }

    def reader():
        from .. import loops
        return loops.count

The harness imports these modules for their entries. So all that a reader needs is imported in
`reader()`, which is called in the server alone.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from importlib import import_module
from types import ModuleType
from typing import Any, Callable, Dict, Optional, TypedDict

Gauge = Callable[[], int]  # of typing: CPython 3.9.0 cannot hash that of collections.abc
Reader = Optional[Gauge]


class _Named(TypedDict):
    name: str
    unit: str
    meaning: str
    label: str
    label_zh: str


class Entry(_Named, total=False):
    """A metric as `harness/record/metrics/contract.py` has it, in plain data; the last ones may be
    left out.
    """

    quantum: float
    order: int
    chart: str
    falls_while_waiting: bool
    decides_memory: bool
    guard_sessions: int
    gate: Dict[str, Any]
    blame: Dict[str, Any]
    counted_as: str


_readers: dict[str, Gauge] = {}


def table() -> dict[str, Gauge]:
    """What can be read in this process, by name, in the order of reading: what reading the others
    would disturb comes first.
    """
    if not _readers:
        for module in modules():
            reader = module.reader()
            if reader is not None:
                _readers[module.METRIC["name"]] = reader
    return _readers


def read() -> dict[str, int]:
    """All gauges, read one after the other before anything else is made of them."""
    return {name: gauge() for name, gauge in table().items()}


def modules() -> list[ModuleType]:
    """The file of each gauge, in the order of reading."""
    return sorted(_found(), key=lambda module: module.METRIC.get("order", 100))


def _found() -> Iterator[ModuleType]:
    """In the order of their names."""
    # By `os` alone: a server may never have imported pathlib or pkgutil.
    for file in sorted(os.listdir(os.path.dirname(__file__))):  # noqa: PTH120, PTH208
        name, _, extension = file.rpartition(".")
        if extension == "py" and name != "__init__":
            yield import_module(f"{__name__}.{name}")

"""Every metric, by its name. To add one, add one file.

Each module in this folder with a table `METRICS` is found by itself. An entry says what the metric
is called, what it counts, how one process is read, where the report draws it, and, with a limit,
which gate it makes. So a metric of a process is one file here, for example:

    METRICS = (
        Metric(
            "switches", Unit.COUNT, "voluntary context switches", "switches", "上下文切换",
            reading=ProcessFile("status", number_after("voluntary_ctxt_switches")),
        ),
    )

A number from inside the server is one file in `harness/probe/gauges/`, with its entry in it.

Why the entries are here, and not next to the sampler that reads: a stored run is judged and drawn
without a server, by rooms that stand below the sampler. They need limits, units and labels. So an
entry holds only data and a pure function from the text of a file to a number. The sampler does the
reading. For the same reason an entry of the probe's is plain data, and is converted here.
"""

from __future__ import annotations

from collections.abc import Iterator
from importlib import import_module
from pkgutil import iter_modules
from typing import Final

from harness.probe import gauges
from harness.record.metrics.contract import (
    BlameLimit,
    Chart,
    CounterLimit,
    Metric,
    ProcessFile,
    ProcessFolder,
    Source,
    Unit,
)

__all__ = [
    "COUNTERS",
    "DECISIVE",
    "FALLING",
    "MEMORY",
    "METRICS",
    "BlameLimit",
    "Chart",
    "CounterLimit",
    "Metric",
    "ProcessFile",
    "ProcessFolder",
    "Source",
    "Unit",
    "charted",
]


def _entries() -> Iterator[Metric]:
    """All that the files say, in no order."""
    for module in iter_modules(__path__):
        yield from getattr(import_module(f"{__name__}.{module.name}"), "METRICS", ())
    for entry in gauges.entries():
        yield _of_probe(entry)


def _of_probe(entry: gauges.Entry) -> Metric:
    """The probe runs in somebody else's Python, and has none of the types of this folder."""
    rest = {name: value for name, value in entry.items() if name not in _CONVERTED}
    return Metric(
        unit=Unit(entry["unit"]),
        chart=Chart(entry.get("chart", Chart.OWN)),
        source=Source.PROBE,
        gate=CounterLimit(**entry["gate"]) if "gate" in entry else None,
        blame=BlameLimit(**entry["blame"]) if "blame" in entry else None,
        **rest,  # type: ignore[arg-type]
    )


_CONVERTED: Final = ("unit", "chart", "gate", "blame")


METRICS: Final[dict[str, Metric]] = {
    metric.name: metric
    for metric in sorted(_entries(), key=lambda entry: (entry.order, entry.name))
}
"""By name, in the order of lists and charts."""

COUNTERS: Final[dict[str, Metric]] = {
    metric.gate.gate: metric for metric in METRICS.values() if metric.gate is not None
}
"""By the name of the gate: the exact counters that have one."""

MEMORY: Final = tuple(metric.name for metric in METRICS.values() if metric.decides_memory)
"""What the memory gate decides by."""

DECISIVE: Final = (*MEMORY, *(metric.name for metric in COUNTERS.values()))
"""Names of the metrics without which a flat verdict is in doubt."""

FALLING: Final = tuple(metric.name for metric in METRICS.values() if metric.falls_while_waiting)
"""What is watched for late releases while the run waits."""


def charted(chart: Chart) -> tuple[Metric, ...]:
    """The metrics that the report draws there."""
    return tuple(metric for metric in METRICS.values() if metric.chart is chart)

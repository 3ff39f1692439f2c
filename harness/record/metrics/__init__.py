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
from typing import Final

from ...errors import ExtensionInvalid
from ...extensions import modules_with, place_of
from ...probe import gauges
from .contract import (
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
    "FILES",
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


_HELPERS: Final = ("contract", "names", "process_text")


def _declared() -> Iterator[tuple[str, Metric]]:
    """All that the files say, each with its file, in no order."""
    for module in modules_with("METRICS", __name__, __path__, _HELPERS):
        for metric in module.METRICS:
            yield place_of(module.__name__), metric
    for module in gauges.modules():
        yield place_of(module.__name__), _of_probe(module.METRIC)


def _by_name() -> dict[str, tuple[str, Metric]]:
    """Each metric with its file.

    Raises:
        ExtensionInvalid: two files declare one name.
    """
    found: dict[str, tuple[str, Metric]] = {}
    for file, metric in _declared():
        if metric.name in found:
            raise ExtensionInvalid(
                f"{file} and {found[metric.name][0]} both declare the metric '{metric.name}'",
                hint="give the metric that was added another name",
            )
        found[metric.name] = (file, metric)
    return found


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


_FOUND: Final = _by_name()

METRICS: Final[dict[str, Metric]] = {
    metric.name: metric
    for _, metric in sorted(_FOUND.values(), key=lambda pair: (pair[1].order, pair[1].name))
}
"""By name, in the order of lists and charts."""

FILES: Final[dict[str, str]] = {name: file for name, (file, _) in _FOUND.items()}
"""By name: the file that declares it."""

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

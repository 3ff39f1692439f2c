"""What a metric says of itself: the one contract of the files in this folder."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from ...units import format_count, format_percent, format_size


class Unit(StrEnum):
    """What a metric's values count."""

    BYTES = "bytes"
    COUNT = "count"
    PERCENT = "percent of one core"
    MACHINE_PERCENT = "percent of all cores"

    def write(self, value: float) -> str:
        """A value for a reader, with its unit where a bare number would not say it."""
        return _WRITE[self](value)


_WRITE: Final[Mapping[Unit, Callable[[float], str]]] = {
    Unit.BYTES: format_size,
    Unit.COUNT: format_count,
    Unit.PERCENT: format_percent,
    Unit.MACHINE_PERCENT: format_percent,
}


class Source(StrEnum):
    """Who reads a metric."""

    OUTSIDE = "outside"
    PROBE = "probe"


class Chart(StrEnum):
    """Where the report draws a metric."""

    OWN = "own"
    """In a chart of its own."""
    MEMORY = "memory"
    COUNTERS = "counters"
    """As growth since the first sample, next to the other counters."""
    CPU = "cpu"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class ProcessFile:
    """A number in one file of a process: `/proc/PID/<file>`.

    The sampler reads the file once for all metrics that ask for it. The number of a server is the
    sum over its processes.
    """

    file: str
    parse: Callable[[str], float]
    """Pure: the text of the file to the value. It may raise KeyError, ValueError or IndexError
    where the text does not hold the value. Then the value is absent.
    """


@dataclass(frozen=True, slots=True)
class ProcessFolder:
    """How many entries a folder of a process has: `/proc/PID/<folder>`."""

    folder: str


Reading = ProcessFile | ProcessFolder


SHARED_ORDER: Final = 65
"""Of all counters that name no order. They are listed by their names."""


@dataclass(frozen=True, slots=True)
class CounterLimit:
    """The gate that an exact counter has: how much growth per session still passes."""

    gate: str
    """The name of the gate in results and options."""
    limit: float | None = None
    """Growth per session, in the metric's unit; None: the limit that the policy has."""
    policy_limit: str = "counter_limit"
    """The field of the policy that holds the limit where `limit` is None."""
    order: int = SHARED_ORDER
    """Place among the gates: 10 is memory, 20 to 60 are the counters that every run has."""
    explained_by: tuple[str, ...] = ()
    """Kinds of findings that can explain its growth: where all of them are allowed, so is it."""


@dataclass(frozen=True, slots=True)
class BlameLimit:
    """What one action of a scenario may leave of a metric, each time, without being to blame."""

    limit: float
    noise: float = 0.05
    """No cycle is known better than that."""
    order: int = 100
    """The surest metric comes first."""
    is_exact: bool = False
    """Whole counts: what a session leaves shows in the session itself."""
    is_last_resort: bool = False
    """Asked only where nothing else has grown or fills."""


@dataclass(frozen=True, slots=True)
class Metric:
    """One thing that a rest sample holds a number for."""

    name: str
    """The key in stored records. It never changes."""
    unit: Unit
    meaning: str
    """One line for the documentation."""
    label: str
    """A few words for charts and tables."""
    label_zh: str
    """The label in Chinese; the label itself where Chinese readers use the same word."""
    source: Source = Source.OUTSIDE
    reading: Reading | None = None
    """How one process is read. None: the probe reads it, or the sampler itself."""
    quantum: float = 0.0
    """Smallest step in which the value moves; differences below it are not evidence."""
    order: int = 100
    """Place in lists and charts; the probe reads its gauges in this order, too."""
    chart: Chart = Chart.OWN
    falls_while_waiting: bool = False
    """Whether late releases show in it: a wait goes on while it falls."""
    decides_memory: bool = False
    """Whether the memory gate decides by it."""
    guard_sessions: int | None = None
    """Sessions before which its growth fails nothing. None: as many as the run's own guard, which
    leaves caches the time to fill.
    """
    gate: CounterLimit | None = None
    blame: BlameLimit | None = None
    counted_as: str = ""
    """What its values are called in a sentence (`0.50 objects`); empty: its name."""

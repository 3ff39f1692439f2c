"""Every metric: its name, unit and meaning. A new one is a new line here, and a reading in the
sampler or the probe.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final


class Unit(StrEnum):
    """What a metric's values count."""

    BYTES = "bytes"
    COUNT = "count"
    PERCENT = "percent of one core"
    MACHINE_PERCENT = "percent of all cores"


class Source(StrEnum):
    """Who reads a metric."""

    OUTSIDE = "outside"
    PROBE = "probe"


@dataclass(frozen=True, slots=True)
class Metric:
    """One thing that a rest sample holds a number for."""

    name: str
    unit: Unit
    source: Source
    meaning: str
    quantum: float = 0.0
    """Smallest step in which the value moves; differences below it are no evidence."""


_ALL: Final = (
    Metric(
        "rss", Unit.BYTES, Source.OUTSIDE, "resident set size, summed over the process tree", 4096
    ),
    Metric(
        "uss",
        Unit.BYTES,
        Source.OUTSIDE,
        "unique set size: what would be freed if the server ended",
        4096,
    ),
    Metric(
        "pss",
        Unit.BYTES,
        Source.OUTSIDE,
        "proportional set size: shared pages divided among their users",
        4096,
    ),
    Metric("threads", Unit.COUNT, Source.OUTSIDE, "threads of all processes"),
    Metric("descriptors", Unit.COUNT, Source.OUTSIDE, "open file descriptors of all processes"),
    Metric("children", Unit.COUNT, Source.OUTSIDE, "processes below the one that was started"),
    Metric(
        "idle_cpu",
        Unit.PERCENT,
        Source.OUTSIDE,
        "CPU over a quiet window, with no session connected",
    ),
    Metric(
        "crowd",
        Unit.MACHINE_PERCENT,
        Source.OUTSIDE,
        "CPU that neither server nor harness used since the last sample",
    ),
    Metric("malloc_in_use", Unit.BYTES, Source.PROBE, "mallinfo2: uordblks + hblkhd", 16),
    Metric(
        "malloc_system",
        Unit.BYTES,
        Source.PROBE,
        "mallinfo2: arena + hblkhd, what malloc holds of the system",
    ),
    Metric("blocks", Unit.COUNT, Source.PROBE, "sys.getallocatedblocks()", 1),
    Metric(
        "gc_objects",
        Unit.COUNT,
        Source.PROBE,
        "objects that the collector tracks, without cancelled timers",
    ),
    Metric("tasks", Unit.COUNT, Source.PROBE, "pending asyncio tasks of all loops"),
    Metric(
        "left_tasks", Unit.COUNT, Source.PROBE, "pending asyncio tasks of sessions that are closed"
    ),
    Metric(
        "leaving_sessions",
        Unit.COUNT,
        Source.PROBE,
        "sessions that are closed and have left pending tasks",
    ),
    Metric("files", Unit.COUNT, Source.OUTSIDE, "files under the folders that are watched"),
    Metric("file_bytes", Unit.BYTES, Source.OUTSIDE, "their sizes", 1),
    Metric("timers", Unit.COUNT, Source.PROBE, "timers of the event loops that are still to fire"),
    Metric(
        "python_threads",
        Unit.COUNT,
        Source.PROBE,
        "threads that Python knows, the probe's own left out",
    ),
)

METRICS: Final[dict[str, Metric]] = {metric.name: metric for metric in _ALL}

"""Memory as Linux counts it, of one walk over the page tables.

Not from `/proc/PID/statm`, nor by psutil: those RSS values come from per-CPU counters that Linux
6.2 and later reads without adding them up. They are off by up to 128 KiB a core, measured here as
steps of 100 KiB on a flat server.
"""

from __future__ import annotations

from typing import Final

from . import names
from .contract import BlameLimit, Chart, Metric, ProcessFile, Unit
from .process_text import kib_after

_FILE: Final = "smaps_rollup"
PAGE_BYTES: Final = 4096

METRICS: Final = (
    Metric(
        names.RSS,
        Unit.BYTES,
        "resident set size, summed over the process tree",
        label="RSS",
        label_zh="RSS",
        reading=ProcessFile(_FILE, kib_after("Rss")),
        quantum=PAGE_BYTES,
        order=1,
        chart=Chart.MEMORY,
        decides_memory=True,
    ),
    Metric(
        names.USS,
        Unit.BYTES,
        "unique set size: what would be freed if the server ended",
        label="USS",
        label_zh="USS",
        reading=ProcessFile(_FILE, kib_after("Private_Clean", "Private_Dirty")),
        quantum=PAGE_BYTES,
        order=2,
        chart=Chart.MEMORY,
        falls_while_waiting=True,
        decides_memory=True,
        blame=BlameLimit(4096.0, noise=4096.0, order=7),
    ),
    Metric(
        names.PSS,
        Unit.BYTES,
        "proportional set size: shared pages divided among their users",
        label="PSS",
        label_zh="PSS",
        reading=ProcessFile(_FILE, kib_after("Pss")),
        quantum=PAGE_BYTES,
        order=3,
        chart=Chart.NONE,
    ),
)

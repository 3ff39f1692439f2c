"""CPU of the server with nothing to do, and of all else on the machine. The sampler measures it."""

from __future__ import annotations

from typing import Final

from . import names
from .contract import BlameLimit, Chart, Metric, Unit

METRICS: Final = (
    Metric(
        names.CPU_AT_REST,
        Unit.PERCENT,
        "CPU over a quiet window, with no session connected",
        label="at rest",
        label_zh="静止时",
        order=30,
        chart=Chart.CPU,
        guard_sessions=0,
        blame=BlameLimit(0.2, order=9),
        counted_as="% CPU at rest",
    ),
    Metric(
        names.OTHER_LOAD,
        Unit.MACHINE_PERCENT,
        "CPU that neither server nor harness used since the last sample",
        label="other load",
        label_zh="其他负载",
        order=31,
        chart=Chart.NONE,
    ),
)

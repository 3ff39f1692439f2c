"""Files under the folders that are watched. The experiment counts them."""

from __future__ import annotations

from typing import Final

from . import names
from .contract import Chart, Metric, Unit

METRICS: Final = (
    Metric(
        names.FILES,
        Unit.COUNT,
        "files under the folders that are watched",
        label="files",
        label_zh="文件",
        order=15,
        chart=Chart.COUNTERS,
    ),
    Metric(
        names.FILE_BYTES,
        Unit.BYTES,
        "sizes of the files under the folders that are watched",
        label="size of the files",
        label_zh="文件大小",
        quantum=1,
        order=16,
        chart=Chart.NONE,
    ),
)

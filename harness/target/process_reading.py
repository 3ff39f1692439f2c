"""What one process holds, by all metrics that are read of one process."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

import psutil

from ..record.metrics import METRICS, Metric, ProcessFile, ProcessFolder
from ..record.record import ProcessReading, Values


def read_process(process: psutil.Process, problems: dict[str, str]) -> ProcessReading | None:
    """One process now.

    Args:
        process: of the server's tree.
        problems: gets the reason under `memory` where the process, or one of its numbers, cannot
            be read.

    Returns:
        Its readings, of which a zombie has none; None where the process is gone or cannot be read:
        then no part of it is known.
    """
    try:
        return ProcessReading(process.pid, process.name(), _values(process.pid, problems))
    except (psutil.NoSuchProcess, ProcessLookupError, FileNotFoundError):
        return _zombie(process)
    except (psutil.Error, OSError) as error:
        problems["memory"] = f"process {process.pid}: {error}"
        return None


def _zombie(process: psutil.Process) -> ProcessReading | None:
    """A process that has ended and that its parent has not waited for. It holds nothing but its
    place among the processes.
    """
    try:
        if process.status() == psutil.STATUS_ZOMBIE:
            return ProcessReading(process.pid, process.name(), {})
    except psutil.Error:
        pass
    return None


def totals(readings: Sequence[ProcessReading]) -> Values:
    """Each metric, summed over the processes."""
    sums: defaultdict[str, float] = defaultdict(float)
    for reading in readings:
        for name, value in reading.values.items():
            sums[name] += value
    return dict(sums)


def _values(pid: int, problems: dict[str, str]) -> Values:
    """The files are read once each, for all metrics in them."""
    folder, texts, values = Path(f"/proc/{pid}"), dict[str, str](), Values()
    for metric in METRICS.values():
        match metric.reading:
            case ProcessFolder(name):
                values[metric.name] = float(sum(1 for _ in (folder / name).iterdir()))
            case ProcessFile(name):
                if name not in texts:
                    texts[name] = (folder / name).read_text(encoding="utf-8", errors="replace")
                _parse(metric, texts[name], values, problems)
    return values


def _parse(metric: Metric, text: str, values: Values, problems: dict[str, str]) -> None:
    assert isinstance(metric.reading, ProcessFile), "asked for metrics of files only"
    try:
        values[metric.name] = metric.reading.parse(text)
    except (KeyError, ValueError, IndexError) as error:
        file = metric.reading.file
        problems["memory"] = f"{metric.name} is not in /proc/PID/{file}: {error!r}"

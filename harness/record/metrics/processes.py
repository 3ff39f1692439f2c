"""What the kernel counts for each process, and the processes themselves."""

from __future__ import annotations

from typing import Final

from . import names
from .contract import (
    BlameLimit,
    Chart,
    CounterLimit,
    Metric,
    ProcessFile,
    ProcessFolder,
    Unit,
)
from .process_text import number_after

METRICS: Final = (
    Metric(
        names.THREADS,
        Unit.COUNT,
        "threads of all processes",
        label="threads",
        label_zh="线程",
        reading=ProcessFile("status", number_after("Threads")),
        order=12,
        chart=Chart.COUNTERS,
        falls_while_waiting=True,
        gate=CounterLimit("threads", order=40, explained_by=("thread",)),
        blame=BlameLimit(0.02, order=2, is_exact=True),
    ),
    Metric(
        names.DESCRIPTORS,
        Unit.COUNT,
        "open file descriptors of all processes",
        label="file descriptors",
        label_zh="文件描述符",
        reading=ProcessFolder("fd"),
        order=13,
        chart=Chart.COUNTERS,
        falls_while_waiting=True,
        gate=CounterLimit("descriptors", order=50, explained_by=("descriptor",)),
        blame=BlameLimit(0.02, order=3, is_exact=True),
    ),
    Metric(
        names.CHILDREN,
        Unit.COUNT,
        "processes below the one that was started",
        label="child processes",
        label_zh="子进程",
        order=14,
        chart=Chart.COUNTERS,
        falls_while_waiting=True,
        gate=CounterLimit("children", order=60, explained_by=("child-process",)),
        blame=BlameLimit(0.02, order=4, is_exact=True),
    ),
    Metric(
        names.ZOMBIES,
        Unit.COUNT,
        "child processes that have ended and that nobody has waited for; they are among the "
        "children",
        label="zombies",
        label_zh="僵尸进程",
        falls_while_waiting=True,
    ),
)

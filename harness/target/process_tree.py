"""A process and all below it, read from /proc: cheap enough for ten looks per second.

No wall clock is asked, so that a clock that is set back or forth changes nothing.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Final

JUST_FORKED_S: Final = 0.1
"""Between fork and exec a child shows its parent's memory, which would count twice."""
_PAGE_BYTES: Final = os.sysconf("SC_PAGE_SIZE")
_TICKS_PER_S: Final = os.sysconf("SC_CLK_TCK")
_START_FIELD: Final = 19
"""Of /proc/PID/stat, counted from the state, which follows the name: the start in ticks."""
_CGROUP: Final = Path("/sys/fs/cgroup")


def descendants(pid: int) -> list[int]:
    """The processes below this one; of a process that is gone, none."""
    below: list[int] = []
    waiting = [pid]
    while waiting:
        for task in Path(f"/proc/{waiting.pop()}/task").glob("*"):
            with suppress(OSError):
                children = [int(child) for child in (task / "children").read_text().split()]
                below += children
                waiting += children
    return below


def started_s(pid: int) -> float:
    """When a process started, in seconds since the machine did.

    Raises:
        OSError: it is gone.
    """
    text = Path(f"/proc/{pid}/stat").read_text(errors="replace")
    return int(text.rpartition(")")[2].split()[_START_FIELD]) / _TICKS_PER_S


def rss_bytes(pids: Iterable[int]) -> float:
    """RSS of these processes together, without those that have only just been forked."""
    total = 0
    now_s = time.clock_gettime(time.CLOCK_BOOTTIME)
    for pid in pids:
        with suppress(OSError, ValueError, IndexError):
            if now_s - started_s(pid) > JUST_FORKED_S:
                pages = Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split()[1]
                total += int(pages) * _PAGE_BYTES
    return float(total)


def free_memory_bytes() -> float | None:
    """What can still be had on this machine, or in this container; None where that is not said."""
    known = [bytes_ for bytes_ in (_available(), _left_in_container()) if bytes_ is not None]
    return min(known, default=None)


def _available() -> float | None:
    with suppress(OSError, ValueError, IndexError):
        for line in Path("/proc/meminfo").read_text(encoding="ascii").splitlines():
            if line.startswith("MemAvailable:"):
                return float(line.split()[1]) * 1024
    return None


def _left_in_container() -> float | None:
    """Control groups, version 2: the maximum, less what is used and cannot be dropped."""
    try:
        maximum = float((_CGROUP / "memory.max").read_text(encoding="ascii"))
        used = float((_CGROUP / "memory.current").read_text(encoding="ascii"))
        lines = (_CGROUP / "memory.stat").read_text(encoding="ascii").splitlines()
    except (OSError, ValueError):  # no such group, or "max"
        return None
    numbers = dict(line.split(" ", 1) for line in lines if " " in line)
    return maximum - used + float(numbers.get("inactive_file", 0))

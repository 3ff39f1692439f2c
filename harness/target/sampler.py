"""One sample now: what the process tree of the server holds, read from outside, and what the
probe says.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from pathlib import Path

import psutil

from harness.errors import ProbeError
from harness.record.record import Beat, ProcessReading, RestSample, Values
from harness.target.probe_client import ProbeLink, summed
from harness.target.process_tree import rss_bytes

QUIET_S = 0.02
"""The tree uses no CPU for so long, and opens or closes nothing: it rests."""
SETTLE_LIMIT_S = 3.0
FIRST_SETTLE_LIMIT_S = 30.0
"""Before the first session: what the server does when it starts, and for the handshake that
showed it ready.
"""
SHORT_SETTLE_LIMIT_S = 0.5
"""The limit once three cycles in a row never came to rest."""
IDLE_WINDOW_S = 0.3

Processes = Callable[[], Sequence[psutil.Process]]


def cpu_ns(process: psutil.Process) -> int:
    """On-CPU nanoseconds of all threads that the process has ever had.

    The clock id of another process's CPU time is made as the kernel's MAKE_PROCESS_CPUCLOCK does.
    """
    return time.clock_gettime_ns((~process.pid << 3) | 2)


class Sampler:
    """Reads the tree that `processes` gives; remembers how often it never came to rest."""

    def __init__(self, processes: Processes, probe: ProbeLink | None, began_s: float) -> None:
        self._processes = processes
        self._probe = probe
        self._began_s = began_s
        self._unsettled_in_a_row = 0
        self._crowd = _Crowd(self.cpu_total_ns)

    def now_s(self) -> float:
        """Seconds since the run began."""
        return time.monotonic() - self._began_s

    def cpu_total_ns(self) -> int:
        """On-CPU time of the living processes of the tree."""
        total = 0
        for process in self._processes():
            with contextlib.suppress(OSError):
                total += cpu_ns(process)
        return total

    async def used_ns(self) -> float:
        """The same."""
        return self.cpu_total_ns()

    async def beat(self) -> Beat:
        """RSS of the tree, processes that have only just been forked left out."""
        rss = rss_bytes(process.pid for process in self._processes())
        return Beat(self.now_s(), {"rss": rss} if rss else {})

    async def rest(
        self, cycle: int, sessions: int, *, idle: bool = False, collect: bool = True
    ) -> RestSample:
        """Wait for quiet, measure CPU at rest, collect if asked to, and read everything."""
        began_s = time.monotonic()
        settled = await self._settle(FIRST_SETTLE_LIMIT_S if cycle == 0 else SETTLE_LIMIT_S)
        settle_s = time.monotonic() - began_s
        idle_cpu = await self._idle_cpu()
        problems: dict[str, str] = {}
        inside = await self._inside(problems, collect=collect)
        readings = tuple(
            reading for process in self._processes() if (reading := _reading(process, problems))
        )
        values = _totals(readings)
        if readings:  # else the server is gone: absent is not zero
            values |= {
                "children": len(readings) - 1,
                "idle_cpu": idle_cpu,
                "crowd": self._crowd.percent(),
            }
            values |= summed(inside, [reading.pid for reading in readings])
        collected = collect and bool(inside)
        return RestSample(
            cycle,
            sessions,
            self.now_s(),
            settled,
            settle_s,
            values,
            readings,
            idle,
            collected,
            problems,
        )

    async def _settle(self, limit_s: float) -> bool:
        never_rests = self._unsettled_in_a_row >= 3
        deadline_s = time.monotonic() + (SHORT_SETTLE_LIMIT_S if never_rests else limit_s)
        before = self._state()
        while time.monotonic() < deadline_s:
            await asyncio.sleep(QUIET_S)
            state = self._state()
            if state == before:
                self._unsettled_in_a_row = 0
                return True
            before = state
        self._unsettled_in_a_row += 1
        return False

    def _state(self) -> tuple[int, int, int]:
        processes = self._processes()
        descriptors = 0
        for process in processes:
            with contextlib.suppress(psutil.Error):
                descriptors += process.num_fds()
        return self.cpu_total_ns(), descriptors, len(processes)

    async def _idle_cpu(self) -> float:
        began_s, before_ns = time.monotonic(), self.cpu_total_ns()
        await asyncio.sleep(IDLE_WINDOW_S)
        return max(0.0, (self.cpu_total_ns() - before_ns) / (time.monotonic() - began_s) / 1e7)

    async def _inside(self, problems: dict[str, str], *, collect: bool) -> dict[int, Values]:
        if self._probe is None:
            return {}
        try:
            return await self._probe.sample(collect=collect)
        except ProbeError as error:
            problems["probe"] = str(error)
            return {}


class _Crowd:
    """CPU that others use on this machine, in percent of all cores, from one call to the next."""

    def __init__(self, tree_ns: Callable[[], int]) -> None:
        self._tree_ns = tree_ns
        self._last = self._read()

    def _read(self) -> tuple[float, float, float]:
        """Seconds: the clock, all CPU time used on the machine, and our share of that."""
        times = psutil.cpu_times()
        busy_s = sum(times) - times.idle - times.iowait - times.guest - times.guest_nice
        return time.monotonic(), busy_s, self._tree_ns() / 1e9 + time.process_time()

    def percent(self) -> float:
        """A process of the tree that has ended counts as others; the share is never below 0."""
        last, self._last = self._last, self._read()
        elapsed_s, busy_s, ours_s = (
            now - before for now, before in zip(self._last, last, strict=True)
        )
        return (
            100
            * max(0.0, busy_s - max(0.0, ours_s))
            / max(elapsed_s, 1e-3)
            / (psutil.cpu_count() or 1)
        )


def _reading(process: psutil.Process, problems: dict[str, str]) -> ProcessReading | None:
    """One process; None where it is gone, or cannot be read, of which `problems` then gets the
    reason.
    """
    try:
        with process.oneshot():
            values = {
                **_memory(process.pid),
                "threads": float(process.num_threads()),
                "descriptors": float(process.num_fds()),
            }
            return ProcessReading(process.pid, process.name(), values)
    except (psutil.NoSuchProcess, ProcessLookupError, FileNotFoundError):
        return None
    except (psutil.Error, OSError) as error:
        problems["memory"] = f"process {process.pid}: {error}"
        return None


def _memory(pid: int) -> Values:
    """RSS, USS and PSS of one walk over the page tables.

    psutil's RSS comes from per-CPU counters that Linux 6.2 and later reads without adding them up:
    off by up to 128 KiB a core, measured here as steps of 100 KiB on a flat server.
    """
    rollup = Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii").splitlines()[1:]
    size = {name.rstrip(":"): float(kib) * 1024 for name, kib, *_ in map(str.split, rollup)}
    return {
        "rss": size["Rss"],
        "uss": size["Private_Clean"] + size["Private_Dirty"],
        "pss": size["Pss"],
    }


def _totals(readings: Sequence[ProcessReading]) -> Values:
    totals: defaultdict[str, float] = defaultdict(float)
    for reading in readings:
        for name, value in reading.values.items():
            totals[name] += value
    return dict(totals)

"""Samples of a server on this machine: what its process tree holds, read from outside, and what
the probe says.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable, Sequence

import psutil

from ..errors import ProbeError
from ..record.metrics import names
from ..record.record import FastSample, ProcessReading, RestSample, Values
from .probe_client import ProbeLink, summed
from .process_reading import read_process, totals
from .process_tree import rss_bytes

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
        self._other_load = _OtherLoad(self.cpu_total_ns)

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
        """On-CPU nanoseconds of the living processes of the tree."""
        return self.cpu_total_ns()

    async def fast_sample(self) -> FastSample:
        """RSS of the tree, processes that have only just been forked left out."""
        rss = rss_bytes(process.pid for process in self._processes())
        return FastSample(self.now_s(), {names.RSS: rss} if rss else {})

    async def rest(
        self, cycle: int, sessions: int, *, idle: bool = False, collect: bool = True
    ) -> RestSample:
        """Wait for quiet, measure CPU at rest, collect if asked to, and read everything."""
        began_s = time.monotonic()
        settled = await self._settle(FIRST_SETTLE_LIMIT_S if cycle == 0 else SETTLE_LIMIT_S)
        settle_s = time.monotonic() - began_s
        cpu_at_rest = await self._cpu_at_rest()
        problems: dict[str, str] = {}
        inside = await self._inside(problems, collect=collect)
        readings = self._readings(problems)
        values = totals(readings)
        if readings:  # else the server is gone: absent is not zero
            values |= {
                names.CHILDREN: len(readings) - 1,
                names.ZOMBIES: sum(not reading.values for reading in readings),
                names.CPU_AT_REST: cpu_at_rest,
                names.OTHER_LOAD: self._other_load.percent(),
            }
            values |= summed(inside, [reading.pid for reading in readings])
        return RestSample(
            cycle,
            sessions,
            self.now_s(),
            settled,
            settle_s,
            values,
            readings,
            idle,
            collected=collect and bool(inside),
            problems=problems,
        )

    def _readings(self, problems: dict[str, str]) -> tuple[ProcessReading, ...]:
        """Each process that is there and can be read."""
        readings = (read_process(process, problems) for process in self._processes())
        return tuple(reading for reading in readings if reading is not None)

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

    async def _cpu_at_rest(self) -> float:
        """Percent of one core over a short window."""
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


class _OtherLoad:
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
        """Percent of all cores since the last call, never below 0. The time of a process of the
        tree that has ended counts as that of others.
        """
        last, self._last = self._last, self._read()
        elapsed_s, busy_s, ours_s = (
            now - before for now, before in zip(self._last, last, strict=True)
        )
        others_s = max(0.0, busy_s - max(0.0, ours_s))
        return 100 * others_s / max(elapsed_s, 1e-3) / (psutil.cpu_count() or 1)

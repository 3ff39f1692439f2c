"""What this machine and a server allow, and what to do where they do not."""

from __future__ import annotations

import asyncio
import os
import platform
import shutil
import sys
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from ..errors import HarnessError
from ..sessions.handshake import shake_hands
from ..target.launched import trial_log
from ..target.probe_client import ProbeLink
from ..target.target import ServerUnderTest
from ..units import format_size
from .machine import available_memory_bytes
from .memory_guard import Limits
from .opened_server import opened
from .options import RunOptions
from .plan import Plan, plan_of

ROOM_BYTES: Final = 512 * 2**20
_ASK_VERSION: Final = (
    "import sys; print('.'.join(map(str, sys.version_info[:3])), sys.implementation.name)"
)
_BAD_COLLECTOR: Final = range(5)
"""Of CPython 3.14: 3.14.0 to 3.14.4 have an incremental collector that lets garbage grow; 3.14.5
went back.
"""


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was looked at."""

    what: str
    finding: str
    advice: str = ""
    """What to do; empty where all is well."""
    fatal: bool = False
    """No run is possible."""


def machine_checks() -> Iterator[Check]:
    """What this machine allows."""
    linux = sys.platform == "linux"
    advice = "" if linux else "run on Linux: memory is read from /proc"
    yield Check("system", platform.platform(), advice, fatal=not linux)
    if not linux:
        return
    rollup = Path("/proc/self/smaps_rollup").exists()
    yield Check(
        "/proc",
        "USS and PSS can be read" if rollup else "there is no smaps_rollup",
        "" if rollup else "Linux 4.14",
    )
    scope = Path("/proc/sys/kernel/yama/ptrace_scope")
    value = scope.read_text(encoding="ascii").strip() if scope.exists() else "0"
    free = value == "0" or os.getuid() == 0
    yield Check(
        "ptrace",
        f"kernel.yama.ptrace_scope is {value}",
        ""
        if free
        else "--pid and --attach-probe may need root; servers that are started with --serve do not",
    )
    memory = available_memory_bytes()
    small = memory < 2 * ROOM_BYTES
    yield Check(
        "memory",
        f"{format_size(memory)} are free",
        "a leak of more than a quarter of that ends the run: see --memory-budget" if small else "",
    )
    cores, load = os.cpu_count() or 1, os.getloadavg()[0]
    crowded = load > cores / 2
    yield Check(
        "processors",
        f"{cores}, load {load:.2f}",
        "others are busy here: memory is measured as well as ever, latency and CPU are not"
        if crowded
        else "",
    )
    disk = shutil.disk_usage(".").free
    yield Check(
        "disk",
        f"{format_size(disk)} are free",
        "" if disk > ROOM_BYTES // 4 else "make room for the run's record",
    )
    gdb = shutil.which("gdb")
    yield Check("gdb", gdb or "none: before CPython 3.14, --attach-probe needs it", "")


def server_checks(options: RunOptions) -> list[Check]:
    """What the server that some options name allows. It is started or found, and looked at."""
    try:
        plan = plan_of(options)
        with trial_log() as log:
            return asyncio.run(_server(plan, log))
    except HarnessError as error:
        advice = "\n".join(filter(None, (error.why, error.hint)))
        return [Check("server", error.what, advice, fatal=True)]


async def _server(plan: Plan, log: Path) -> list[Check]:
    address = plan.load.address
    limits = Limits.of(plan.policy.memory_budget_bytes, is_given=plan.is_budget_given)
    async with opened(plan.server, plan.load, log, limits) as server:
        await server.wait_ready()
        server.guard.measure_from_now()
        checks = [Check("server", f"answers at {plan.server.words['url']}")]
        if plan.load.scenario.connect:
            connection = await shake_hands(address)
            checks.append(_compression(connection, wanted=address.compression))
            await connection.close()
        checks += [check async for check in _interpreters(server.server)]
        probe, silence = await server.greeted()
        checks.append(await _probe(probe, silence))
    return checks


def _compression(connection: Any, *, wanted: bool) -> Check:
    names = [extension.name for extension in connection.protocol.extensions]
    if names:
        costs = (
            "a connection costs the server 64 to 316 KiB more than without; pages of browsers do "
            "the same"
        )
        return Check("compression", f"{', '.join(names)}: {costs}")
    return Check("compression", "off" if not wanted else "the server does not offer it")


async def _interpreters(server: ServerUnderTest) -> AsyncIterator[Check]:
    for pid in server.pids()[:4]:
        try:
            for check in await _interpreter(pid):
                yield check
        except OSError:
            yield Check(f"pid {pid}", "has ended while it was looked at")


async def _interpreter(pid: int) -> list[Check]:
    """What one process is.

    Raises:
        OSError: it has ended meanwhile.
    """
    executable, name = _program(pid)
    if "python" not in Path(name).name:
        what = f"{name} is not Python" if name else "what program it is cannot be read"
        return [Check(f"pid {pid}", f"{what}: memory and counters from outside, no causes")]
    process = await asyncio.create_subprocess_exec(
        str(executable),
        "-I",
        "-c",
        _ASK_VERSION,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
    )
    output = (await process.communicate())[0].decode().strip()
    return [Check(f"pid {pid}", f"{name}: {output}", _trap(output)), _allocator(pid)]


def _program(pid: int) -> tuple[Path, str]:
    """How to run it, and what it is called; the name is empty where it may not be known."""
    executable = Path(f"/proc/{pid}/exe")
    try:
        return executable, str(executable.readlink())
    except OSError:
        return executable, ""


def _trap(output: str) -> str:
    """What is wrong with this version and implementation; empty where nothing is known."""
    version, _, implementation = output.partition(" ")
    numbers = tuple(int(part) for part in version.split(".") if part.isdecimal())
    if implementation != "cpython":
        return "the probe is made for CPython; others are measured from outside"
    if numbers < (3, 9):
        return "the probe needs CPython 3.9 or later: this one is measured from outside"
    if numbers[:2] == (3, 14) and numbers[2] in _BAD_COLLECTOR:
        return "its incremental collector lets garbage pile up without a leak; take 3.14.5 or later"
    return ""


def _allocator(pid: int) -> Check:
    maps = Path(f"/proc/{pid}/maps").read_text(errors="replace")
    other = next((name for name in ("jemalloc", "mimalloc", "tcmalloc") if name in maps), "")
    musl = "ld-musl" in maps
    if other or musl:
        return Check(
            "allocator",
            other or "musl",
            "malloc cannot be asked there: USS and RSS decide, with coarser limits",
        )
    environment = Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
    raw = any(line.startswith(b"PYTHONMALLOC=malloc") for line in environment)
    return Check("allocator", "glibc" + (", for all of Python's objects, too" if raw else ""))


async def _probe(link: ProbeLink | None, silence: str) -> Check:
    if link is None:
        return Check("probe", "none", " ".join(silence.split()))
    try:
        gauges = sorted(
            {name for values in (await link.sample(collect=True)).values() for name in values}
        )
    except HarnessError as error:
        return Check("probe", "greeted, and does not answer", error.what)
    return Check("probe", f"reads {', '.join(gauges)}")

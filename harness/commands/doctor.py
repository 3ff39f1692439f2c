"""`leak-harness doctor`: what this machine and this server allow, and what to do where they do
not.
"""

from __future__ import annotations

import argparse
import os
import platform
import shutil
import sys
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from harness.commands import run as run_verb
from harness.errors import ExitStatus, HarnessError
from harness.experiment.options import declare, plan_of
from harness.units import format_size

if TYPE_CHECKING:
    from harness.experiment.experiment import Plan
    from harness.target.target import ServerUnderTest

HELP = (
    "what this machine and this server allow: probe, /proc, memory, allocator, interpreter, "
    "compression"
)
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


def add_options(parser: argparse.ArgumentParser) -> None:
    """Those of a run."""
    declare(parser)


def defaults() -> dict[str, Any]:
    """What the configuration file sets."""
    return run_verb.defaults()


def run(options: argparse.Namespace) -> int:
    """Print what was found; 0 where a run is possible."""
    import asyncio

    from harness.target.launched import trial_log

    checks = [*_machine()]
    try:
        plan = plan_of(options)
        with trial_log() as log:
            checks += asyncio.run(_server(plan, log))
    except HarnessError as error:
        checks.append(
            Check(
                "server", error.what, "\n".join(filter(None, (error.why, error.hint))), fatal=True
            )
        )
    for one in checks:
        mark = "no" if one.fatal else "mind" if one.advice else "ok"
        print(f"{mark:5} {one.what:12} {one.finding}")
        if one.advice:
            print(textwrap.indent(one.advice, " " * 22).replace(" " * 22, f"{'':18} -> ", 1))
    return ExitStatus.USAGE if any(one.fatal for one in checks) else ExitStatus.FLAT


def _machine() -> Iterator[Check]:
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
    from harness.experiment.experiment import available_memory_bytes

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


async def _server(plan: Plan, log: Path) -> list[Check]:
    from harness.experiment.experiment import greeted
    from harness.sessions.handshake import shake_hands, why_not_ready
    from harness.target.probe_client import ProbeLink
    from harness.target.target import open_server

    target = plan.target
    probe = ProbeLink() if target.probe and target.source is None else None
    checks = []
    try:
        environment = probe.environment(target.environment) if probe else target.environment
        server = await open_server(target, environment, log)
        try:
            address = plan.load.address
            why_not = partial(why_not_ready, address, any_answer=not plan.load.scenario.connect)
            await server.wait_ready(why_not, target.ready_limit_s)
            checks.append(Check("server", f"answers at {target.words['url']}"))
            if plan.load.scenario.connect:
                connection = await shake_hands(address)
                checks.append(_compression(connection, wanted=address.compression))
                await connection.close()
            checks += [check async for check in _interpreters(server)]
            link, silence = await greeted(target, server, probe, why_not)
            checks.append(await _probe(link, silence))
        finally:
            await server.stop()
    finally:
        if probe is not None:
            await probe.close()
    return checks


def _compression(connection: Any, *, wanted: bool) -> Check:
    names = [one.name for one in connection.protocol.extensions]
    if names:
        costs = (
            "a connection costs the server 64 to 316 KiB more than without; pages of browsers do "
            "the same"
        )
        return Check("compression", f"{', '.join(names)}: {costs}")
    return Check("compression", "off" if not wanted else "the server does not offer it")


async def _interpreters(server: ServerUnderTest) -> Any:
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
    import asyncio

    executable, name = _program(pid)
    if "python" not in Path(name).name:
        what = f"{name} is no Python" if name else "what program it is cannot be read"
        return [Check(f"pid {pid}", f"{what}: memory and counters from outside, no causes")]
    process = await asyncio.create_subprocess_exec(
        str(executable),
        "-I",
        "-c",
        _ASK_VERSION,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
    )
    said = (await process.communicate())[0].decode().strip()
    return [Check(f"pid {pid}", f"{name}: {said}", _trap(said)), _allocator(pid)]


def _program(pid: int) -> tuple[Path, str]:
    """How to run it, and what it is called; the name is empty where it may not be known."""
    executable = Path(f"/proc/{pid}/exe")
    try:
        return executable, str(executable.readlink())
    except OSError:
        return executable, ""


def _trap(said: str) -> str:
    """What is known of this version."""
    version, _, implementation = said.partition(" ")
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
    raw = any(one.startswith(b"PYTHONMALLOC=malloc") for one in environment)
    return Check("allocator", "glibc" + (", for all of Python's objects, too" if raw else ""))


async def _probe(link: Any, silence: str) -> Check:
    if link is None:
        return Check("probe", "none", " ".join(silence.split()))
    try:
        gauges = sorted(
            {name for values in (await link.sample(collect=True)).values() for name in values}
        )
    except HarnessError as error:
        return Check("probe", "greeted, and does not answer", error.what)
    return Check("probe", f"reads {', '.join(gauges)}")

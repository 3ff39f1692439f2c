"""Readings from outside, of real processes."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator

import psutil
import pytest

from harness.target.sampler import Sampler, cpu_ns

MIB = 2**20
IDLE = "import sys; print('ready', flush=True); sys.stdin.read()"
HOLDS_64_MIB = (
    f"import sys; held = b'x' * (64 * {MIB}); print('ready', flush=True); sys.stdin.read()"
)
OPENS_FILES_AND_THREADS = """
import os, sys, threading
opened = [os.open("/dev/null", os.O_RDONLY) for _ in range(7)]
threads = [threading.Thread(target=threading.Event().wait, daemon=True).start() for _ in range(3)]
print("ready", flush=True)
sys.stdin.read()
os._exit(0)
"""
BUSY = "print('ready', flush=True)\nwhile True: pass"

Start = Callable[[str], psutil.Process]


@pytest.fixture
def start() -> Iterator[Start]:
    """Starts Python programs that say when they are ready; they end with the test."""
    started: list[subprocess.Popen[bytes]] = []

    def start_one(code: str) -> psutil.Process:
        started.append(
            subprocess.Popen(
                [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE
            )
        )
        assert started[-1].stdout is not None
        assert started[-1].stdout.readline() == b"ready\n"
        return psutil.Process(started[-1].pid)

    yield start_one
    for one in started:
        with one:
            one.kill()


def sampler(*processes: psutil.Process) -> Sampler:
    return Sampler(lambda: list(processes), None, time.monotonic())


async def test_memory_that_is_held_is_read_to_a_percent(start: Start) -> None:
    empty, full = start(IDLE), start(HOLDS_64_MIB)
    held = (await sampler(full).rest(1, 1)).values["uss"] - (
        await sampler(empty).rest(1, 1)
    ).values["uss"]
    assert held == pytest.approx(64 * MIB, rel=0.01)


async def test_a_tree_is_the_sum_of_its_processes_and_each_is_kept(start: Start) -> None:
    server, child = start(IDLE), start(HOLDS_64_MIB)
    rest = await sampler(server, child).rest(1, 1)
    assert rest.values["children"] == 1
    assert [one.pid for one in rest.processes] == [server.pid, child.pid]
    for metric in ("rss", "uss", "pss", "threads", "descriptors"):
        assert rest.values[metric] == sum(one.values[metric] for one in rest.processes)


@pytest.fixture
def zombie() -> Iterator[psutil.Process]:
    """A process that has ended and that nobody has waited for."""
    with subprocess.Popen([sys.executable, "-c", "pass"]) as child:
        os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
        yield psutil.Process(child.pid)


async def test_a_child_that_has_ended_and_that_nobody_waits_for_counts_as_a_child(
    start: Start, zombie: psutil.Process
) -> None:
    server = start(IDLE)
    rest = await sampler(server, zombie).rest(1, 1)
    assert (rest.values["children"], rest.values["zombies"]) == (1, 1)
    assert rest.values["uss"] == rest.processes[0].values["uss"]


async def test_shared_pages_count_in_rss_partly_in_pss_and_not_in_uss(start: Start) -> None:
    start(IDLE)
    values = (await sampler(start(IDLE)).rest(1, 1)).values
    assert values["uss"] < values["pss"] < values["rss"]


async def test_descriptors_and_threads_are_exact(start: Start) -> None:
    plain, more = [
        (await sampler(start(code)).rest(1, 1)).values for code in (IDLE, OPENS_FILES_AND_THREADS)
    ]
    assert (more["descriptors"] - plain["descriptors"], more["threads"] - plain["threads"]) == (
        7,
        3,
    )


async def test_a_process_that_has_just_ended_does_no_harm(start: Start) -> None:
    server, gone = start(IDLE), start(IDLE)
    gone.kill()
    gone.wait()
    rest = await sampler(server, gone).rest(1, 1)
    assert (rest.values["children"], [one.pid for one in rest.processes]) == (0, [server.pid])


async def test_a_server_that_is_gone_gives_no_reading_rather_than_zero(start: Start) -> None:
    gone = start(IDLE)
    gone.kill()
    gone.wait()
    assert (await sampler(gone).rest(1, 1)).values == {}


def test_cpu_time_is_that_of_all_threads(start: Start) -> None:
    busy = start(BUSY)
    before = cpu_ns(busy)
    while cpu_ns(busy) - before < 50_000_000:
        time.sleep(0.01)
    least_s, told_s, most_s = cpu_ns(busy) / 1e9, sum(busy.cpu_times()[:2]), cpu_ns(busy) / 1e9
    assert least_s - 0.1 < told_s < most_s + 0.1


async def test_a_busy_server_is_unsettled_and_waited_for_less_after_three_cycles(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        "harness.target.sampler.QUIET_S", 0.2
    )  # on a crowded machine a busy one may get no turn for 20 ms
    monkeypatch.setattr("harness.target.sampler.SETTLE_LIMIT_S", 0.4)
    monkeypatch.setattr("harness.target.sampler.SHORT_SETTLE_LIMIT_S", 0.0)
    one = sampler(start(BUSY))
    rests = [await one.rest(cycle, cycle) for cycle in range(1, 6)]
    assert [rest.settled for rest in rests] == [False] * 5
    assert [rest.settle_s >= 0.4 for rest in rests] == [True, True, True, False, False]
    assert rests[0].values["idle_cpu"] > 5


async def test_an_idle_server_settles_and_uses_no_cpu(start: Start) -> None:
    rest = await sampler(start(IDLE)).rest(1, 1)
    assert rest.settled
    assert rest.values["idle_cpu"] < 5


async def test_a_fast_sample_reads_rss_alone(start: Start) -> None:
    server = start(HOLDS_64_MIB)
    reader, until_s = sampler(server), time.monotonic() + 10
    values = (await reader.fast_sample()).values
    while not values and time.monotonic() < until_s:  # a process that has just begun is left out
        await asyncio.sleep(0.01)
        values = (await reader.fast_sample()).values
    assert values["rss"] > 64 * MIB

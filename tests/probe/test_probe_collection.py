"""The probe counts tasks, collects garbage, and leaves no trace of its own readings."""

from __future__ import annotations

import asyncio
import concurrent.futures
import os
import threading
from collections.abc import Callable

import pytest
from probed_process import (
    HAS_MALLINFO2,
    Launched,
    until,
)

from harness.probe import loops


def test_tasks_are_counted_in_all_loops_of_all_threads_until_they_are_done(
    looping: Launched,
) -> None:
    peer = looping.peer()
    assert peer.gauges()["tasks"] == 1
    looping.do(
        "other = asyncio.new_event_loop(); threading.Thread(target=other.run_forever, "
        "daemon=True).start()"
    )
    looping.do(
        "keep = [asyncio.run_coroutine_threadsafe(asyncio.sleep(3600), other) for _ in range(3)]"
    )
    until(lambda: peer.gauges()["tasks"] == 4)
    looping.do("keep.pop().cancel()")
    until(lambda: peer.gauges()["tasks"] == 3)


async def test_asking_each_loop_for_its_tasks_gives_what_the_registries_give() -> None:
    started: concurrent.futures.Future[Callable[[], object]] = concurrent.futures.Future()

    async def stay() -> None:
        leave = asyncio.Event()
        loop = asyncio.get_running_loop()
        sleeping = asyncio.create_task(asyncio.sleep(3600))
        started.set_result(lambda: loop.call_soon_threadsafe(leave.set))
        await leave.wait()
        sleeping.cancel()

    thread = threading.Thread(target=lambda: asyncio.run(stay()))
    thread.start()
    leave = await asyncio.wrap_future(started)
    counts = loops.pending_tasks_by_loop(), loops.pending_tasks()
    leave()
    thread.join()
    assert counts == (3, 3)


def test_collecting_finds_cycles_and_finishes_generators_that_were_left_half_way(
    looping: Launched,
) -> None:
    peer = looping.peer()
    peer.ask("collect")
    looping.do("gc.disable()")
    looping.do(
        "exec('async def agen():\\n try:\\n  yield 1\\n finally:\\n  await asyncio.sleep(0)\\n  "
        "ended.set()')"
    )
    looping.do(
        "exec('async def half_way():\\n made = agen()\\n me = [made]\\n me.append(me)\\n await "
        "made.__anext__()')"
    )
    looping.do("ended = threading.Event()")
    looping.do("asyncio.run_coroutine_threadsafe(half_way(), loop).result()")
    collected = peer.ask("collect")
    assert looping.do("ended.is_set()") is True
    assert collected["found"][0] >= 1
    assert collected["loop_answered"] is True
    assert collected["trimmed"] is HAS_MALLINFO2
    assert looping.do("gc.isenabled()") is False


def test_finalizers_run_on_the_thread_of_the_loop(looping: Launched) -> None:
    looping.do(
        "exec('class Cycle:\\n def __del__(self): ran_in.append(threading.current_thread().name)')"
    )
    looping.do("gc.disable(); ran_in = []; one = Cycle(); one.me = one; del one")
    looping.peer().ask("collect")
    assert looping.do("ran_in") == ["MainThread"]


def test_without_a_loop_it_collects_all_the_same(puppet: Launched) -> None:
    puppet.do("gc.disable(); gc.collect(); one = []; one.append(one); del one")
    collected = puppet.peer().ask("collect")
    assert collected["found"][0] >= 1
    assert collected["loop_answered"] is None


def test_a_loop_that_is_stuck_is_done_without_and_not_asked_again_until_it_is_free(
    looping: Launched,
) -> None:
    peer = looping.peer()
    looping.do("release = threading.Event(); loop.call_soon_threadsafe(release.wait)")
    assert peer.ask("collect")["loop_answered"] is False
    before = looping.do("len(loop._ready)")
    assert peer.ask("collect")["loop_answered"] is False
    assert looping.do("len(loop._ready)") == before
    looping.do("release.set()")
    until(lambda: peer.ask("collect")["loop_answered"])


def test_a_loop_is_found_when_the_server_has_frozen_its_heap(looping: Launched) -> None:
    looping.do("gc.freeze()")
    sample = looping.peer().ask("sample", collect=True)
    assert sample["collection"]["loop_answered"] is True
    assert sample["gauges"]["tasks"] == 1
    assert looping.do("gc.get_freeze_count()") > 1000


@pytest.mark.skipif(not HAS_MALLINFO2, reason="the C library has no mallinfo2")
def test_chunks_that_the_loops_thread_has_freed_and_caches_are_not_in_use(
    looping: Launched,
) -> None:
    peer = looping.peer()
    for _ in range(3):
        before = peer.gauges()["malloc_in_use"]
    looping.do(
        "used = lambda: [bytes(size) for size in range(520, 980, 16) for _ in range(7)] and "
        "done.set()"
    )
    looping.do("done = threading.Event(); loop.call_soon_threadsafe(used); done.wait()")
    assert abs(peer.gauges()["malloc_in_use"] - before) < 20_000


@pytest.mark.parametrize("kind", ["looping", "puppet"])
def test_twenty_readings_of_an_idle_server_do_not_grow(
    kind: str, request: pytest.FixtureRequest
) -> None:
    peer = request.getfixturevalue(kind).peer()
    readings = [peer.gauges() for _ in range(26)][6:]
    for name in ("blocks", "gc_objects", "tasks", "python_threads"):
        series = [reading[name] for reading in readings]
        assert min(series[:10]) == min(series[10:]), series
        assert series.count(series[-1]) >= 15, series


@pytest.mark.skipif(not HAS_MALLINFO2, reason="the C library has no mallinfo2")
def test_censuses_leave_nothing_behind(puppet: Launched) -> None:
    peer = puppet.peer()

    def in_use() -> int:
        peer.ask("census", followed=[])
        return int(peer.gauges()["malloc_in_use"])

    readings = [
        in_use() for _ in range(14)
    ]  # the thread of a census may still be ending while one is taken
    assert min(readings[9:]) - min(readings[3:9]) < 8_000, readings


def test_timers_are_counted_and_cancelled_ones_are_no_objects(looping: Launched) -> None:
    peer = looping.peer()
    looping.do("handles = []")
    later = (
        "loop.call_soon_threadsafe(lambda: (handles.extend(loop.call_later(600, print) for _ in "
        "range(50)), ok.set()))"
    )
    before = peer.gauges()
    looping.do(f"ok = threading.Event(); {later}; ok.wait()")
    assert peer.gauges()["timers"] == before["timers"] + 50
    assert peer.gauges()["gc_objects"] >= before["gc_objects"] + 100
    looping.do("[one.cancel() for one in handles]; handles.clear()")
    after = peer.gauges()
    assert after["timers"] == before["timers"]
    assert after["gc_objects"] <= before["gc_objects"] + 10


def test_readings_make_no_garbage_of_their_own(looping: Launched) -> None:
    peer = looping.peer()
    looping.do("gc.disable()")
    readings = [peer.gauges(collect=False)["gc_objects"] for _ in range(26)][6:]
    assert min(readings[:10]) == min(readings[10:]), readings
    peer.ask("collect")
    assert peer.ask("collect")["found"] == [0, 0]


def test_reading_a_large_heap_leaves_no_memory_behind(puppet: Launched) -> None:
    peer = puppet.peer()
    puppet.do("keep = [[] for _ in range(400_000)]")
    resident_pages = "int(open('/proc/self/statm').read().split()[1])"
    before = puppet.do(resident_pages)
    for _ in range(3):
        assert peer.gauges(collect=False)["gc_objects"] > 400_000
    assert (puppet.do(resident_pages) - before) * os.sysconf("SC_PAGE_SIZE") < 1_000_000

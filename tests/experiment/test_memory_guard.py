"""The memory guard, with real servers that take 600 MiB where 64 MiB are allowed."""

from __future__ import annotations

import asyncio
import json
import os
import shlex
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest
from server_scripts import ECHO_SCENARIO, HEAD_THAT_EATS

from harness.errors import OutOfMemoryGuard
from harness.experiment.memory_guard import HARD_FACTOR, Limits, MemoryGuard
from harness.record.store import load_record
from harness.target import sampler
from harness.target.process_tree import descendants, rss_bytes

MIB = 2**20
SERVED = """
async def main():
    async with serve(handle, "127.0.0.1", int(os.environ["PORT"])):
        await asyncio.Future()

asyncio.run(main())
"""
IN_A_REPLY = """
async def handle(connection):
    async for message in connection:
        await asyncio.to_thread(eat, 600)
        await connection.send(message)
"""
IN_A_CHILD = """
EATS = "kept = [b'x' * (8 << 20) for _ in range(75) if not time.sleep(0.02)]"
CHILD = "import time; " + EATS + "; time.sleep(60)"

async def handle(connection):
    async for message in connection:
        await asyncio.to_thread(subprocess.run, [sys.executable, "-c", CHILD])
        await connection.send(message)
"""
WHILE_WAITING = """
left = []

async def handle(connection):
    left.append(asyncio.create_task(asyncio.Event().wait()))
    async for message in connection:
        await connection.send(message)
    if len(left) == 12:
        asyncio.get_running_loop().call_later(6, begin_to_eat)

def begin_to_eat():
    left.append(asyncio.create_task(asyncio.to_thread(eat, 600)))
"""
BEFORE_READY = "eat(600)\n" + IN_A_REPLY


def _run(folder: Path, server: str, *options: str) -> subprocess.CompletedProcess[str]:
    (folder / "echo.py").write_text(ECHO_SCENARIO)
    (folder / "eats.py").write_text(HEAD_THAT_EATS + server + SERVED)
    served = shlex.join([sys.executable, str(folder / "eats.py")])
    words = ["run", "echo.py", "--protocol", "plain", "--memory-budget", "64MiB"]
    words += ["--no-explain", "--out", "out", "--serve", served, *options]
    return subprocess.run(
        [sys.executable, "-m", "harness", *words],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )


def _python(program: str) -> subprocess.Popen[bytes]:
    words = [sys.executable, "-c", program]
    return subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE)


def _is_running(folder: Path) -> bool:
    for process in psutil.process_iter(["cmdline"]):
        if str(folder / "eats.py") in (process.info["cmdline"] or []):
            return True
    return False


@pytest.mark.parametrize("server", [IN_A_REPLY, IN_A_CHILD], ids=["reply", "child"])
def test_growth_within_one_session_ends_the_server_and_is_a_leak(
    tmp_path: Path, server: str
) -> None:
    done = _run(tmp_path, server, "--grace", "0s")
    result = json.loads((tmp_path / "out" / "result.json").read_text())
    assert (done.returncode, result["verdict"]) == (1, "leak"), done.stderr
    memory = result["gates"]["memory"]
    assert "within one session" in memory["reason"]
    assert "unconfirmed" in memory["tags"]
    highest = max(beat.values["rss"] for beat in load_record(tmp_path / "out").fast_samples)
    assert memory["first"] + 64 * MIB < highest < memory["first"] + 400 * MIB
    assert "memory guard" in done.stderr
    assert not _is_running(tmp_path)


def test_growth_before_the_server_is_ready_ends_it_and_names_the_limit(tmp_path: Path) -> None:
    done = _run(tmp_path, BEFORE_READY)
    assert done.returncode == 4, done.stderr
    assert "before it was ready, over 256MiB" in done.stderr
    assert not _is_running(tmp_path)


@pytest.mark.slow
def test_growth_while_the_run_waits_ends_the_server_and_what_was_measured_is_judged(
    tmp_path: Path,
) -> None:
    done = _run(tmp_path, WHILE_WAITING, "--cycles", "12", "--grace", "40s")
    record = load_record(tmp_path / "out")
    assert record.memory_stop is not None, done.stderr
    assert (record.memory_stop.cause, record.memory_stop.open_sessions) == ("growth", 0)
    assert len(record.cycles) == 12
    assert done.returncode in (1, 3), done.stderr
    assert not _is_running(tmp_path)


async def test_the_machine_keeps_a_margin_of_free_memory() -> None:
    limits = Limits(budget_bytes=1 << 40, start_bytes=1 << 40, margin_bytes=1 << 50)
    with _python("kept = b'x' * (100 << 20); import time; time.sleep(60)") as eater:
        guard = MemoryGuard(limits, lambda: [eater.pid], may_end=True, now_s=time.monotonic)
        guard.start()
        with pytest.raises(OutOfMemoryGuard, match="the machine had"):
            async with guard:
                await asyncio.sleep(60)
        guard.stop()
        assert eater.wait(10) == -9


async def test_the_harness_itself_is_watched_though_its_loop_is_busy() -> None:
    limits = Limits(1 << 40, 1 << 40, margin_bytes=0, own_growth_bytes=40 * MIB)
    guard = MemoryGuard(limits, list, may_end=True, now_s=time.monotonic)
    guard.start()

    async def never_awaits() -> None:
        async with guard:
            kept = b"x" * (80 * MIB)
            until_s = time.monotonic() + 20
            while guard.stopped is None and time.monotonic() < until_s:
                pass
            assert kept
            await asyncio.sleep(60)

    with pytest.raises(OutOfMemoryGuard, match="leak-harness itself"):
        await never_awaits()
    guard.stop()


async def test_a_server_that_ran_before_is_left_alone_and_the_run_ends() -> None:
    limits = Limits(budget_bytes=MIB, start_bytes=1 << 40, margin_bytes=0)
    eating = "import time; time.sleep(1); kept = b'x' * (90 << 20); print(flush=True); input()"
    with _python(eating) as eater:
        guard = MemoryGuard(limits, lambda: [eater.pid], may_end=False, now_s=time.monotonic)
        guard.measure_from_now()
        guard.start()
        with pytest.raises(OutOfMemoryGuard, match="grew by"):
            async with guard:
                await asyncio.sleep(60)
        guard.stop()
        assert eater.poll() is None
        eater.communicate(b"\n")


def test_a_clock_that_is_set_back_does_not_end_the_samples(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    before = rss_bytes([os.getpid()])
    monkeypatch.setattr(time, "time", lambda: 0.0)  # setting the machine's clock is not for a test
    assert rss_bytes([os.getpid()]) >= before / 2 > 0
    reader = sampler.Sampler(lambda: [psutil.Process()], None, time.monotonic())
    assert asyncio.run(reader.fast_sample()).values["rss"] > 0


def test_descendants_are_found_without_the_process_itself() -> None:
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as child:
        assert child.pid in descendants(os.getpid())
        assert os.getpid() not in descendants(os.getpid())
        child.communicate(b"\n")


def test_the_hard_limit_lies_above_the_one_at_which_no_new_session_begins() -> None:
    assert Limits.of(MIB, is_given=False).start_bytes == float("inf")
    assert HARD_FACTOR > 2
    assert Limits.of(8 * MIB, is_given=True).hard_bytes == 80 * MIB
    assert Limits.of(1024 * MIB, is_given=True).hard_bytes == HARD_FACTOR * 1024 * MIB

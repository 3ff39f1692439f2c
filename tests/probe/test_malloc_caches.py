"""What malloc's caches of a process's threads can hold, as the probe measures it."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from harness.probe import malloc

READ = """
import threading, time
from harness.probe.gauges import malloc_caches
read = malloc_caches.reader()
until = time.monotonic() + 10
while (alone := read()) and time.monotonic() < until:
    time.sleep(0.01)  # the thread that has measured may still be ending
stop = threading.Event()
threads = [threading.Thread(target=stop.wait) for _ in range(3)]
for thread in threads:
    thread.start()
print(alone, read())
stop.set()
"""

pytestmark = pytest.mark.skipif(not malloc.can_be_read(), reason="no mallinfo2 here")


def caches(**environment: str) -> list[int]:
    done = subprocess.run(
        [sys.executable, "-c", READ],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    return [int(word) for word in done.stdout.split()]


def test_one_thread_has_none_and_four_have_one_each() -> None:
    alone, together = caches()
    assert alone == 0
    assert together > 0
    assert together % (4 * sum(range(32, 1040 + 1, 16))) == 0


def test_a_malloc_without_caches_has_none() -> None:
    assert caches(GLIBC_TUNABLES="glibc.malloc.tcache_count=0") == [0, 0]

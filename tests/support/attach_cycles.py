"""Attaches the probe to a process that runs, asks it, and leaves, again and again.

`python tests/support/attach_cycles.py 1000 [PYTHON]` does so a thousand times with a process of
that interpreter. A process that crashes, or ends with more blocks than it began with, fails it.
The process runs the script of `--attach-probe` at a signal, between two instructions, as gdb and
`sys.remote_exec` have it do.
"""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from harness.target.attach_probe import _script
from harness.target.probe_client import ProbeLink

SERVER = """
import asyncio, signal, sys

def run(*_):
    exec(open(open(sys.argv[1]).read()).read(), {})

signal.signal(signal.SIGUSR1, run)
print("ready", flush=True)

async def main():
    while True:
        await asyncio.sleep(0.01)

asyncio.run(main())
"""
FIRST_CYCLES = 10
"""Until caches of the interpreter are full."""
MAX_MORE_BLOCKS = 200


async def _cycle(pid: int, order: Path) -> int:
    """Blocks and threads that the process holds while the probe is in it."""
    link = ProbeLink()
    try:
        order.write_text(str(_script(pid, link.folder)))  # noqa: ASYNC240 - nothing else runs
        os.kill(pid, signal.SIGUSR1)
        await link.greet(30)
        values = (await link.sample())[pid]
        await link.census([])
        return int(values["blocks"])
    finally:
        await link.close()


async def _cycles(pid: int, order: Path, number: int) -> list[int]:
    return [await _cycle(pid, order) for _ in range(number)]


if __name__ == "__main__":
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 1000
    python = sys.argv[2] if len(sys.argv) > 2 else sys.executable
    began_s = time.monotonic()
    order = Path(tempfile.mkdtemp()) / "script"
    server = subprocess.Popen([python, "-c", SERVER, str(order)], stdout=subprocess.PIPE)
    assert server.stdout is not None
    server.stdout.readline()
    try:
        blocks = asyncio.run(_cycles(server.pid, order, count))
        crashed = server.poll() is not None
    finally:
        server.kill()
        server.wait()
    start = blocks[min(FIRST_CYCLES, count - 1)]
    print(
        f"{count} cycles in {time.monotonic() - began_s:.0f}s: crashed {crashed}, blocks {start} "
        f"after {FIRST_CYCLES} cycles, {blocks[-1]} at the end, {max(blocks)} at most"
    )
    sys.exit(crashed or blocks[-1] > start + MAX_MORE_BLOCKS)

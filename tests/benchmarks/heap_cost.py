"""What census and chains cost a server of a million objects: seconds, memory that stays, the
longest wait of a loop.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path

import psutil

sys.path.insert(0, str(Path(__file__).parents[1] / "support"))
from probed_process import PUPPET, Launched, Peer, launched_with_probe

HEAP = """
import asyncio, time

class Thing:
    def __init__(self, number):
        self.number, self.parts, self.words = number, [number], {"word": str(number)}

def build(number):
    global things, longest
    things = [Thing(one) for one in range(number // 3)]
    things += [[one] for one in range(number // 3)]
    longest = 0.0

async def beat():
    global longest
    while True:
        before = time.monotonic()
        await asyncio.sleep(0.001)
        longest = max(longest, time.monotonic() - before)
"""
TARGETS = ("heap.Thing", "builtins.list", "builtins.dict", "builtins.function", "builtins.type")


def main() -> None:
    """Print a line for each."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--objects", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=2)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        (Path(scratch) / "heap.py").write_text(HEAP)
        folder = Path(scratch) / "p"
        folder.mkdir(0o700)
        process = launched_with_probe([sys.executable, "-c", PUPPET, "loop"], folder, Path(scratch))
        try:
            measure(process, options.objects, options.rounds)
        finally:
            process.end()


def measure(process: Launched, objects: int, rounds: int) -> None:
    process.do("import heap")
    process.do(f"heap.build({objects})")
    process.do("asyncio.run_coroutine_threadsafe(heap.beat(), loop) and None")
    peer, outside = process.peer(), psutil.Process(process.process.pid)
    tracked = peer.gauges()["gc_objects"]
    before = outside.memory_full_info().uss
    targets = [{"key": name, "kind": "object", "name": name} for name in TARGETS]
    numbers = process.do("[id(heap), id(heap.things), *map(id, heap.things[-3:])]")
    targets += [{"key": str(number), "kind": "container", "id": str(number)} for number in numbers]
    for _ in range(rounds):
        asks: list[tuple[str, dict[str, object]]] = [
            ("census", {"followed": []}),
            ("causes", {"targets": targets}),
        ]
        for name, arguments in asks:
            process.do("heap.longest = 0.0")
            wall_s, cpu_s = asked(peer, outside, name, arguments)
            wait_s = process.do("heap.longest")
            peer.gauges()
            stays = outside.memory_full_info().uss / before - 1
            print(
                f"{name} of {tracked} objects: {wall_s:.2f} s ({cpu_s:.2f} s on CPU), "
                f"memory {stays:+.1%}, longest wait of the loop {1000 * wait_s:.0f} ms"
            )


def asked(
    peer: Peer, outside: psutil.Process, name: str, arguments: dict[str, object]
) -> tuple[float, float]:
    cpu_s, began_s = sum(outside.cpu_times()[:2]), time.monotonic()
    peer.ask(name, **arguments)
    return time.monotonic() - began_s, sum(outside.cpu_times()[:2]) - cpu_s


if __name__ == "__main__":
    main()

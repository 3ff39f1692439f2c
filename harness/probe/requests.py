"""What the probe can be asked: one function each. A new request is a new line in the table."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from . import census, collection, gauges, malloc, paths, tasks
from .loop_thread import LoopThread
from .wire import Collection, Sample

Request = Mapping[str, Any]

MOST_PLANTED_BYTES = 64 * 1024 * 1024
_planted: list[bytes] = []


def read_gauges(_: Request) -> dict[str, int]:
    """The gauges, without collecting first."""
    return LoopThread().run(gauges.read)


def collect(_: Request) -> Collection:
    """Collect and trim."""
    return collection.collect(LoopThread())


def sample(request: Request) -> Sample:
    """Collect and trim if the request says `"collect": true`, then the gauges: a rest sample in one round trip."""
    thread = LoopThread()
    collected = collection.collect(thread) if request.get("collect") is True else None
    read = thread.run(gauges.read)
    if collected is not None:
        thread.run(malloc.trim)  # listing the heap took memory; what is read from outside comes after this answer
    return Sample(gauges=read, collection=collected)


def plant(request: Request) -> int:
    """Leak `count` blocks of `bytes` each, for a control; how many have been planted so far comes back.

    Raises:
        ValueError: more was asked for than a control needs.
    """
    size, count = int(request["bytes"]), int(request["count"])
    if not 0 < size * count <= MOST_PLANTED_BYTES:
        raise ValueError(f"{count} blocks of {size} bytes are no control")
    _planted.extend(b"\xaa" * size for _ in range(count))
    return len(_planted)


def take_census(request: Request) -> dict[str, Any]:
    """Tracked objects by type, pending tasks by coroutine, and the length of every container."""
    found = {"types": census.types(), "tasks": tasks.groups(), "bounded": census.bounded()}
    lengths = {str(number): length for number, length in census.lengths().items()} if request.get("lengths") else {}
    return {**found, "lengths": lengths}


def find_chains(request: Request) -> dict[str, list[str]]:
    """What keeps the newest object of each of these types alive, and these containers, by id."""
    return paths.chains([str(name) for name in request["types"]], ids=[int(number) for number in request["ids"]])


REQUESTS: dict[str, Callable[[Request], Any]] = {
    "gauges": read_gauges,
    "collect": collect,
    "sample": sample,
    "plant": plant,
    "census": take_census,
    "chains": find_chains,
}


def answer(request: Request) -> dict[str, Any]:
    """The message that answers a request; one that fails is answered too."""
    name = request.get("request")
    if not isinstance(name, str) or name not in REQUESTS:
        return {"error": f"unknown request {name!r}; known: {', '.join(sorted(REQUESTS))}"}
    try:
        return {"answer": REQUESTS[name](request)}
    except Exception as error:  # noqa: BLE001 - the harness decides what it means; the server must not notice
        return {"error": f"{name}: {type(error).__name__}: {error}"}

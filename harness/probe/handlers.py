"""What the probe can be asked: one function each. A new request is a new line in the table."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from typing import Any

from . import (
    allocation_trace,
    causes,
    census,
    collection,
    container_owner,
    gauges,
    looking,
    malloc,
    native,
    own_threads,
    tasks,
    wire,
)
from .loop_thread import LoopThread
from .wire import Collection, Sample

MAX_STACKS_S = 3.0
MAX_PLANTED_BYTES = 64 * 1024 * 1024
_planted: list[bytes] = []
_folder = {"path": ""}


def use_folder(path: str) -> None:
    """Where files for the harness go."""
    _folder["path"] = path


def read_gauges(_: wire.Request) -> dict[str, int]:
    """The gauges, without collecting first."""
    return LoopThread().run(gauges.read)


def collect(_: wire.Request) -> Collection:
    """Collect garbage, and give free memory back."""
    return collection.collect(LoopThread())


def sample(request: wire.SampleRequest) -> Sample:
    """Collect and trim if the request says `"collect": true`, then the gauges: a rest sample in
    one round trip.
    """
    thread = LoopThread()
    collected = collection.collect(thread) if request.get("collect") is True else None
    read = thread.run(gauges.read)
    if collected is not None:
        thread.run(
            malloc.trim
        )  # listing the heap took memory; what is read from outside comes after this answer
    return Sample(gauges=read, collection=collected)


def plant(request: wire.PlantRequest) -> int:
    """Leak `count` blocks of `bytes` each, for a control; how many have been planted so far comes
    back.

    Raises:
        ValueError: more was asked for than a control needs.
    """
    size, count = int(request["bytes"]), int(request["count"])
    if not 0 < size * count <= MAX_PLANTED_BYTES:
        raise ValueError(f"{count} blocks of {size} bytes are not a control")
    _planted.extend(b"\xaa" * size for _ in range(count))
    return len(_planted)


def take_census(request: wire.CensusRequest) -> wire.Census:
    """Tracked objects by name, pending tasks by coroutine, threads by name; lengths of
    containers go into a file.
    """
    path = f"{_folder['path']}/{os.getpid()}{wire.LENGTHS_SUFFIX}"
    with open(path, "wb") as lengths:  # noqa: PTH123 - nothing but what the server has loaded anyway
        result = census.take(lengths, map(int, request["followed"]))
    skipped = looking.Skipped()
    groups = tasks.groups(skipped)
    return {
        **result,
        "tasks": groups,
        "threads": causes.thread_groups(),
        "lengths": path,
        "skipped": {**result["skipped"], **skipped.counts()},
    }


def find_causes(request: wire.CausesRequest) -> dict[str, wire.Cause]:
    """Why the targets are still there, see `causes.find`."""
    return causes.find(
        request["targets"], str(request.get("objgraph", "")), list(request.get("drawn", ()))
    )


def read_numbers(request: wire.NumbersRequest) -> dict[str, dict[str, int]]:
    """Whole numbers that the application's modules know by name, and those of the files that the
    request names.
    """
    return container_owner.numbers_of_modules(request["files"])


def switch_trace(request: wire.SwitchRequest) -> bool:
    """From now on, or no longer, remember where things are made."""
    (allocation_trace.start if request["on"] is True else allocation_trace.stop)()
    return bool(request["on"])


def switch_native(request: wire.SwitchRequest) -> wire.Native:
    """Watch what C code allocates from now on, or no longer: the file that tells, and why there
    is none.
    """
    path = f"{_folder['path']}/{os.getpid()}{wire.NATIVE_SUFFIX}"
    native.stop()
    return {"path": path, "problem": native.start(path) if request["on"] is True else ""}


def read_stacks(request: wire.StacksRequest) -> dict[str, int]:
    """What threads do instead of waiting, over so many seconds."""
    return causes.running(min(float(request["seconds"]), MAX_STACKS_S))


def collect_garbage(_: wire.Request) -> wire.Garbage:
    """Collect, and say what was found."""
    return LoopThread().run(causes.garbage)


REQUESTS: dict[str, Callable[[Any], object]] = {
    "gauges": read_gauges,
    "collect": collect,
    "sample": sample,
    "plant": plant,
    "census": take_census,
    "causes": find_causes,
    "numbers": read_numbers,
    "trace": switch_trace,
    "native": switch_native,
    "stacks": read_stacks,
    "garbage": collect_garbage,
}


_LARGE = frozenset(("census", "causes", "garbage"))
"""Done in threads of their own, which take what they have used with them."""


def _tidied(work: Callable[[Any], object], request: Mapping[str, object]) -> object:
    result = work(request)
    malloc.empty_thread_heap()
    return result


def answer(request: Mapping[str, object]) -> dict[str, object]:
    """The message that answers a request; one that fails is answered too."""
    name = request.get("request")
    if not isinstance(name, str) or name not in REQUESTS:
        return {"error": f"unknown request {name!r}; known: {', '.join(sorted(REQUESTS))}"}
    try:
        work = REQUESTS[name]
        if name in _LARGE:
            return {"answer": own_threads.run(lambda: _tidied(work, request))}
        return {"answer": work(request)}
    except Exception as error:  # noqa: BLE001 - the harness decides what it means; the server must not notice
        return {"error": f"{name}: {looking.reason_of(error)}"}

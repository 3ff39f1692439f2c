"""Why things are still there: for each that piles up the chain that keeps it, the places that
made it, its size.
"""

from __future__ import annotations

import gc
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from time import monotonic
from typing import Any

from . import (
    allocation_trace,
    census,
    container_entries,
    expiry,
    heap,
    looking,
    naming,
    object_states,
    own_threads,
    reachability,
    reference_graph,
    retained_size,
    tasks,
)
from .wire import UNREAD, Cause, Garbage, Target

MAX_INSIDE = 20

_WAITS = frozenset(
    (
        "select",
        "poll",
        "wait",
        "_wait_for_tstate_lock",
        "get",
        "accept",
        "run_forever",
        "_run_once",
        "_worker",
        "join",
    )
)
"""Functions of the standard library in which threads wait."""

_BEST = (True, True)
"""Has not ended, and was seen to be made."""


def find(
    targets: Iterable[Target], objgraph: str = "", drawn: Iterable[str] = ()
) -> dict[str, Cause]:
    """By the `key` of each target, what is known of it.

    Args:
        targets: what is asked about.
        objgraph: the source file of objgraph; without it no graph is drawn.
        drawn: keys of targets of which the answer is to have a `graph`, see `reference_graph`.
    """
    wanted = list(targets)
    causes: dict[str, Cause] = {
        target["key"]: _most_allocated() for target in wanted if target["kind"] == "memory"
    }
    if len(causes) == len(wanted):  # the trace goes on for other targets
        return causes
    for target in wanted:
        if target["kind"] == "thread":
            causes[target["key"]] = _made(_places_of_thread(target["name"]))
        elif target["kind"] == "opened":
            causes[target["key"]] = _made(allocation_trace.places_of_event(target["words"]))
        elif target["kind"] == "started":
            command, places = allocation_trace.start_of(target["words"])
            started = "started as `%s`" % command if command else ""
            causes[target["key"]] = {**_made(places), "state": started}
        elif target["kind"] == "container" and int(target["id"]) == census.AT_EXIT:
            made = _made(allocation_trace.places_of_event(allocation_trace.AT_EXIT))
            causes[target["key"]] = {
                **made,
                "name": "atexit",
                "owner": made["made_by"],
                "of": "callback",
            }
    paths: dict[str, list[int]] = {}
    causes.update(_in_heap(wanted, paths))
    graphs = reference_graph.draw(objgraph, {key: paths[key] for key in drawn if key in paths})
    for key, graph in graphs.items():
        causes[key]["graph"] = graph
    for target in wanted:  # no longer traced
        if target["kind"] == "task":
            causes[target["key"]] = {
                "bytes": tasks.retained_bytes(target["coroutine"], target["made_at"])
            }
    return causes


def _in_heap(wanted: list[Target], paths: dict[str, list[int]]) -> dict[str, Cause]:
    """What was seen of their making is asked for first: a walk that is traced itself takes five
    times as long.
    """
    search = _Search(wanted)
    search.look_through_heap()
    stand: dict[str, tuple[tuple[Any, ...], list[str], str]] = {}
    for key, held in search.containers.items():
        with search.skipped.errors():
            stand[key] = _stands_for(held)
    for key, newest in search.newest.items():
        with search.skipped.errors():
            stand[key] = (newest,), allocation_trace.places_of(newest), ""
    allocation_trace.stop()
    details: dict[str, Cause] = {}
    for key, (parts, places, name) in stand.items():
        with search.skipped.errors():
            is_text = name and not parts  # which grows by its own characters
            sizes = [(1, 0)] if is_text else [retained_size.held(part) for part in parts]
            size, objects = sum(size for size, _ in sizes), sum(objects for _, objects in sizes)
            details[key] = {**_made(places), "bytes": size, "objects": objects, "of": name}
    for key, held in search.containers.items():
        with search.skipped.errors():
            seconds, timed = expiry.expires_in_s(held)
            overdue_s = expiry.overdue_s(held) if seconds is not None else 0.0
            details.setdefault(key, {}).update(
                {"expires_s": seconds, "timed": timed, "overdue_s": overdue_s}
            )
    for key, newest in search.newest.items():
        with search.skipped.errors():
            details.setdefault(key, {})["state"] = object_states.state_of(newest)
    keys = {**search.keys, **{id(newest): key for key, newest in search.newest.items()}}
    unread = search.skipped.counts()
    del search, stand
    chains = reachability.walk(keys, paths)
    alone = {number: key for number, key in keys.items() if chains.get(key, {}).get("unreached")}
    for key in set(alone.values()) - _still_there(alone):  # it has gone meanwhile
        del chains[key]
    causes: dict[str, Cause] = {
        key: {**details.get(key, {}), **chains.get(key, {})} for key in {**details, **chains}
    }
    if unread:
        reason = max(unread, key=unread.__getitem__)
        causes[UNREAD] = {
            "state": "%d objects could not be read: %s" % (sum(unread.values()), reason)
        }
    return causes


def _still_there(keys: Mapping[int, str]) -> set[str]:
    if not keys:
        return set()
    return {keys[id(item)] for objects in heap.slices() for item in objects if id(item) in keys}


class _Search:
    """Finds the targets among the objects of the heap, and holds them until they have been
    looked at.
    """

    def __init__(self, wanted: list[Target]) -> None:
        self.keys = {
            int(target["id"]): target["key"] for target in wanted if target["kind"] == "container"
        }
        self.keys.pop(census.AT_EXIT, None)
        self.containers: dict[str, Any] = {}
        self.newest: dict[str, Any] = {}
        """The newest of each name: of those that have not ended, one whose making was seen, where
        there is such a one.

        Others are not looked at from then on: where an object was made takes longest to find out.
        """
        self._ranks: dict[str, tuple[bool, bool]] = {}
        self._names = {
            target["name"]: target["key"] for target in wanted if target["kind"] == "object"
        }
        self._called = looking.ByType(naming.type_name)
        self._owners: dict[int, list[tuple[int, str]]] = {}
        self._kinds = census.bases()
        self.skipped = looking.Skipped()
        for target in wanted:
            if target["kind"] == "place":
                owner, index = census.owner_and_index(int(target["id"]))
                self._owners.setdefault(owner, []).append((index, target["key"]))

    def look_through_heap(self) -> None:
        """When it is over, the list of all objects is gone: what an object retains is told by
        who else refers to it.
        """
        for objects in heap.slices():
            for item in objects:
                try:
                    self._look(item)
                except Exception as error:  # noqa: BLE001 - one that cannot be read hides no other
                    self.skipped.add(error)

    def _look(self, candidate: object) -> None:
        """An identity is a new number each time, which costs twenty times as much while it is
        traced: few are asked.
        """
        if self._owners:
            for index, key in self._owners.get(id(candidate), ()):
                referents = census.references(candidate)
                if (
                    index < len(referents)
                    and self.keys.setdefault(id(referents[index]), key) == key
                ):
                    self.containers.setdefault(key, referents[index])
        if self.keys:
            for held in (candidate, *heap.referents(candidate)):
                kind = type(held)
                if (
                    self._kinds[kind] if type(kind) is type else self._kinds.of_type(kind)
                ) is not None:
                    wanted = self.keys.get(id(held))
                    if wanted is not None:
                        self.containers.setdefault(wanted, held)
        if self._names:
            self._look_for_name(candidate)

    def _look_for_name(self, candidate: object) -> None:
        code = naming.code_of(candidate)
        name = (
            self._called.of_type(type(candidate))
            if code is None
            else naming.name_of_code(type(candidate), code)
        )
        key = self._names.get(name)
        if key is not None and self._ranks.get(key) != _BEST:
            rank = (
                not object_states.state_of(candidate).endswith(object_states.ENDED),
                bool(allocation_trace.places_of(candidate)),
            )
            if key not in self._ranks or rank > self._ranks[key]:
                self.newest[key], self._ranks[key] = candidate, rank


def _stands_for(container: object) -> tuple[tuple[Any, ...], list[str], str]:
    """An entry whose making was seen stands for all: its parts, where it was made, what it is
    called.

    Of a dict it is the value that counts, and the key only where no value tells.
    """
    if issubclass(type(container), (str, bytes, bytearray)):
        return (), allocation_trace.places_of(container), naming.type_name(type(container))
    newest = list(islice(container_entries.entries(container), container_entries.MAX_ENTRIES))
    for places_of, part in (
        (allocation_trace.places_of, -1),
        (_places_inside, -1),
        (allocation_trace.places_of, 0),
    ):
        for entry in newest:
            places = places_of(entry[part])
            if places:
                return entry, places, naming.name_of(entry[-1])
    return (newest[0], [], naming.name_of(newest[0][-1])) if newest else ((), [], "")


def _places_inside(part: object) -> list[str]:
    """A list or dict may come from the interpreter's store of used ones, and show no making:
    what is in it tells.
    """
    if not any(type(part) is kind for kind in (list, dict, tuple, set)):
        return []
    places = Counter(
        tuple(allocation_trace.places_of(item))
        for item in reversed(gc.get_referents(part)[-MAX_INSIDE:])
    )
    del places[()]
    return [place for most, _ in places.most_common(1) for place in most]


def _made(places: list[str]) -> Cause:
    """The outermost frame is asked last: it runs the server, and has a part in whatever packages
    make by themselves.
    """
    place, owner = naming.telling(places[:-1])
    if owner not in ("application", "dependency"):
        place, owner = naming.telling(places)
    return {"made_at": place, "made_by": owner}


def _most_allocated() -> Cause:
    """The line that allocated most of what was not there before the trace, with its bytes and
    blocks. The probe's own memory does not count.
    """
    sizes: Counter[str] = Counter()
    blocks: Counter[str] = Counter()
    made: dict[str, Cause] = {}
    for places, size, count in allocation_trace.living():
        if not any(map(naming.is_own_place, places)):
            cause = _made(places)
            place = cause["made_at"]
            made[place] = cause
            sizes[place] += size
            blocks[place] += count
    sizes.pop("", None)
    if not sizes:
        return {}
    place = max(sizes, key=sizes.__getitem__)
    return {**made[place], "bytes": sizes[place], "count": blocks[place]}


def _places_of_thread(name: str) -> list[str]:
    alike = [thread for called, thread in own_threads.living() if naming.numberless(called) == name]
    return next(
        (places for thread in reversed(alike) if (places := allocation_trace.places_of(thread))), []
    )


def thread_groups() -> dict[str, int]:
    """Python's threads by name, numbers left out of it; the probe's own are not among them."""
    counts: dict[str, int] = {}
    for called, _ in own_threads.living():
        name = naming.numberless(called)
        counts[name] = counts.get(name, 0) + 1
    return counts


def running(seconds: float) -> dict[str, int]:
    """What threads are doing instead of waiting: the telling place of each stack, and how often
    it was seen.
    """
    counts: dict[str, int] = {}
    until = monotonic() + seconds
    while monotonic() < until:
        for ident, frame in list(sys._current_frames().items()):
            if not own_threads.is_own(ident) and not _is_waiting(frame):
                place, _ = naming.telling(_stack(frame))
                counts[place] = counts.get(place, 0) + 1
        own_threads.pause(0.002)
    return dict(sorted(counts.items(), key=lambda item: -item[1])[:50])


def _is_waiting(frame: Any) -> bool:
    """In a function of the standard library that waits for something."""
    code = frame.f_code
    return code.co_name in _WAITS and naming.owner_of_file(code.co_filename) == "interpreter"


def _stack(frame: Any) -> Iterator[str]:
    for _ in range(allocation_trace.MAX_FRAMES):
        if frame is None:
            return
        yield naming.place(frame.f_code, frame.f_lineno)
        frame = frame.f_back


def garbage() -> Garbage:
    """Collect; by name, how many the collector found, and where one of them was made."""
    flags, before = gc.get_debug(), len(gc.garbage)
    gc.set_debug(gc.DEBUG_SAVEALL)
    try:
        gc.collect()
        unreachable = gc.garbage[before:]
        counts: dict[str, int] = {}
        sizes = looking.sizes()
        made: dict[str, Cause] = {}
        for item in unreachable:
            name = naming.name_of(item)
            counts[name] = counts.get(name, 0) + 1
            if name not in made:
                made[name] = _made(allocation_trace.places_of(item))
    finally:
        gc.set_debug(flags)
        del gc.garbage[before:]
    return {
        "names": counts,
        "made": made,
        "bytes": sum(sizes.of_type(type(item))(item) for item in unreachable),
    }

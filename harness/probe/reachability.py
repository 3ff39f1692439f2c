"""What keeps objects alive: one walk forward from the roots, which answers for all of them by the
most telling path.

Roots in order: the application's modules, tasks, loops, other modules, frames of threads. A path
through another module's globals or through the probe is no answer. Nothing that the walk saw is
held when it is over.
"""

from __future__ import annotations

import sys
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from time import monotonic
from types import BuiltinFunctionType, CodeType, ModuleType
from typing import Any
from weakref import ReferenceType

from . import (
    container_owner,
    heap,
    looking,
    loops,
    naming,
    own_threads,
    reference_names,
    task_origins,
)
from .connections import Session

LIMIT_S = 5.0
MAX_NODES = 3_000_000
SLICE = 20_000
"""Nodes between two pauses in which the server's threads get their turn."""
_PLAIN = (int, str, float, bytes, bool, complex, type(None), range)
_ATOMS = frozenset((*_PLAIN, CodeType, ReferenceType, BuiltinFunctionType, ModuleType, Session))


def walk(targets: Mapping[int, str]) -> dict[str, dict[str, Any]]:
    """Paths to objects.

    Args:
        targets: what each is to be called in the answer, by identity.

    Returns:
        For each that is reached: `owner` of the root; `chain`, in words from the root down; `name`,
            the last part of the path from something that has a name; `home`, what that is; of a
            task, `closed_s`, how long its session has been closed. For each that no root leads to,
            once all have been followed: `unreached`.
    """
    until, answers = monotonic() + LIMIT_S, dict[str, dict[str, Any]]()
    seen = heap.ById()
    """What each was reached from: that must not go while its identity counts. What leads nowhere
    may.
    """
    known, number_seen = seen.parts, 0
    outside = heap.module_dicts()
    turning = loops.running()
    for loop in turning:
        seen.part(id(loop))[id(loop)] = None  # what a loop keeps is not kept by each of its tasks
    for root, word, owner in _roots(turning):
        queue: deque[Any] = deque([root])
        seen.part(id(root)).setdefault(id(root))
        while queue and len(answers) < len(targets):
            if number_seen % SLICE == 0:
                own_threads.pause(0)
            if monotonic() > until or number_seen > MAX_NODES:
                return answers
            parent = queue.popleft()
            is_module = issubclass(type(parent), ModuleType)
            for child in heap.referents(parent):
                number = id(child)
                part = known[number >> 4 & heap.PARTS_MASK]
                if number in part:
                    continue
                if number in targets:
                    part[number] = parent
                    answers[targets[number]] = _described(_path(child, seen), word, owner)
                    session = task_origins.session_of(root) if word.startswith("task ") else None
                    if session is not None:
                        answers[targets[number]]["closed_s"] = session.closed_for_s(monotonic())
                elif _is_atom(type(child)) or (number in outside and not is_module):
                    continue
                part[number] = parent
                number_seen += 1
                queue.append(child)
    answers.update(
        {
            key: {"unreached": True}
            for number, key in targets.items()
            if number not in seen.part(number)
        }
    )
    return answers


def _described(path: list[Any], word: str, owner: str) -> dict[str, Any]:
    """A path in words; where a part of it cannot be read, the root alone."""
    try:
        chain, name = reference_names.words(path)
        return {
            "owner": owner,
            "chain": [word, *chain],
            "name": name,
            "home": container_owner.of(path),
        }
    except Exception as error:  # noqa: BLE001 - one path hides no other
        return {"owner": owner, "chain": [word, f"-> ({looking.reason_of(error)})"], "name": ""}


def _is_atom(kind: type) -> bool:
    """What leads to nothing of interest; a metaclass may have a `__hash__` of its own."""
    return type(kind) is type and kind in _ATOMS


def _path(target: Any, seen: heap.ById) -> list[Any]:
    path = [target]
    while (above := seen.part(id(path[-1]))[id(path[-1])]) is not None:
        path.append(above)
    return path[::-1]


def _roots(turning: Iterable[Any]) -> Iterator[tuple[Any, str, str]]:
    modules = [
        (name, module, naming.owner_of_module(module))
        for name, module in looking.modules()
        if name.partition(".")[0] != naming.OWN
    ]
    yield from (
        (module, f"module {name}", owner)
        for name, module, owner in modules
        if owner == "application"
    )
    for task in loops.all_pending():
        coroutine = loops.coroutine_of(task)
        code = looking.attribute(coroutine, "cr_code")
        owner = naming.owner_of_file(code.co_filename) if type(code) is CodeType else "interpreter"
        yield task, f"task {naming.coroutine_name(coroutine)}", owner
    yield from ((loop, "event loop", "interpreter") for loop in turning)
    for name, module, owner in modules:
        if owner != "application" and name not in ("sys", "gc", "builtins"):
            yield module, f"module {name}", owner
    for frame in list(sys._current_frames().values()):
        if naming.OWN not in looking.text(frame.f_globals.get("__name__"), ""):
            yield (
                frame,
                f"frame {frame.f_code.co_name}",
                naming.owner_of_file(frame.f_code.co_filename),
            )

"""What keeps objects alive: one walk forward from the roots, which answers for all of them by the most telling path.

Roots in order: the application's modules, tasks, other modules, frames of threads. A path through another module's
globals or through the probe is no answer.
"""

from __future__ import annotations

import gc
import sys
from collections import deque
from collections.abc import Iterable, Iterator
from time import monotonic, sleep
from types import BuiltinFunctionType, CodeType, FrameType, FunctionType, ModuleType
from typing import Any
from weakref import ReferenceType

from . import heap, loops

LIMIT_S = 5.0
MOST_NODES = 3_000_000
SLICE = 20_000
"""Nodes between two pauses in which the server's threads get their turn."""
_ATOMS = frozenset(
    (int, str, float, bytes, bool, complex, type(None), CodeType, ReferenceType, BuiltinFunctionType, ModuleType, range)
)
_OWN = __name__.partition(".")[0]


def chains(wanted: Iterable[str], *, ids: Iterable[int] = ()) -> dict[str, list[str]]:
    """Paths to the newest object of each wanted type, and to objects by id; what is not reached is absent."""
    targets: dict[int, str] = {number: str(number) for number in ids}
    names = set(wanted)

    def newest(one: Any) -> None:
        kind = type(one)
        name = f"{kind.__module__}.{kind.__qualname__}"
        if name in names:
            candidates[name] = id(one)

    candidates: dict[str, int] = {}
    if names:
        heap.each(newest)
    targets.update({number: name for name, number in candidates.items()})
    return _walk(targets)


def _walk(targets: dict[int, str]) -> dict[str, list[str]]:
    until, answers = monotonic() + LIMIT_S, dict[str, list[str]]()
    seen: dict[int, tuple[Any, Any]] = {}
    """By id: the object, which must not go while its id counts, and what it was reached from."""
    outside = {id(vars(module)) for module in list(sys.modules.values()) if isinstance(module, ModuleType)}
    for root, name in _roots():
        queue: deque[Any] = deque([root])
        seen.setdefault(id(root), (root, name))
        while queue and len(answers) < len(targets):
            if len(seen) % SLICE == 0:
                sleep(0)
            if monotonic() > until or len(seen) > MOST_NODES:
                return answers
            parent = queue.popleft()
            for child in gc.get_referents(parent):
                number = id(child)
                if (
                    number in seen
                    or type(child) in _ATOMS
                    or (number in outside and not isinstance(parent, ModuleType))
                ):
                    continue
                seen[number] = (child, parent)
                if number in targets:
                    answers[targets[number]] = _words(child, seen)
                queue.append(child)
    return answers


def _roots() -> Iterator[tuple[Any, str]]:
    modules = [one for one in list(sys.modules.items()) if isinstance(one[1], ModuleType)]
    own = [one for one in modules if _is_of_the_application(one[1])]
    yield from ((module, f"module {name}") for name, module in own)
    for task in loops.all_pending():
        yield task, f"task {getattr(task.get_coro(), '__qualname__', '?')}"
    done = {id(module) for _, module in own}
    for name, module in modules:
        if id(module) not in done and not name.startswith(_OWN) and name not in ("sys", "gc", "builtins"):
            yield module, f"module {name}"
    for frame in list(sys._current_frames().values()):
        if _OWN not in frame.f_globals.get("__name__", ""):
            yield frame, f"frame {frame.f_code.co_name}"


def _is_of_the_application(module: ModuleType) -> bool:
    file = getattr(module, "__file__", None) or ""
    named = getattr(module, "__name__", "").startswith(_OWN)
    return (
        bool(file)
        and not named
        and not any(part in file for part in ("/site-packages/", "/lib/python", "/dist-packages/"))
    )


def _words(target: Any, seen: dict[int, tuple[Any, Any]]) -> list[str]:
    steps: list[str] = []
    node: Any = target
    while True:
        above = seen[id(node)][1]
        if isinstance(above, str):
            return [above, *reversed(steps)]
        link = _link(above, node)
        if link:
            steps.append(f"{link} <{type(node).__module__}.{type(node).__qualname__}>")
        node = above


def _link(parent: Any, child: Any) -> str:
    """How the parent refers to the child, in the words of its source; empty for what a reader need not see."""
    if isinstance(parent, ModuleType):
        return ""
    if isinstance(parent, dict):
        key = next((key for key, value in list(parent.items()) if value is child), None)
        return f"[{str(key) if isinstance(key, str) else type(key).__name__!s:.60}]"
    if isinstance(parent, (list, tuple, deque)):
        place = next((place for place, value in enumerate(list(parent)) if value is child), 0)
        return f"[{place}]"
    if isinstance(parent, FunctionType):
        cells = dict(zip(map(id, parent.__closure__ or ()), parent.__code__.co_freevars))  # noqa: B905 - since 3.10
        return f"closure {cells[id(child)]}" if id(child) in cells else "function"
    if isinstance(parent, FrameType) or hasattr(parent, "cr_frame"):
        return _local(parent if isinstance(parent, FrameType) else parent.cr_frame, child)
    values = getattr(parent, "__dict__", None) or {}
    return next((f".{name}" for name, value in list(values.items()) if value is child), "->")


def _local(frame: Any, child: Any) -> str:
    values = frame.f_locals if frame is not None else {}
    name = next((name for name, value in values.items() if value is child), "")
    return f"local {name} ({frame.f_code.co_filename}:{frame.f_lineno})" if name else "awaits"

"""What keeps objects alive: one walk forward from all roots together, the nearest objects first.

Each object is reached by the path that tells most. A path costs 1 for each link, and more where it
begins in, or goes through, what tells little: `_COST_OF_ROOT` and `_cost_of` say how much. So a
short path from the application's own names wins over a long one, and over one from a library.

A path through another module's globals or through the probe is not an answer. Nothing that the walk
saw is held when it is over.
"""

from __future__ import annotations

import sys
from collections import defaultdict, deque
from collections.abc import Iterable, Iterator, Mapping
from time import monotonic
from types import BuiltinFunctionType, CodeType, FrameType, ModuleType
from typing import Any, DefaultDict, Deque, Dict, List, Optional, Tuple
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
from .wire import Cause

LIMIT_S = 5.0
MAX_NODES = 3_000_000
SLICE = 20_000
"""Nodes between two pauses in which the server's threads get their turn."""
_PLAIN = (int, str, float, bytes, bool, complex, type(None), range)
_ATOMS = frozenset((*_PLAIN, CodeType, ReferenceType, BuiltinFunctionType, ModuleType, Session))


_COST_OF_ROOT = {"application": 0, "dependency": 8, "interpreter": 14}
"""Of a module, by whose it is."""
_COST_OF_CLOSED = 2
"""Of a task whose session is closed: it should have ended."""
_COST_OF_TASK = 4
_COST_OF_LOOP = 6
_COST_OF_OPEN = 24
"""Of a task whose session is open: it explains what that one session holds, and not a pile."""
_COST_OF_FRAME = 30
_COST_OF_CLASS = 4
"""Of the link to a class that is not in its own module: each object leads to its class, and a class
to its bases and annotations.
"""
_COST_OF_TYPING = 8
_ANNOTATIONS = frozenset(("typing", "abc", "_abc", "annotationlib", "inspect"))
"""Modules whose objects describe the program, and hold nothing for it."""
_TASK = -1
"""Stands for the cost of a task, which its session tells."""

Root = Tuple[Any, str, str, int]
"""The object, what it is called, whose it is, and what a path costs that begins in it."""


def walk(
    targets: Mapping[int, str], paths: Optional[Dict[str, List[int]]] = None
) -> dict[str, Cause]:
    """Paths to objects.

    Args:
        targets: what each is to be called in the answer, by identity.
        paths: gets the identities of the objects of each path, by that name.

    Returns:
        For each that is reached: `owner` of the root; `chain`, in words from the root down; `name`,
            the last part of the path from something that has a name; `home`, what that is; of a
            task, `closed_s`, how long its session has been closed. For each that no root leads to,
            once all have been followed: `unreached`.
    """
    search = _Walk(targets)
    is_whole = search.run()
    if paths is not None:
        paths.update(search.paths)
    answers = search.answers
    if is_whole:
        for number, key in targets.items():
            if number not in search.seen.part(number):
                answers[key] = {"unreached": True}
    return answers


def _cost_of(kind: type) -> int:
    """What a link to an object of this type costs: 1 for most; `_TASK` for tasks."""
    if reference_names.is_task(kind):
        return _TASK
    if issubclass(kind, type):
        return _COST_OF_CLASS
    return _COST_OF_TYPING if looking.module_name(kind) in _ANNOTATIONS else 1


class _Walk:
    """A search by rising cost (Dijkstra's, with a queue for each cost, as all are small numbers).

    A link of cost 1 may mark what it leads to at once: nothing that is still to come is cheaper. A
    dearer one waits in `_later` for its turn.
    """

    def __init__(self, targets: Mapping[int, str]) -> None:
        self.answers: dict[str, Cause] = {}
        self.paths: dict[str, List[int]] = {}
        """Identities of the objects of each path, from the root down."""
        self.seen = heap.ById()
        """What each was reached from: that must not go while its identity counts. What leads
        nowhere may.
        """
        self._targets = targets
        self._until_s = monotonic() + LIMIT_S
        self._number_seen = 0
        self._outside = heap.module_dicts()
        self._costs = looking.ByType(_cost_of)
        self._roots: dict[int, Root] = {}
        self._nodes: DefaultDict[int, Deque[Any]] = defaultdict(deque)
        self._later: DefaultDict[int, Deque[Tuple[Any, Any]]] = defaultdict(deque)

    def run(self) -> bool:
        """Walk until all targets are reached. False where the limit of time or size came first."""
        turning = loops.running()
        for root in _roots(turning):
            self._roots.setdefault(id(root[0]), root)
            self._later[root[3]].append((root[0], None))
        # What a loop keeps is not kept by each of its tasks: it is reached as a root alone.
        self._closed_to_links = set(map(id, turning))
        while self._nodes or self._later:
            cost = min((*self._nodes, *self._later))
            for node, parent in self._later.pop(cost, ()):
                self._reach(node, parent, cost)
            nodes = self._nodes.pop(cost, deque())
            while nodes:
                if len(self.answers) >= len(self._targets):
                    return True
                if self._number_seen % SLICE == 0:
                    own_threads.pause(0)
                if monotonic() > self._until_s or self._number_seen > MAX_NODES:
                    return False
                self._follow(nodes.popleft(), cost)
        return True

    def _follow(self, parent: object, cost: int) -> None:
        """Reach all that an object refers to, now or at the cost of the link."""
        known, costs, closed = self.seen.parts, self._costs, self._closed_to_links
        is_module = issubclass(type(parent), ModuleType)
        for child in heap.referents(parent):
            number, kind = id(child), type(child)
            if number in known[number >> 4 & heap.PARTS_MASK] or number in closed:
                continue
            is_plain = type(kind) is type
            if number not in self._targets and (
                (is_plain and kind in _ATOMS) or (number in self._outside and not is_module)
            ):
                continue
            of_link = costs[kind] if is_plain else costs.of_type(kind)
            if of_link == 1:
                self._reach(child, parent, cost + 1)
                continue
            if of_link == _TASK:
                of_link = _COST_OF_OPEN if _is_of_open_session(child) else 1
            elif of_link == _COST_OF_CLASS and self._is_at_home(child, parent):
                of_link = 1
            self._later[cost + of_link].append((child, parent))

    def _is_at_home(self, kind: type, parent: object) -> bool:
        """Whether a class is reached from the globals of the module that defines it."""
        above = self.seen.part(id(parent)).get(id(parent))
        return issubclass(type(above), ModuleType) and looking.module_globals(above).get(
            "__name__"
        ) == looking.module_name(kind)

    def _reach(self, node: object, parent: object, cost: int) -> None:
        number = id(node)
        part = self.seen.part(number)
        if number in part:
            return
        part[number] = parent
        self._number_seen += 1
        self._nodes[cost].append(node)
        key = self._targets.get(number)
        if key is not None and key not in self.answers:
            path = _path(node, self.seen)
            self.paths[key] = list(map(id, path))
            self.answers[key] = self._answer(path)

    def _answer(self, path: list[Any]) -> Cause:
        root, word, owner, _ = self._roots[id(path[0])]
        answer = _described(path, word, owner)
        session = task_origins.session_of(root) if word.startswith("task ") else None
        if session is not None:
            answer["closed_s"] = session.closed_for_s(monotonic())
        return answer


def _is_of_open_session(task: object) -> bool:
    session = task_origins.session_of(task)
    return session is not None and session.closed_for_s(monotonic()) is None


def _described(path: list[Any], word: str, owner: str) -> Cause:
    """A path in words; where a part of it cannot be read, the root alone."""
    try:
        chain, name = reference_names.words(path)
        return {
            "owner": _owner_of(path[-1], owner),
            "chain": [word, *chain],
            "name": name,
            "home": container_owner.of(path),
        }
    except Exception as error:  # noqa: BLE001 - one path hides no other
        return {"owner": owner, "chain": [word, f"-> ({looking.reason_of(error)})"], "name": ""}


def _owner_of(target: object, of_root: str) -> str:
    """Whose a thing is: an application's own class stays its own where a library holds it."""
    if of_root != "dependency":
        return of_root
    module = sys.modules.get(looking.module_name(type(target)))
    if module is None or not looking.file_of(module):
        return of_root
    return "application" if naming.owner_of_module(module) == "application" else of_root


def _path(target: object, seen: heap.ById) -> list[Any]:
    path = [target]
    while (above := seen.part(id(path[-1]))[id(path[-1])]) is not None:
        path.append(above)
    return path[::-1]


def _roots(turning: Iterable[Any]) -> Iterator[Root]:
    for name, module in looking.modules():
        if name.partition(".")[0] == naming.OWN or name in ("sys", "gc", "builtins"):
            continue
        owner = naming.owner_of_module(module)
        yield module, f"module {name}", owner, _COST_OF_ROOT[owner]
    for task in loops.all_pending():
        yield _root_of_task(task)
    for loop in turning:
        yield loop, "event loop", "interpreter", _COST_OF_LOOP
    for frame in list(sys._current_frames().values()):
        if naming.OWN not in looking.text(frame.f_globals.get("__name__"), ""):
            yield _root_of_frame(frame)


def _root_of_task(task: object) -> Root:
    coroutine = loops.coroutine_of(task)
    code = looking.attribute(coroutine, "cr_code")
    owner = naming.owner_of_file(code.co_filename) if type(code) is CodeType else "interpreter"
    session = task_origins.session_of(task)
    cost = _COST_OF_TASK
    if session is not None:
        is_open = session.closed_for_s(monotonic()) is None
        cost = _COST_OF_OPEN if is_open else _COST_OF_CLOSED
    return task, f"task {naming.coroutine_name(coroutine)}", owner, cost


def _root_of_frame(frame: FrameType) -> Root:
    owner = naming.owner_of_file(frame.f_code.co_filename)
    return frame, f"frame {frame.f_code.co_name}", owner, _COST_OF_FRAME

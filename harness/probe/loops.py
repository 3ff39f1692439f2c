"""The server's event loops and their tasks, only looked at; where the server has no asyncio, the
probe imports none.
"""

from __future__ import annotations

import gc
import sys
import threading
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any, Optional
from weakref import WeakSet

from . import heap, looking

if TYPE_CHECKING:
    from asyncio import AbstractEventLoop
    from types import FrameType

# Weak registries of all tasks: CPython 3.9 to 3.11, then 3.12 and 3.13. From 3.14 on they hold
# foreign tasks only.
_REGISTRIES = ("_all_tasks", "_scheduled_tasks", "_eager_tasks")
_TASKS_ARE_ASKED_OF_LOOPS = sys.version_info >= (3, 14)
_RETRIES = 1000

_forking: WeakSet[AbstractEventLoop] = WeakSet()
_left_behind: WeakSet[AbstractEventLoop] = WeakSet()
"""Loops that ran in the parent when this process was forked: they look as if they ran here, and
will never turn.
"""


def pending_tasks() -> int:
    """Tasks that are not done, of all loops in all threads."""
    asyncio = _asyncio()
    if asyncio is None:
        return 0
    if _TASKS_ARE_ASKED_OF_LOOPS:
        return pending_tasks_by_loop()
    return sum(map(is_pending, _registered()))


def all_pending() -> list[Any]:
    """The pending tasks of all loops."""
    asyncio = _asyncio()
    if asyncio is None:
        return []
    if _TASKS_ARE_ASKED_OF_LOOPS:
        return [
            task
            for loop in _in_heap(asyncio) - set(_left_behind)
            for task in asyncio.all_tasks(loop)
        ]
    return [task for task in _registered() if is_pending(task)]


def pending_tasks_by_loop() -> int:
    """Tasks that are not done, by asking each loop: CPython 3.14 keeps no registry of all."""
    asyncio = _asyncio()
    if asyncio is None:
        return 0
    return sum(len(asyncio.all_tasks(loop)) for loop in _in_heap(asyncio) - set(_left_behind))


def running() -> list[AbstractEventLoop]:
    """Loops that run now, the main thread's first as far as loops tell their thread (uvloop does
    not).
    """
    asyncio = _asyncio()
    if asyncio is None:
        return []
    loops = _running(loop for task in _registered() if (loop := _loop_of(task)) is not None)
    if _TASKS_ARE_ASKED_OF_LOOPS or not loops:
        loops |= _running(_in_heap(asyncio))
    main = threading.main_thread().ident
    return sorted(loops, key=lambda loop: looking.attribute(loop, "_thread_id", main) != main)


def timers() -> int:
    """Timers of the running loops that are still to fire; at least one for each loop that does
    not tell (uvloop).
    """
    count = 0
    for handles in _timers():
        if handles is None:
            count += 1
        else:
            count += sum(not _is_cancelled(handle) for handle in handles)
    return count


def cancelled_timers() -> list[Any]:
    """Those that a loop still holds: it lets go of them when there are a hundred, or later."""
    return [
        handle for handles in _timers() if handles for handle in handles if _is_cancelled(handle)
    ]


def _timers() -> Iterator[Optional[list[Any]]]:
    """Of each running loop."""
    for loop in running():
        yield handles(loop)


def handles(loop: object) -> Optional[list[Any]]:
    """The timers of a loop, as far as it shows them."""
    scheduled = looking.own_dict(loop).get("_scheduled")
    return list(scheduled) if type(scheduled) is list else None


def _is_cancelled(handle: object) -> bool:
    return looking.attribute(handle, "_cancelled") is True


def is_pending(task: object) -> bool:
    """Not done, and not left behind in the parent of this process."""
    kind = _future_of(type(task))
    return kind is not None and not kind.done(task) and kind.get_loop(task) not in _left_behind


def coroutine_of(task: object) -> Any:
    """The coroutine of a task, asked as asyncio's own class is; None of a task of another kind."""
    tasks = sys.modules.get("asyncio.tasks")
    kinds = (looking.module_globals(tasks).get(name) for name in ("_CTask", "_PyTask"))
    own: Any = next(
        (kind for kind in kinds if type(kind) is type and issubclass(type(task), kind)), None
    )
    return None if own is None else own.get_coro(task)


def _loop_of(task: object) -> Any:
    kind = _future_of(type(task))
    return None if kind is None else kind.get_loop(task)


def _future_of(kind: type) -> Any:
    """The class of asyncio from which a kind of task is derived: a derived one may have code of
    its own.
    """
    futures = sys.modules.get("asyncio.futures")
    kinds = (looking.module_globals(futures).get(name) for name in ("_CFuture", "_PyFuture"))
    return next((own for own in kinds if type(own) is type and issubclass(kind, own)), None)


def before_fork() -> None:
    """Remember the loop from whose thread the process is forked."""
    asyncio = _asyncio()
    loop = asyncio._get_running_loop() if asyncio else None
    if loop is not None:
        _forking.add(loop)


def after_fork_in_child() -> None:
    """That loop goes on in the parent only."""
    _left_behind.update(_forking)


def _running(loops: Iterable[Any]) -> set[Any]:
    return {loop for loop in loops if loop.is_running()} - set(_left_behind)


def _asyncio() -> Any:
    """The module, once it is loaded in full."""
    asyncio = sys.modules.get("asyncio")
    return asyncio if "all_tasks" in looking.module_globals(asyncio) else None


def _registered() -> list[Any]:
    """Each task once, by its identity: a derived class may have a `__hash__` of its own."""
    values = looking.module_globals(sys.modules.get("asyncio.tasks"))
    tasks = (task for name in _REGISTRIES for task in still(values.get(name, ())))
    return list({id(task): task for task in tasks}.values())


def still(registry: Iterable[Any]) -> list[Any]:
    """A copy of what other threads may be changing, made as asyncio itself makes it.

    Raises:
        RuntimeError: it changed every time.
    """
    for _ in range(_RETRIES):
        try:
            return list(registry)
        except RuntimeError:
            continue
    raise RuntimeError("the set of tasks did not stand still")


def _in_heap(asyncio: Any) -> set[Any]:
    """Loops that the collector tracks; where a server has frozen its heap, also those of younger
    futures and frames.
    """
    kinds = set(map(id, _with_subclasses(asyncio.AbstractEventLoop)))
    futures = set(map(id, _with_subclasses(asyncio.Future)))
    loops = set(heap.instances(kinds))
    if gc.get_freeze_count():
        with_loops = [*heap.instances(futures), *_in_frames(futures)]
        loops |= {
            *_in_frames(kinds),
            *(loop for future in with_loops if (loop := _loop_of(future)) is not None),
        }
    return loops


def _in_frames(kinds: set[int]) -> Iterator[Any]:
    """Local variables of these types, of whatever runs in any thread: a loop that turns is among
    them.
    """
    for top in list(sys._current_frames().values()):
        frame: FrameType | None = top
        while frame is not None:
            yield from (
                value for value in list(frame.f_locals.values()) if id(type(value)) in kinds
            )
            frame = frame.f_back


def _with_subclasses(cls: Any) -> Iterator[type]:
    yield cls
    for subclass in type.__subclasses__(cls):
        yield from _with_subclasses(subclass)

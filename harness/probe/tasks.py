"""Pending tasks by coroutine: where they were made, where they wait, what they hold."""

from __future__ import annotations

from collections.abc import Iterator
from contextvars import Context
from time import monotonic
from types import FrameType
from typing import Any

from . import looking, loops, naming, reference_names, retained_size, task_origins
from .connections import CURRENT, Session
from .wire import TaskGroup

MAX_LOCALS = 20
MAX_MEASURED = 200


def groups(skipped: looking.Skipped) -> list[TaskGroup]:
    """Tasks that are alike, counted; and how many of them closed sessions have left.

    Args:
        skipped: gets the tasks that cannot be read.
    """
    by_key: dict[tuple[Any, ...], TaskGroup] = {}
    closed: dict[tuple[Any, ...], dict[Session, float]] = {}
    timed, left = _timed(), {id(task): (session, closed_s) for task, session, closed_s in _left()}
    for task in loops.all_pending():
        try:
            key, frames = _key(task)
            group = by_key.get(key)
            if group is None:
                group = by_key[key] = _described(task, frames, timed)
                closed[key] = {}
        except Exception as error:  # noqa: BLE001 - one that cannot be read hides no other
            skipped.add(error)
            continue
        group["count"] += 1
        if id(task) in left:
            session, closed_s = left[id(task)]
            group["left"] += 1
            closed[key][session] = closed_s
    for key, sessions in closed.items():
        if sessions:
            group = by_key[key]
            group["closed_sessions"] = len(sessions)
            group["newest_closed_s"] = min(sessions.values())
            group["oldest_closed_s"] = max(sessions.values())
    return list(by_key.values())


def left_by_closed() -> int:
    """Pending tasks of sessions that are closed."""
    return sum(1 for _ in _left())


def leaving_sessions() -> int:
    """Sessions that are closed and have left pending tasks."""
    return len({session for _, session, _ in _left()})


def objects_of_cancelled_timers() -> int:
    """Tracked objects that only cancelled timers hold any more.

    Each is a handle, and the copy of a context that it has for itself. Of a session that is over
    they hold what the probe has made for it: the session, its reference to the connection, and the
    two objects of a context's mapping.
    """
    cancelled, now_s = loops.cancelled_timers(), monotonic()
    contexts = (looking.attribute(handle, "_context") for handle in cancelled)
    of_sessions = {context.get(CURRENT) for context in contexts if type(context) is Context}
    over = {
        handle
        for handle in of_sessions
        if handle is not None and handle.closed_for_s(now_s) is not None
    }
    return 2 * len(cancelled) + 4 * len(
        over.difference(session for _, session in task_origins.tasks_of_sessions())
    )


def _left() -> Iterator[tuple[Any, Session, float]]:
    """With the session, and for how long that is closed."""
    now_s = monotonic()
    for task, session in task_origins.tasks_of_sessions():
        closed_s = session.closed_for_s(now_s) if loops.is_pending(task) else None
        if closed_s is not None:
            yield task, session, closed_s


def retained_bytes(coroutine: str, made_at: str) -> int:
    """What one of such tasks keeps alive, measured of many together: tasks of one session share
    what they hold.
    """
    wanted = (coroutine, made_at)
    alike = [
        task for task in loops.all_pending() if (_coroutine_name(task), _made_at(task)) == wanted
    ][:MAX_MEASURED]
    return retained_size.held(*alike)[0] // len(alike) if alike else 0


def _key(task: object) -> tuple[tuple[Any, ...], list[Any]]:
    frames = list(_waiting(loops.coroutine_of(task)))
    deepest = frames[-1] if frames else None
    return (
        _coroutine_name(task),
        task_origins.site_of(task),
        deepest and (deepest.f_code, deepest.f_lineno),
    ), frames


def _described(task: object, frames: list[Any], timed: set[int]) -> TaskGroup:
    made = task_origins.site_of(task)
    return {
        "coroutine": _coroutine_name(task),
        "made_at": _made_at(task),
        "made_in": naming.function_name(made[0]) if made else "",
        "waits_at": naming.telling(
            naming.place(frame.f_code, frame.f_lineno) for frame in reversed(frames)
        )[0],
        "waits_for": _awaited(task, timed),
        "holds": _held(loops.coroutine_of(task), frames[0]) if frames else {},
        "count": 0,
        "left": 0,
    }


def _made_at(task: object) -> str:
    made = task_origins.site_of(task)
    return naming.place(*made) if made else ""


def _coroutine_name(task: object) -> str:
    return naming.coroutine_name(loops.coroutine_of(task))


def _waiting(coroutine: object) -> Iterator[Any]:
    """The frames of a suspended coroutine, from the task's own to the one that waits."""
    while coroutine is not None:
        frame = looking.attribute(coroutine, "cr_frame")
        frame = looking.attribute(coroutine, "gi_frame") if frame is None else frame
        if type(frame) is not FrameType:
            return
        yield frame
        awaited = looking.attribute(coroutine, "cr_await")
        coroutine = looking.attribute(coroutine, "gi_yieldfrom") if awaited is None else awaited


def _held(coroutine: Any, frame: Any) -> dict[str, str]:
    """Names and types of what the coroutine's own frame refers to; nothing of one that runs just
    now.
    """
    if looking.attribute(coroutine, "cr_running", True) is not False:
        return {}
    values = reference_names.locals_of(frame)
    return {name: naming.type_name(type(values[name])) for name in list(values)[:MAX_LOCALS]}


def _timed() -> set[int]:
    """Futures that a timer of a loop will end, by identity."""
    identities: set[int] = set()
    for loop in loops.running():
        for handle in loops.handles(loop) or ():  # uvloop does not show its timers
            arguments = looking.attribute(handle, "_args")
            identities.update(map(id, arguments if type(arguments) is tuple else ()))
    return identities


def _awaited(task: object, timed: set[int]) -> str:
    awaited = looking.attribute(task, "_fut_waiter")
    if awaited is None:
        return ""
    return "timer" if id(awaited) in timed else naming.type_name(type(awaited))

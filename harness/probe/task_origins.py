"""Where each asyncio task was made, and in which session: kept raw next to it, put into words
only when it is asked.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from types import CodeType, FrameType
from typing import Any, Optional
from weakref import ref

from . import late_imports, loops
from .connections import CURRENT, Session

_made: dict[ref[Any], tuple[CodeType, int, Optional[Session]]] = {}
"""By task, the code that made it, the place in its bytecode (to look up the line may cost as
much as the task), and the session: a task tells its context only from CPython 3.12 on.
"""
_current = CURRENT.get
_forget = _made.pop
"""What a dying task calls: no Python code runs for it, as it would in a WeakKeyDictionary."""

_UNKNOWN: tuple[Optional[CodeType], int, Optional[Session]] = (None, 0, None)


def site_of(task: Any) -> tuple[CodeType, int] | None:
    """The code and the line that made the task; None where that is not known."""
    code, instruction, _ = _made.get(ref(task), _UNKNOWN)
    return (code, _line(code, instruction)) if code else None


def session_of(task: Any) -> Optional[Session]:
    """The session in which the task was made; None where it was made in none."""
    return _made.get(ref(task), _UNKNOWN)[2]


def tasks_of_sessions() -> Iterator[tuple[Any, Session]]:
    """Living tasks that were made in a session, done ones among them."""
    for number, (_, _, session) in loops.still(_made.items()):
        task = number() if session is not None else None
        if task is not None:
            yield task, session


def _line(code: CodeType, instruction: int) -> int:
    starts = late_imports.load("dis").findlinestarts(code)
    before = [line for start, line in starts if line and start <= instruction]
    return before[-1] if before else code.co_firstlineno


def noting(create: Any) -> Any:
    """A `create_task` that remembers who called it."""
    get_frame, handle = sys._getframe, sys.modules["asyncio.events"].Handle
    asyncios = handle._run.__code__.co_filename.rpartition("events")[0]

    def create_task(*args: Any, **kwargs: Any) -> Any:
        task = create(*args, **kwargs)
        try:
            frame = get_frame(1)
            code = frame.f_code
            if code.co_filename.startswith(asyncios):
                frame = _caller(frame, asyncios)
                code = frame.f_code
            context = kwargs.get("context") if kwargs else None
            session = _current() if context is None else context.get(CURRENT)
            _made[ref(task, _forget)] = (code, frame.f_lasti, session)
        except Exception:  # noqa: BLE001 - the server's task is made, whatever becomes of our note
            pass
        return task

    return create_task


def _caller(inner: FrameType, asyncios: str) -> FrameType:
    """Who called asyncio, whose sources are in the folder `asyncios`: the frame itself where the
    loop called back.
    """
    frame = inner.f_back
    while frame is not None and frame.f_code.co_filename.startswith(asyncios):
        if frame.f_code.co_name == "_run":  # of a handle
            return inner
        frame = frame.f_back
    return inner if frame is None else frame

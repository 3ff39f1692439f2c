"""Native stacks of what is not freed, from the files that memray wrote in a server."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import takewhile
from pathlib import Path
from typing import Any, Final

from ..record.owners import owner_of_file
from ..record.record import Cause
from ..verdict.what_grows import Growth, is_part

INSTALL: Final = (
    "`pip install memray` in the server's Python lets a second pass name the native stack"
)
MIN_BYTES: Final = 512.0
"""Per session: less is nobody's leak."""
MIN_TIMES: Final = 3
"""What was allocated more rarely, and stays, may be a cache."""
MAX_FRAMES: Final = 6
_LOOP: Final = "/asyncio/runners.py"
_OWNERS: Final = ("application", "dependency", "interpreter")
_INTERPRETER: Final = ("_Py", "Py", "_call_function_pointer", "_ctypes_")
"""Functions of CPython between a line of Python and the code that it calls."""

Frame = tuple[str, str, int]
"""Function, file, line."""


@dataclass(frozen=True, slots=True)
class Kept:
    """What one stack allocated, and nobody freed."""

    bytes: int
    count: int
    frames: tuple[Frame, ...]
    """The innermost first, Python's between the native ones."""


def unaccounted(grown: Sequence[Growth]) -> Growth | None:
    """The mapping that grows most, where no task or object of Python grows that may account for
    it.
    """
    if any(
        growth.kind in ("task", "container")
        or (growth.kind == "object" and not is_part(growth.name))
        for growth in grown
    ):
        return None
    return max(
        (growth for growth in grown if growth.kind == "native"),
        key=lambda growth: growth.per_session,
        default=None,
    )


def cause_of(paths: Sequence[Path], sessions: int) -> Cause:
    """What the files say of so many sessions, or what there is to do so that they say something."""
    if not paths:
        return Cause(state=INSTALL)
    try:
        causes = [cause(kept(path), sessions) for path in paths]
    except ImportError:
        return Cause(state=INSTALL.replace("the server's Python", "the harness's Python, too,"))
    except OSError as error:
        return Cause(state=f"memray's file cannot be read: {error}")
    known = [known_cause for known_cause in causes if known_cause is not None]
    return max(
        known,
        key=lambda known_cause: known_cause.bytes,
        default=Cause(state="memray saw no allocation that is kept each time"),
    )


def kept(path: Path) -> list[Kept]:
    """All that was allocated and not freed while memray watched, the most first.

    Raises:
        ImportError: the harness has no memray of its own to read the file with.
        OSError: it cannot be read.
    """
    from memray import FileReader  # noqa: PLC0415 - an extra

    with FileReader(path) as reader:
        records: list[Any] = list(reader.get_leaked_allocation_records(merge_threads=True))
        stacks = [Kept(record.size, record.n_allocations, _frames(record)) for record in records]
    return sorted(stacks, key=lambda record: -record.bytes)


def _frames(record: Any) -> tuple[Frame, ...]:
    """Native frames among those of Python; Python's alone where memray cannot fit the two
    together.
    """
    try:
        return tuple(record.hybrid_stack_trace())
    except AssertionError:
        return tuple(record.stack_trace())


def cause(stacks: Sequence[Kept], sessions: int) -> Cause | None:
    """The stack that kept most in so many sessions, of those that kept something again and
    again; None without one.
    """
    least = min(MIN_TIMES, sessions)
    worst = next(
        (stack for stack in stacks if stack.count >= least and stack.bytes >= MIN_BYTES * sessions),
        None,
    )
    if worst is None:
        return None
    native = list(takewhile(lambda frame: not _is_python(frame), worst.frames))
    place, function, owner = _python_line(worst.frames)
    callers = [
        _plain(name) for name, _, _ in native if not name.startswith(("<unknown>", *_INTERPRETER))
    ]
    words = " ← ".join(callers[:MAX_FRAMES])
    state = f"allocated by {words or 'native code without names'}, and not freed"
    chain = [f"{function} ({place})"] if place else []
    return Cause(
        chain=(*chain, *reversed(callers[:MAX_FRAMES])),
        made_at=place,
        made_in=function,
        made_by=owner,
        bytes=round(worst.bytes / sessions),
        state=state,
    )


def _plain(name: str) -> str:
    """Without what glibc puts before the names that it uses itself."""
    return name.removeprefix("__GI_").lstrip("_") if name.startswith("__GI_") else name


def _is_python(frame: Frame) -> bool:
    return frame[1].endswith(".py") or frame[1].startswith("<frozen")


def _python_line(frames: Sequence[Frame]) -> tuple[str, str, str]:
    """The innermost line of the application's own, else of a dependency: place, function and
    whose.
    """
    inside = takewhile(lambda frame: not frame[1].endswith(_LOOP), frames)
    owned = [
        (f"{file}:{line}", name, owner_of_file(file))
        for name, file, line in filter(_is_python, inside)
    ]
    return min(owned, key=lambda frame: _OWNERS.index(frame[2]), default=("", "", ""))

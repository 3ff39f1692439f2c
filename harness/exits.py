"""How the process ends: with the status that was decided, whatever a script calls or leaves behind.

A status of 0 reads as flat, and 1 as a leak. A script that ends or replaces the process by itself
could give either.
"""

from __future__ import annotations

import os
import posix
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any, Final, NoReturn

from .errors import ExitStatus

LEAVE_LIMIT_S: Final = 3.0
"""How long threads and exit handlers of a script may keep a process that has its status."""
_LEAVING: Final = ("_exit",)
_REPLACING: Final = ("execv", "execve")
"""All of the other functions that replace a process call one of these."""
_MODULES: Final = (os, posix)
_leave: Final = os._exit
_decided: list[int] = []
"""The status, once it is known."""


def leave(status: int) -> NoReturn:
    """End this process at once, whatever a script has put in the place of `os._exit`."""
    _leave(status)


def leave_if_forked(parent: int) -> None:
    """End a child that a script has forked and that comes back: it would go on with the run, too.

    Args:
        parent: the process that has called the script.
    """
    if os.getpid() != parent:
        leave(ExitStatus.FLAT)


@contextmanager
def exits_raised() -> Iterator[None]:
    """A block in which code that ends or replaces this process gets SystemExit instead.

    In another thread than the main one that would end the thread alone. There the process ends,
    with the status of a scenario that is wrong. Children end as they wish.
    """
    before = _replaced()
    try:
        yield
    finally:
        for (module, name), function in before.items():
            setattr(module, name, function)


def decide(status: int) -> None:
    """From now on the process ends with this status, within `LEAVE_LIMIT_S`: exit handlers cannot
    change it, and threads that a script has left running do not keep it.
    """
    _decided.append(status)
    _replaced()
    with suppress(RuntimeError):  # no thread can be started: then nothing is left to wait for
        limit = threading.Timer(LEAVE_LIMIT_S, _leave_threads, (status,))
        limit.daemon = True
        limit.start()


def _leave_threads(status: int) -> None:
    _say("what the script has started does not end; it was left behind")
    leave(status)


def _replaced() -> dict[tuple[Any, str], Callable[..., Any]]:
    """What was there before, by module and name."""
    before = {}
    for module in _MODULES:
        for name in (*_LEAVING, *_REPLACING):
            before[module, name] = getattr(module, name)
            setattr(module, name, _told(name, before[module, name]))
    return before


def _told(name: str, function: Callable[..., Any]) -> Callable[..., NoReturn]:
    here = os.getpid()

    def told(*arguments: Any, **named: Any) -> NoReturn:
        if os.getpid() != here:
            function(*arguments, **named)
        if _decided:
            leave(_decided[-1])
        call = f"os.{name}({arguments[0] if arguments else ''!r})"
        if threading.current_thread() is threading.main_thread():
            raise SystemExit(call)
        caller = sys._getframe(1)
        _say(
            f"{caller.f_code.co_filename}:{caller.f_lineno}: a thread of the script ended the "
            f"program: {call}\n  mend the scenario, then run again"
        )
        leave(ExitStatus.USAGE)

    return told


def _say(line: str) -> None:
    with suppress(OSError):
        os.write(2, f"leak-harness: {line}\n".encode(errors="backslashreplace"))

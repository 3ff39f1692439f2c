"""The probe's own threads. They are started below `threading`, so that the server's list of
threads stays its own.
"""

from __future__ import annotations

import os
import threading
from _thread import allocate_lock, get_ident, start_new_thread
from collections.abc import Callable
from time import sleep
from typing import Any, List, Tuple, TypeVar

from . import looking

T = TypeVar("T")
pause = sleep
"""The interpreter's own, for modules that are loaded late: a server's libraries may have put
another in its place.
"""
make_lock = allocate_lock
"""The interpreter's own, for the same reason."""

_own: set[int] = set()


def start(work: Callable[[], None]) -> None:
    """Run `work` in a thread that ends with the process, whatever it is doing."""

    def run() -> None:
        _own.add(get_ident())
        try:
            work()
        finally:
            _own.discard(get_ident())

    start_new_thread(run, ())


def run(work: Callable[[], T]) -> T:
    """Do `work` in a thread of its own, and wait for it.

    Each thread keeps freed chunks at hand, up to some 200 KiB, which malloc counts as in use until
    the thread ends: censuses in a thread that lives on made a flat server look as if it grew by 15
    KiB at each of them.

    Raises:
        Exception: whatever `work` raises.
    """
    done, results, errors = allocate_lock(), list[T](), list[Exception]()

    def attempt() -> None:
        try:
            results.append(work())
        except Exception as error:  # noqa: BLE001 - raised again where the result is wanted
            errors.append(error)
        finally:
            done.release()

    done.acquire()
    start(attempt)
    done.acquire()
    if errors:
        raise errors[0]
    return results[0]


def living() -> List[Tuple[str, Any]]:
    """Names of Python's threads with the threads, the probe's own left out; properties of theirs
    are not asked.
    """
    threads = []
    for thread in threading.enumerate():
        ident = looking.attribute(thread, "_ident")
        if not (type(ident) is int and is_own(ident)):
            threads.append((looking.text(looking.attribute(thread, "_name")), thread))
    return threads


def count_of_server() -> int:
    """Threads of this process, those that Python does not know among them; the probe's own left
    out.
    """
    return max(1, len(os.listdir("/proc/self/task")) - len(_own))  # noqa: PTH208


def is_own(ident: int | None) -> bool:
    """Whether a thread is the probe's; `threading` learns of one when a finalizer that runs in
    it logs something.
    """
    return ident in _own


def forget() -> None:
    """After a fork: the child has none of them."""
    _own.clear()

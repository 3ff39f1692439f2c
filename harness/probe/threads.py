"""The probe's own threads. They are started below `threading`, so that the server's list of threads stays its own."""

from __future__ import annotations

from _thread import get_ident, start_new_thread
from collections.abc import Callable

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


def is_own(ident: int | None) -> bool:
    """Whether a thread is the probe's; `threading` learns of one when a finalizer that runs in it logs something."""
    return ident in _own


def forget() -> None:
    """After a fork: the child has none of them."""
    _own.clear()

"""Work done on the thread of the server's event loop.

Finalizers of loops, handles and transports expect to run there, so that collecting belongs there. A
loop that does not answer in time is done without.
"""

from __future__ import annotations

from collections.abc import Callable
from time import monotonic
from typing import TYPE_CHECKING, Generic, TypeVar
from weakref import WeakSet

from . import loops, own_threads

if TYPE_CHECKING:
    from _thread import LockType
    from asyncio import AbstractEventLoop

T = TypeVar("T")

ANSWER_LIMIT_S = 2.0
TURNS = 10
"""A forgotten generator takes three turns to be closed: its task is made, runs, ends; what it
awaits takes more.
"""

_owing: WeakSet[AbstractEventLoop] = WeakSet()
"""Loops that have not yet taken up what they were asked: calls must not pile up in a loop that
is stuck.
"""


class LoopThread:
    """The thread of a running event loop of the server, or the caller's own where none answers."""

    def __init__(self) -> None:
        running = loops.running()
        self._loops = [loop for loop in running if loop not in _owing]
        self.answered: bool | None = len(self._loops) == len(running) if running else None
        """Whether all loops have answered so far; None where no loop is running."""

    def run(self, work: Callable[[], T]) -> T:
        """Do `work` once, on the loop's thread if it takes the work up in time, and return its
        result.

        Raises:
            Exception: whatever `work` raises.
        """
        if self._loops:
            loop, errand = self._loops[0], _Errand(work)
            if _post(loop, errand) and errand.is_done_within(ANSWER_LIMIT_S):
                return errand.result()
            self._give_up(loop)
        return work()

    def take_turns(self) -> None:
        """Let every running loop go round a few times, for what the finalizers have left to do."""
        errands = [(loop, _Errand(_nothing)) for loop in self._loops]
        posted = [_post(loop, errand) for loop, errand in errands]
        until = monotonic() + ANSWER_LIMIT_S
        for (loop, errand), is_posted in zip(errands, posted):  # noqa: B905 - strict came with Python 3.10
            if not (is_posted and errand.is_done_within(max(0.0, until - monotonic()))):
                self._give_up(loop)

    def _give_up(self, loop: AbstractEventLoop) -> None:
        _owing.add(loop)
        self._loops.remove(loop)
        self.answered = False


def _nothing() -> None:
    """The work of an errand that is sent for its turns alone."""


def _post(loop: AbstractEventLoop, errand: _Errand[T]) -> bool:
    """Have the loop do the errand after some turns; False if the loop has been closed meanwhile."""
    try:
        loop.call_soon_threadsafe(_Turns(loop, errand))
    except RuntimeError:
        return False
    return True


class _Turns:
    """A callback that comes back at each of the loop's next turns, and does the errand in the last
    of them.

    By then the asking thread is asleep and the loop in its stride: what both of them hold is the
    same at every reading.
    """

    def __init__(self, loop: AbstractEventLoop, errand: Callable[[], None]) -> None:
        self._loop = loop
        self._errand = errand
        self._left = TURNS

    def __call__(self) -> None:
        _owing.discard(self._loop)
        self._left -= 1
        if self._left:
            self._loop.call_soon(self)
        else:
            self._errand()


class _Errand(Generic[T]):
    """Work that is done once, by the loop or not at all."""

    def __init__(self, work: Callable[[], T]) -> None:
        self._work = work
        self._claim = own_threads.make_lock()
        self._done = _closed_lock()
        self._results: list[T] = []
        self._error: BaseException | None = None

    def __call__(self) -> None:
        if not self._claim.acquire(blocking=False):
            return
        try:
            self._results.append(self._work())
        except Exception as error:  # noqa: BLE001 - raised again where the result is wanted
            self._error = error
        except BaseException as error:
            # A signal handler of the server has raised in here: its exception belongs to the
            # server's loop.
            self._error = RuntimeError(f"interrupted by {error!r}")
            raise
        finally:
            self._done.release()

    def is_done_within(self, limit_s: float) -> bool:
        """Wait until the loop has done it. False: the loop has not taken it up by then, and
        never will.
        """
        if self._done.acquire(timeout=limit_s):
            return True
        if self._claim.acquire(blocking=False):
            return False
        return self._done.acquire()

    def result(self) -> T:
        if self._error is not None:
            raise self._error
        return self._results[0]


def _closed_lock() -> LockType:
    lock = own_threads.make_lock()
    lock.acquire()
    return lock

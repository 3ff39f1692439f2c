"""An event loop that a user can always stop, whatever the script in it does."""

from __future__ import annotations

import asyncio
import os
import signal
import threading
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager, suppress
from types import FrameType
from typing import Any, Final, TypeVar

from ..errors import ExitStatus, ScriptFailed
from ..exits import leave
from ..sessions.following import ABANDON_S, is_in_script
from ..sessions.script_errors import Stopped

T = TypeVar("T")
HARD_STOP_S: Final = 8.0
"""After a SIGTERM, a SIGHUP or a second SIGINT the process is there for so long at most."""
JOIN_STEP_S: Final = 0.2
"""How soon a caller that waits for a thread sees a signal."""
FINISHING: Final = "finishing the cycle; press Ctrl-C again to stop now"
STOPPING: Final = "stopping; press Ctrl-C again to stop at once"


def _ends_nothing() -> bool:
    """Nothing ends by itself."""
    return False


def run_stoppable(
    work: Callable[[], Coroutine[Any, Any, T]], finish: Callable[[], bool] = _ends_nothing
) -> T:
    """The result of a coroutine in a loop of its own.

    A signal cancels it, but for a first SIGINT that `finish` answers with True: then the coroutine
    ends by itself. A SIGTERM, a SIGHUP or a second SIGINT also breaks into a script that never
    awaits, and ends the process where that does not help either. Tasks that swallow their
    cancellation are left behind.

    Raises:
        Stopped: a signal broke into a script, and the coroutine came to no result.
        ScriptFailed: the script stopped the loop.
    """
    loop = asyncio.new_event_loop()
    task = loop.create_task(work())
    try:
        with _signals(loop, task, finish):
            try:
                return loop.run_until_complete(task)
            except Stopped:
                loop.set_exception_handler(
                    lambda *_: None
                )  # it would tell of everything that was broken off
                task.cancel()
                with suppress(Stopped):  # of the script's own task, which the loop raises once more
                    loop.run_until_complete(asyncio.wait({task}, timeout=HARD_STOP_S))
                if not task.done() or task.cancelled():
                    raise
                return task.result()
            except SystemExit:  # of a callback of the script: the loop stops wherever it is
                loop.set_exception_handler(lambda *_: None)
                raise
            except RuntimeError as error:
                if task.done():
                    raise
                loop.set_exception_handler(lambda *_: None)
                raise ScriptFailed(
                    "the script stopped the event loop, which runs the harness, too",
                    hint="leave out loop.stop() and loop.close()",
                ) from error
            finally:
                _end_all(loop)
    finally:
        loop.set_exception_handler(lambda *_: None)  # it would name every task that was left behind
        loop.close()


def in_thread(work: Callable[[], T]) -> T:
    """The result of a call in a thread of its own, for an event loop may be running in this one.

    The thread is a daemon: where this one is interrupted, nobody waits for it.
    """
    results: list[T] = []
    errors: list[BaseException] = []

    def attempt() -> None:
        try:
            results.append(work())
        except BaseException as error:  # noqa: BLE001 - raised again in the caller's thread
            errors.append(error)

    thread = threading.Thread(target=attempt, name="leak-harness", daemon=True)
    thread.start()
    # Not one wait for ever: a signal that another thread takes in would wake nobody here.
    while thread.is_alive():
        thread.join(JOIN_STEP_S)
    if errors:
        raise errors[0]
    return results[0]


def _end_all(loop: asyncio.AbstractEventLoop) -> None:
    """Cancel every task, and give them a while to end."""
    tasks = asyncio.all_tasks(loop)
    for task in tasks:
        task.cancel()
    with suppress(Stopped):
        if tasks:
            loop.run_until_complete(asyncio.wait(tasks, timeout=ABANDON_S))
        loop.run_until_complete(loop.shutdown_asyncgens())


@contextmanager
def _signals(
    loop: asyncio.AbstractEventLoop, task: asyncio.Task[Any], finish: Callable[[], bool]
) -> Iterator[None]:
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    stop = _Stop(loop, task, finish)
    numbers = [signal.SIGINT, signal.SIGTERM]
    if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:  # as nohup has it
        numbers.append(signal.SIGHUP)
    before = {number: signal.signal(number, stop.handle) for number in numbers}
    try:
        yield
    finally:
        stop.timer.cancel()
        for number, handler in before.items():
            signal.signal(number, handler)


class _Stop:
    """What the user's signals do."""

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        task: asyncio.Task[Any],
        finish: Callable[[], bool],
    ) -> None:
        self.timer = threading.Timer(HARD_STOP_S, _end_at_once)
        self.timer.daemon = True
        self._loop = loop
        self._task = task
        self._finish = finish
        self._count = 0

    def handle(self, number: int, frame: FrameType | None) -> None:
        """Finish the cycle, or cancel, at the first signal; insist at a SIGTERM or SIGHUP, and at
        the second.
        """
        self._count += 1
        if number == signal.SIGINT and self._count == 1:
            if self._finish():
                _say(FINISHING)
                return
            _say(STOPPING)
        self._loop.call_soon_threadsafe(self._task.cancel)
        if number == signal.SIGINT and self._count == 1:
            return
        if self.timer.ident is None:
            self.timer.start()
        if is_in_script(frame):
            raise Stopped


def _say(line: str) -> None:
    """A line on standard error, from wherever a signal has come in."""
    with suppress(OSError):
        os.write(2, f"\nleak-harness: {line}\n".encode())


def _end_at_once() -> None:
    """The record is on the disk, and the guardian ends the server."""
    _say("the run did not let itself be stopped, and was ended at once; its record is kept")
    leave(ExitStatus.INTERRUPTED)

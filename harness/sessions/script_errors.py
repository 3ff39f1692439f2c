"""What is wrong with a scenario's script, and in which line of it: the script is the first
suspect.
"""

from __future__ import annotations

import inspect
import os
import re
import sys
import sysconfig
import traceback
import warnings
from collections.abc import Callable, Coroutine, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from difflib import get_close_matches
from functools import wraps
from pathlib import Path
from types import FrameType, TracebackType
from typing import Any, Concatenate, Final, ParamSpec, TypeVar, cast

from ..errors import HarnessError, ScriptFailed
from ..exits import exits_raised
from ..streams import kept_streams

P = ParamSpec("P")
T = TypeVar("T")
_MANY_CALLS: Final = 64
_SESSIONS: Final = str(Path(__file__).parent) + os.sep
_HARNESS: Final = str(Path(__file__).parents[1]) + os.sep
_LIBRARIES: Final = tuple(sysconfig.get_paths()[name] for name in ("stdlib", "purelib", "platlib"))
_UNKNOWN_ARGUMENT: Final = re.compile(r"unexpected keyword argument '(\w+)'")
_CREATED_AT: Final = re.compile(r'File "([^"]+)", line (\d+)')


class Stopped(KeyboardInterrupt):
    """The user stops a script that does not give way."""


def place(file: str, line: int) -> str:
    """`file:line`, the file as seen from the working directory where it lies below that."""
    path = Path(file)
    if path.is_relative_to(Path.cwd()):
        path = path.relative_to(Path.cwd())
    return f"{path}:{line}"


def line_in(trace: TracebackType | None, file: str) -> str:
    """The place of the innermost frame in that file, else in code that is not a
    library's; empty where there is none.
    """
    frames = [(frame.f_code.co_filename, line) for frame, line in traceback.walk_tb(trace)]
    same = [
        frame
        for frame in frames
        if frame[0] == file and not file.startswith(_HARNESS + "pytest_plugin")
    ]
    users = [frame for frame in frames if not frame[0].startswith((_HARNESS, *_LIBRARIES, "<"))]
    innermost = (same or users)[-1:]
    return place(*innermost[0]) if innermost else ""


def raised(error: BaseException, script: Callable[..., Any]) -> ScriptFailed:
    """What a script raised, as the scenario error with its line."""
    code = inspect.unwrap(script).__code__
    where = line_in(error.__traceback__, code.co_filename) or place(
        code.co_filename, code.co_firstlineno
    )
    if isinstance(error, HarnessError):
        return ScriptFailed(f"{where}: {error.what}", why=error.why, hint=error.hint)
    return ScriptFailed(
        f"{where}: the script raised {in_words(error)}", hint="mend the scenario, then run again"
    )


def in_words(error: BaseException) -> str:
    """The class of an exception and what it says."""
    try:
        said = str(error)
    except BaseException as failed:  # noqa: BLE001 - an exception of the script may not even be told
        said = f"(it cannot be told: {type(failed).__name__})"
    return f"{type(error).__name__}: {said}" if said else type(error).__name__


def near(word: str, known: Iterable[str]) -> str:
    """A question after the known word that is most like this one; empty where none is."""
    matches = get_close_matches(word, list(known), 1)
    return f"did you mean {matches[0]}?" if matches else ""


def explained(error: TypeError, function: Callable[..., Any]) -> TypeError:
    """An error of a call's arguments, with the argument that was probably meant."""
    unknown = _UNKNOWN_ARGUMENT.search(str(error))
    question = near(unknown[1], inspect.signature(function).parameters) if unknown else ""
    return TypeError(f"{error}; {question}") if question else error


def of_script(argument: Any) -> Any:
    """An argument of an action; what a function of the script raises is the script's, whoever
    calls it.
    """
    if not callable(argument):
        return argument

    @wraps(argument)
    def call(*arguments: Any, **named: Any) -> Any:
        try:
            return argument(*arguments, **named)
        except HarnessError:
            raise
        except Exception as error:
            where = line_in(
                error.__traceback__,
                argument.__code__.co_filename if hasattr(argument, "__code__") else "",
            )
            raise ScriptFailed(
                f"{where}: the script raised {in_words(error)}", hint="mend the scenario"
            ) from error

    return call


@dataclass(frozen=True, slots=True)
class Call:
    """An action that a script has asked for, and where."""

    action: str
    coroutine: Coroutine[Any, Any, Any]
    file: str
    line: int

    @property
    def is_awaited(self) -> bool:
        """Whether it has begun."""
        return inspect.getcoroutinestate(self.coroutine) != inspect.CORO_CREATED


class Calls:
    """The actions of one session; each has to be awaited."""

    def __init__(self) -> None:
        self._calls: list[Call] = []

    def add(self, action: str, coroutine: Coroutine[Any, Any, Any], caller: FrameType) -> None:
        """Keep an action until it is awaited.

        Args:
            action: its name.
            coroutine: what has to be awaited.
            caller: who asked for it; where that is a session itself, who asked the session.
        """
        while caller.f_code.co_filename.startswith(_SESSIONS) and caller.f_back is not None:
            caller = caller.f_back
        if len(self._calls) >= _MANY_CALLS:
            self._calls = [call for call in self._calls if not call.is_awaited]
        self._calls.append(Call(action, coroutine, caller.f_code.co_filename, caller.f_lineno))

    def check(self) -> None:
        """Close what was never awaited.

        Raises:
            ScriptFailed: there is such an action; the first is named with its line.
        """
        left = [call for call in self._calls if not call.is_awaited]
        self._calls.clear()
        for call in left:
            call.coroutine.close()
        if left:
            raise never_awaited(f"session.{left[0].action}(...)", left[0].file, left[0].line)


def never_awaited(what: str, file: str, line: int) -> ScriptFailed:
    """A coroutine that was made and left."""
    return ScriptFailed(
        f"{place(file, line)}: {what} was never awaited, so it did nothing",
        hint="write `await` before it",
    )


def tracked(
    method: Callable[Concatenate[Any, P], Coroutine[Any, Any, T]],
) -> Callable[Concatenate[Any, P], Coroutine[Any, Any, T]]:
    """A method of a session that a script has to await."""

    @wraps(method)
    def act(self: Any, /, *arguments: P.args, **named: P.kwargs) -> Coroutine[Any, Any, T]:
        try:
            coroutine = method(self, *arguments, **named)
        except TypeError as error:
            raise explained(error, method) from None
        self.calls.add(method.__name__, coroutine, sys._getframe(1))
        return coroutine

    return act


@contextmanager
def all_awaited() -> Iterator[None]:
    """A block in which every coroutine that is made is awaited, those of the script's own functions
    too.

    Raises:
        ScriptFailed: at the end of the block, where one was not.
    """
    left: list[ScriptFailed] = []
    depth = sys.get_coroutine_origin_tracking_depth()
    with kept_streams(), exits_raised(), warnings.catch_warnings():
        warnings.filterwarnings(
            "always", message="coroutine .* was never awaited", category=RuntimeWarning
        )
        shown = warnings.showwarning

        def show(
            message: Any, category: Any, file: str, line: int, *rest: Any, **named: Any
        ) -> None:
            what = re.match(r"coroutine '(.+?)' was never awaited", str(message))
            if what is None:
                shown(message, category, file, line, *rest, **named)
                return
            created = _CREATED_AT.findall(str(message))
            at = (created[-1][0], int(created[-1][1])) if created else (file, line)
            left.append(never_awaited(f"the coroutine {what[1]}(...)", *at))

        warnings.showwarning = cast(Any, show)
        sys.set_coroutine_origin_tracking_depth(max(1, depth))
        try:
            yield
        finally:
            sys.set_coroutine_origin_tracking_depth(depth)
    if left:
        raise left[0]

"""Where things are made, for as long as that is asked for: tracemalloc, and the interpreter's
audit events.
"""

from __future__ import annotations

import atexit
import sys
import tracemalloc
from collections import deque
from collections.abc import Iterator
from typing import Any, Deque, List, Tuple

from . import late_imports

MAX_FRAMES = 25
TRACED_FRAMES = 12
"""Deep enough to leave a library. Each costs: while traced with 25 a chat took 38 times as long,
with 10, 21.
"""
MAX_EVENTS = 500
_FORKS = ("os.fork", "os.forkpty")
_STARTS = ("subprocess.Popen", "os.posix_spawn")
"""The path of a program, and its arguments."""
_AUDITED = frozenset(("open", *_STARTS, "os.exec", *_FORKS, "socket.connect", "socket.bind"))
MAX_NAME = 15
"""Characters that the kernel keeps of the name of a process."""
_events: Deque[tuple[str, str, list[str], str]] = deque(maxlen=MAX_EVENTS)
"""What was opened or started: the event, its words, the places from the innermost on, and the
command that was started.
"""
_MANAGED_DICT = 1 << 4
_flags_of = type.__dict__["__flags__"].__get__
_BEFORE_OBJECT_BYTES = 32
"""The collector's head and those two pointers."""
AT_EXIT = "atexit.register"
_register = atexit.register
_state = {"on": False, "hooked": False, "ours": False}


def start() -> None:
    """From now on remember. An audit hook cannot be taken back: it stays, and does nothing when
    tracing is over.
    """
    if not tracemalloc.is_tracing():
        tracemalloc.start(TRACED_FRAMES)
        _state["ours"] = True
    if not _state["hooked"]:
        sys.addaudithook(_heard)
        _state["hooked"] = True
    if atexit.register is _register:
        atexit.register = _noted
    _state["on"] = True


def stop() -> None:
    """Forget all that was remembered; a trace of the server's own goes on."""
    _state["on"] = False
    if atexit.register is _noted:
        atexit.register = _register
    _events.clear()
    if _state["ours"]:
        tracemalloc.stop()
        _state["ours"] = False


def living() -> Iterator[Tuple[List[str], int, int]]:
    """What was allocated since the trace began and is still there: files and lines that allocated
    it, the innermost first, bytes and blocks. Nothing where the server itself traces for longer.
    """
    if not _state["ours"]:
        return
    for kept in tracemalloc.take_snapshot().statistics("traceback"):
        places = ["%s:%d" % (frame.filename, frame.lineno) for frame in reversed(kept.traceback)]
        yield places, kept.size, kept.count


def places_of(item: object) -> list[str]:
    """Files and lines that made the object, the innermost first; empty for what is older, or the
    trace's own.
    """
    if not tracemalloc.is_tracing():
        return []
    trace = tracemalloc.get_object_traceback(item)
    if trace:
        if trace[-1].filename == _places.__code__.co_filename:
            return []
        return [f"{frame.filename}:{frame.lineno}" for frame in reversed(trace)]
    return _places_before(item) if sys.version_info[:2] == (3, 11) else []


def _places_before(item: object) -> list[str]:
    """Where an instance of a class was made, which CPython 3.11's own tracemalloc looks for at the
    wrong address.

    Before such an object lie its dict and values, two pointers, that came with 3.11; 3.12 reckons
    with them.
    """
    if not _flags_of(type(item)) & _MANAGED_DICT:  # a metaclass is not asked
        return []
    trace = _traceback_at(0, id(item) - _BEFORE_OBJECT_BYTES)
    return [f"{file}:{line}" for file, line in trace] if trace else []


def _traceback_at(domain: int, address: int) -> Any:
    try:
        ctypes = late_imports.load("ctypes")  # not every server has it loaded
        look_up = ctypes.pythonapi._PyTraceMalloc_GetTraceback
    except (ImportError, AttributeError):
        return None
    look_up.restype = ctypes.py_object
    look_up.argtypes = (ctypes.c_uint, ctypes.c_size_t)
    return look_up(domain, address)


def places_of_event(word: str) -> list[str]:
    """Files and lines that opened or started the newest thing with this word in its name, the
    innermost first.
    """
    return next((places for _, words, places, _ in reversed(_events) if word in words), [])


def start_of(name: str) -> tuple[str, list[str]]:
    """The command of the newest process that was started under this name, and the places that
    started it, the innermost first.

    A process that was forked and has called no other program has the name of the server, and no
    command.
    """
    forked: list[str] = []
    for event, words, places, command in reversed(_events):
        program = words.partition(" ")[0].rpartition("/")[2]
        if event in _STARTS and program[:MAX_NAME] == name:
            return command, places
        if event in _FORKS and not forked:
            forked = places
    return "", forked


def _heard(event: str, arguments: tuple[Any, ...]) -> None:
    if not _state["on"] or event not in _AUDITED:
        return
    command = _words(arguments[1:2]) if event in _STARTS else ""
    _events.append((event, _words(arguments), _places(sys._getframe(1)), command))


def _noted(*args: Any, **kwargs: Any) -> Any:
    """In the place of `atexit.register`, of which there is no event."""
    _events.append((AT_EXIT, AT_EXIT, _places(sys._getframe(1)), ""))
    return _register(*args, **kwargs)


def _places(frame: Any) -> list[str]:
    places: list[str] = []
    while frame is not None and len(places) < MAX_FRAMES:
        places.append(f"{frame.f_code.co_filename}:{frame.f_lineno}")
        frame = frame.f_back
    return places


def _words(arguments: tuple[Any, ...]) -> str:
    """Plain values only, joined: others would run code of their own."""
    flat: list[str] = []
    for argument in arguments:
        parts = argument if type(argument) in (list, tuple) else [argument]
        flat += [
            part.decode(errors="replace") if type(part) is bytes else str(part)
            for part in parts
            if type(part) in (str, bytes, int)
        ]
    return " ".join(flat)

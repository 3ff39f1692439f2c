"""What is told of some objects besides their type: executors, generators, exceptions and the
frames that they hold.
"""

from __future__ import annotations

from types import AsyncGeneratorType, GeneratorType
from typing import Any

from . import looking, naming

_GENERATORS = {AsyncGeneratorType: ("async generator", "ag"), GeneratorType: ("generator", "gi")}
MAX_FRAMES = 100
ENDED = ", and is kept"
"""So ends what is said of that which needs no closing any more."""


def label_of(kind: type) -> str:
    """`executor`, `exception`, `generator` or `async generator`, of objects of a type; mostly
    empty.

    Only types are looked at: an abstract class that is asked for its subclasses may run code of its
    own.
    """
    if type(kind) is type and kind in _GENERATORS:
        return _GENERATORS[kind][0]
    if issubclass(kind, BaseException):
        return "exception"
    return "executor" if _is_executor(kind) else ""


def state_of(item: object) -> str:
    """Whether an executor was shut down, where a generator waits, which frames an exception
    holds.
    """
    kind = type(item)
    if type(kind) is type and kind in _GENERATORS:
        return _state_of_generator(item, _GENERATORS[kind][1])
    if issubclass(kind, BaseException):
        return _frames_of(BaseException.__dict__["__traceback__"].__get__(item))
    return _state_of_executor(item) if _is_executor(kind) else ""


def _is_executor(kind: type) -> bool:
    executor = looking.from_module("concurrent.futures._base", "Executor")
    return type(executor) is type and issubclass(kind, executor)


def _state_of_executor(item: object) -> str:
    """Of the two kinds that the standard library has, for pools of threads and of processes."""
    values = looking.own_dict(item)
    if not values.keys() & {"_shutdown", "_shutdown_thread"}:
        return ""
    if values.get("_shutdown") is True or values.get("_shutdown_thread") is True:
        return f"it has been shut down{ENDED}"
    kept = values.get("_threads", values.get("_processes"))
    held = len(kept) if kept is not None and (type(kept) is set or type(kept) is dict) else 0
    what = "threads" if "_threads" in values else "processes"
    return "nobody has shut it down" + (f", and it holds {what}: {held}" if held else "")


def _state_of_generator(item: object, prefix: str) -> str:
    frame = getattr(item, f"{prefix}_frame")
    if frame is None:
        return f"it has ended{ENDED}"
    place = naming.place(frame.f_code, frame.f_lineno)
    if getattr(item, f"{prefix}_running"):
        return f"it runs at {place}"
    began = frame.f_lasti >= 0 and frame.f_lineno != frame.f_code.co_firstlineno
    return f"it is suspended at {place}, and was never closed" if began else "it was never begun"


def _frames_of(traceback: Any) -> str:
    places: list[str] = []
    while traceback is not None and len(places) < MAX_FRAMES:
        places.append(naming.place(traceback.tb_frame.f_code, traceback.tb_lineno))
        traceback = traceback.tb_next
    if not places:
        return ""
    if len(places) == 1:
        return f"its traceback holds a frame, at {places[0]}"
    return f"its traceback holds {len(places)} frames, from {places[0]} on to {places[-1]}"

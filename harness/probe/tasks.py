"""Pending tasks by coroutine: where they were made, where they wait, what they hold."""

from __future__ import annotations

from collections.abc import Iterator
from types import CodeType
from typing import Any

from . import loops, sites


def groups() -> list[dict[str, Any]]:
    """Tasks that are alike, counted: `coroutine`, `made_at`, `made_in`, `waits_at`, `holds`, `count`."""
    found: dict[tuple[Any, ...], dict[str, Any]] = {}
    for task in loops.all_pending():
        made, waiting = sites.site_of(task), list(_waiting(task.get_coro()))
        coroutine = getattr(task.get_coro(), "__qualname__", type(task.get_coro()).__name__)
        deepest = waiting[-1] if waiting else None
        key = (coroutine, made, deepest and (deepest.f_code, deepest.f_lineno))
        group = found.get(key)
        if group is None:
            group = found[key] = {
                "coroutine": coroutine,
                "made_at": _place(*made) if made else "",
                "made_in": _function(made[0]) if made else "",
                "waits_at": _place(deepest.f_code, deepest.f_lineno) if deepest else "",
                "holds": _held(waiting[0]) if waiting else {},
                "count": 0,
            }
        group["count"] += 1
    return list(found.values())


def _waiting(coroutine: Any) -> Iterator[Any]:
    """The frames of a suspended coroutine, from the task's own to the one that waits."""
    while coroutine is not None:
        frame = getattr(coroutine, "cr_frame", None) or getattr(coroutine, "gi_frame", None)
        if frame is None:
            return
        yield frame
        coroutine = getattr(coroutine, "cr_await", None) or getattr(coroutine, "gi_yieldfrom", None)


def _held(frame: Any) -> dict[str, str]:
    """Names and types of what the coroutine's own frame refers to."""
    values = frame.f_locals
    return {name: _type_name(values[name]) for name in list(values)[:20]}


def _type_name(value: Any) -> str:
    return f"{type(value).__module__}.{type(value).__qualname__}"


def _place(code: CodeType, line: int) -> str:
    return f"{code.co_filename}:{line}"


def _function(code: CodeType) -> str:
    return getattr(code, "co_qualname", code.co_name)  # with its class from CPython 3.11 on

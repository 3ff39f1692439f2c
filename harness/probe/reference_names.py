"""How one object refers to the next, in the words of the source: attribute, key, closure, local,
context variable.

Only types are asked, never the objects: an object that is asked for its class or attributes may run
code of its own.
"""

from __future__ import annotations

import gc
import sys
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import suppress
from contextvars import Context
from types import (
    AsyncGeneratorType,
    CellType,
    CoroutineType,
    FrameType,
    FunctionType,
    GeneratorType,
    MemberDescriptorType,
    MethodType,
    ModuleType,
    TracebackType,
)
from typing import Any, Optional

from . import looking, loops, naming

_FRAME_OF = {CoroutineType: "cr_frame", GeneratorType: "gi_frame", AsyncGeneratorType: "ag_frame"}
_RUNNING = {
    CoroutineType: "cr_running",
    GeneratorType: "gi_running",
    AsyncGeneratorType: "ag_running",
}
_CACHE = "_lru_cache_wrapper"
"""Of functools: the function that `lru_cache` and `cache` make."""
_OPTIMIZED = 1
"""Of code flags: locals are not the namespace itself."""
_OURS = 3
_NOTHING = object()
_UNKNOWN_LINK = " ->"
"""Of what refers to something and shows nowhere how, as types in C do."""
_UNNAMED = {
    FunctionType: ("__defaults__", "__kwdefaults__"),
    BaseException: ("__traceback__", "__cause__", "__context__", "args"),
}
"""Attributes of types that no method names."""
_ONLY = {
    ("ContextVar", object): " default",
    (_CACHE, dict): " cache",
    ("Future", list): "._callbacks",
    ("Future", FunctionType): "._callbacks",
    ("Future", MethodType): "._callbacks",
    ("Future", Context): " context",
    ("Future", BaseException): "._exception",
    ("Future", object): "._result",
    ("traceback", TracebackType): ".tb_next",
    ("set", object): " entry",
    ("frozenset", object): " entry",
}
"""What an object of that name refers to, and shows nowhere, or only a copy of."""


def words(path: Sequence[Any]) -> tuple[list[str], str]:
    """The links of a path from its root, without the root; and the name of its end.

    The name is the path from the nearest thing above that has a name of its own: a module, a class,
    a function.
    """
    steps: list[str] = []
    name = ""
    for place in range(1, len(path)):
        node = path[place]
        if _is_only_passed(path, place):
            continue
        step = link = link_at(path, place)
        parent = _named_parent(path, place)
        if link == _UNKNOWN_LINK:  # in a name an arrow would point at nothing
            link = f" ({looking.short_name(type(node))} without a name)"
        name = f"{parent}{link}" if parent else f"{name}{link}"
        steps.append(f"{step.strip()} <{naming.name_of(node)}>")
    return steps, name


def named_above(path: Sequence[Any]) -> Any:
    """The nearest thing above the end of a path that has a name of its own; None where there is
    none.
    """
    for place in range(len(path) - 1, 0, -1):
        if not _is_only_passed(path, place) and _named_parent(path, place):
            return _owner(path, place)
    return None


def frame_of(suspended: object) -> Any:
    """The frame of a coroutine, generator or task of one; None where that runs, has ended, or is
    something else.
    """
    if is_task(type(suspended)):
        suspended = loops.coroutine_of(suspended)
    kind = type(suspended)
    if not is_suspendable(kind) or getattr(suspended, _RUNNING[kind]):
        return None
    return getattr(suspended, _FRAME_OF[kind])


def locals_of(frame: FrameType) -> dict[str, Any]:
    """The values of a frame that is not running, and nothing left in it that would keep them
    alive.
    """
    values = frame.f_locals
    values_by_name = dict(values)
    # CPython 3.12 and before keep the dict: the frame, `values` and the call refer to it, and else
    # only the program.
    if (
        frame.f_code.co_flags & _OPTIMIZED
        and type(values) is dict
        and sys.getrefcount(values) <= _OURS
    ):
        values.clear()
    return values_by_name


def attributes_of(item: object) -> dict[str, Any]:
    """The attributes that an object has for itself, as far as its class names them.

    Its `__dict__` is not asked for: from CPython 3.11 on most objects have none until somebody
    does.
    """
    by_name: dict[str, Any] = {}
    for name in _names(type(item)):
        with suppress(AttributeError, TypeError):
            by_name[name] = object.__getattribute__(item, name)
    return by_name


def _names(kind: type) -> Iterator[str]:
    """Slots, annotated names, and all names that the methods of a class use, but for those of
    the class itself.
    """
    classes = [looking.class_dict(base) for base in looking.mro(kind)]
    methods = [item for names in classes for item in names.values() if type(item) is FunctionType]
    used = {name for method in methods for name in method.__code__.co_names}
    for names in classes:
        annotated = names.get("__annotations__")
        used.update(
            name for name in (annotated if type(annotated) is dict else ()) if type(name) is str
        )
    for names in classes:
        used.difference_update(names)
    yield from used
    for names in classes:
        slots = (name for name, slot in names.items() if type(slot) is MemberDescriptorType)
        yield from (name for name in slots if name != "__dict__")


def _is_only_passed(path: Sequence[Any], place: int) -> bool:
    """Parts that a reader of the source does not see: the dict behind attributes, cells, the
    tables of a context.
    """
    node, above = path[place], path[place - 1]
    kind = type(node)
    if kind is CellType or looking.short_name(kind).startswith("hamt"):
        return True
    if kind is tuple:
        return type(above) is FunctionType and above.__closure__ is node
    if kind is CoroutineType:
        return is_task(type(above))
    return kind is dict and _is_dict_of(node, above)


def _is_dict_of(node: object, owner: object) -> bool:
    """Only where no attribute of that name is known is the object asked for its dict; a class
    shows it by proxy.
    """
    if issubclass(type(owner), type):
        return any(
            item is node for item in gc.get_referents(type.__dict__["__dict__"].__get__(owner))
        )
    return (
        not any(value is node for value in attributes_of(owner).values())
        and looking.own_dict(owner) is node
    )


def _named_parent(path: Sequence[Any], place: int) -> str:
    """What the link hangs on, where that has a name."""
    parent = _owner(path, place)
    kind = type(parent)
    if issubclass(kind, ModuleType):
        return looking.text(looking.module_globals(parent).get("__name__"))
    if is_task(kind):
        return naming.coroutine_name(loops.coroutine_of(parent))
    if kind is FunctionType:
        return naming.function_name(parent.__code__)
    if is_suspendable(kind):
        return str(parent.__qualname__)
    if issubclass(kind, type) or looking.short_name(kind) == _CACHE:
        return naming.type_name(parent) if issubclass(kind, type) else cache_name(parent)
    return "" if _is_builtin(kind) else naming.type_name(kind)


def is_task(kind: type) -> bool:
    """Of asyncio, not what an application calls so."""
    tasks = sys.modules.get("asyncio.tasks")
    ours = (looking.module_globals(tasks).get(name) for name in ("_CTask", "_PyTask"))
    return any(kind is task for task in ours)


def is_suspendable(kind: type) -> bool:
    """Whether objects of a type have a frame that may wait."""
    return type(kind) is type and kind in _FRAME_OF


def cache_name(cache: object) -> str:
    """The function around which a cache of `lru_cache` is; what has no name, such as a partial,
    goes by its type.
    """
    values = looking.own_dict(cache)
    name = looking.text(values.get("__qualname__"), "")
    if name:
        return f"{looking.text(values.get('__module__'))}.{name}"
    return naming.type_name(type(values.get("__wrapped__")))


def _is_builtin(kind: type) -> bool:
    module = looking.module_name(kind)
    return module in ("builtins", "collections") or (
        module.startswith("_") and module != "__main__"
    )


def _owner(path: Sequence[Any], place: int) -> Any:
    """The nearest node above that a reader sees."""
    place -= 1
    while place > 0 and _is_only_passed(path, place):
        place -= 1
    return path[place]


def link(pair: Sequence[Any]) -> str:
    """How the first of two objects refers to the second, in the words of the source."""
    return link_at(pair, 1)


def link_at(path: Sequence[Any], place: int) -> str:
    """How the object before a place of a path refers to the one there."""
    above, node, owner = path[place - 1], path[place], _owner(path, place)
    kind = type(above)
    if kind is CellType:
        return _variable(owner, above, node)
    if looking.short_name(kind).startswith("hamt"):
        return next(
            (f" contextvar {var.name}" for var, value in _items(owner) if value is node),
            " contextvar",
        )
    if is_suspendable(kind):
        return _local(above, node)
    return _item(above, node, owner) or _attribute(above, node)


def _item(above: Any, node: Any, owner: Any) -> str:
    """The place of a node in a container; empty where that is none."""
    if issubclass(type(above), dict):
        key = next((key for key, value in list(dict.items(above)) if value is node), _NOTHING)
        if key is _NOTHING:
            return " key"
        if owner is not above:
            return f".{looking.text(key)}"
        return f"[{key[:60]!r}]" if type(key) is str else f"[{looking.short_name(type(key))}]"
    if issubclass(type(above), (list, tuple, deque)):
        base: Any = next(base for base in (list, tuple, deque) if issubclass(type(above), base))
        values = enumerate(list(base.__iter__(above)))
        return f"[{next((place for place, value in values if value is node), 0)}]"
    return ""


def _attribute(above: object, node: object) -> str:
    if type(above) is FrameType:
        return _local_of_frame(above, node)
    if type(above) is MethodType:
        return ".__self__" if above.__self__ is node else ".__func__"
    attribute = next((name for name, value in attributes_of(above).items() if value is node), None)
    if attribute is None:
        names = (
            name
            for kind, names in _UNNAMED.items()
            if issubclass(type(above), kind)
            for name in names
        )
        attribute = next((name for name in names if looking.attribute(above, name) is node), None)
    if attribute is None:
        attribute = next(
            (name for name, value in list(looking.own_dict(above).items()) if value is node), None
        )
    return _only(type(above), type(node)) if attribute is None else f".{attribute}"


def _only(above: type, node: type) -> str:
    """By types alone: an object that is asked for its class may run code of its own."""
    names = {looking.short_name(kind) for kind in looking.mro(above)}
    return next(
        (word for (name, kind), word in _ONLY.items() if name in names and issubclass(node, kind)),
        _UNKNOWN_LINK,
    )


def _variable(owner: object, cell: object, node: object) -> str:
    if type(owner) is FunctionType:
        cells = dict(zip(map(id, owner.__closure__ or ()), owner.__code__.co_freevars))  # noqa: B905 - since 3.10
        return f" closure {cells.get(id(cell), '?')}"
    if type(owner) is FrameType:
        return _local_of_frame(owner, node)
    return _local(owner, node) if is_suspendable(type(owner)) else " closure"


def _items(context: object) -> Iterator[tuple[Any, Any]]:
    if type(context) is Context:
        yield from list(context.items())


def _local(suspended: object, node: object) -> str:
    """A local of a coroutine or generator, with the line at which that waits."""
    frame = getattr(suspended, _FRAME_OF[type(suspended)])
    if frame is None or getattr(suspended, _RUNNING[type(suspended)]):
        return " local"
    return _local_of(frame, node) or " awaits"


def _local_of(frame: FrameType, node: object) -> str:
    """A local of a frame that does not run, with the line that was its last; empty for what is
    none.
    """
    name = next((name for name, value in locals_of(frame).items() if value is node), "")
    return f" local {name} ({naming.place(frame.f_code, frame.f_lineno)})" if name else ""


def _local_of_frame(frame: FrameType, node: object) -> str:
    return (_runs(frame) and " local") or _local_of(frame, node) or _UNKNOWN_LINK


def _runs(frame: FrameType) -> bool:
    for running in list(sys._current_frames().values()):
        above: Optional[FrameType] = running
        while above is not None:
            if above is frame:
                return True
            above = above.f_back
    return False

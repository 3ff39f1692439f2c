"""Reading objects that are not ours without running any of their code.

A class may lie about itself, and an attribute may be a property. So only types are asked, by the
interpreter's own descriptors: what a class, its metaclass or an object defines for the purpose of
being asked is never called.
"""

from __future__ import annotations

import gc
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from types import (
    GetSetDescriptorType,
    MemberDescriptorType,
    MethodDescriptorType,
    ModuleType,
    WrapperDescriptorType,
)
from typing import Any, Callable, Dict, Mapping, Tuple, TypeVar

T = TypeVar("T")

MAX_REASONS = 20
_PREHEADER_BYTES = 16
_NOTHING = object()
_get_mro = type.__dict__["__mro__"].__get__
_get_dict = type.__dict__["__dict__"].__get__
_get_name = type.__dict__["__name__"].__get__
_get_qualname = type.__dict__["__qualname__"].__get__
_get_module = type.__dict__["__module__"].__get__
_get_globals = _get_dict(ModuleType)["__dict__"].__get__
_C_SIZE = (MethodDescriptorType, WrapperDescriptorType)
_MAX_SAID = 300


def text(value: object, otherwise: str = "?") -> str:
    """A plain copy of a string, also of a derived one; `otherwise` of anything else."""
    if type(value) is str:
        return value
    return str.__str__(value) if issubclass(type(value), str) else otherwise


def mro(kind: type) -> Tuple[type, ...]:
    """The bases of a class, itself first; a class that is still being made may have none."""
    bases: Any = _get_mro(kind)
    return bases if type(bases) is tuple else ()


def class_dict(kind: type) -> Dict[str, Any]:
    """A copy of what a class defines itself, by names."""
    return {name: value for name, value in list(_get_dict(kind).items()) if type(name) is str}


def short_name(kind: type) -> str:
    """`__name__` of a class."""
    return text(_get_name(kind))


def qualified_name(kind: type) -> str:
    """`__qualname__` of a class."""
    return text(_get_qualname(kind))


def module_name(kind: type) -> str:
    """`__module__` of a class; `?` where that is not a string."""
    try:
        return text(_get_module(kind))
    except AttributeError:
        return "?"


def own_dict(item: object) -> Dict[str, Any]:
    """The `__dict__` of an object itself; an empty one where it has none, or its class puts code
    in its place.
    """
    for base in mro(type(item)):
        descriptor = _get_dict(base).get("__dict__")
        if type(descriptor) in (GetSetDescriptorType, MemberDescriptorType):
            try:
                values = descriptor.__get__(item)
            except (AttributeError, TypeError):
                return {}
            return values if type(values) is dict else {}
        if descriptor is not None:
            return {}
    return {}


def attribute(item: object, name: str, otherwise: object = None) -> Any:
    """An attribute that an object has for itself: in a slot, in a field of C, or in its dict."""
    for base in mro(type(item)):
        descriptor = _get_dict(base).get(name, _NOTHING)
        if type(descriptor) in (GetSetDescriptorType, MemberDescriptorType):
            try:
                return descriptor.__get__(item)
            except (AttributeError, TypeError):
                return otherwise
    return own_dict(item).get(name, otherwise)


def module_globals(module: object) -> Dict[str, Any]:
    """The globals of a module; empty for what is none, or is half made."""
    if not issubclass(type(module), ModuleType):
        return {}
    values = _get_globals(module)
    return values if type(values) is dict else {}


def modules() -> Iterator[Tuple[str, Any]]:
    """Names and modules of `sys.modules`; anything may be put there, and what is not a module
    is left out.
    """
    for name, module in list(sys.modules.items()):
        if type(name) is str and issubclass(type(module), ModuleType):
            yield name, module


def from_module(module: str, name: str) -> Any:
    """What a loaded module calls so; None without either."""
    return module_globals(sys.modules.get(module)).get(name)


def file_of(module: object) -> str:
    """The source file of a module; empty where it says none."""
    return text(module_globals(module).get("__file__"), "")


class ByType(Dict[type, T]):
    """A mapping from types to what a function gives for them, asked once for each type.

    A metaclass may have a `__hash__` of its own: only types whose metaclass is `type` may be looked
    up as in any dict, which is fast; `of_type` takes all.
    """

    def __init__(self, of: Callable[[type], T]) -> None:
        super().__init__()
        self._of = of
        self._others: Dict[int, Tuple[type, T]] = {}

    def __missing__(self, kind: type) -> T:
        result = self[kind] = self._of(kind)
        return result

    def of_type(self, kind: type) -> T:
        """What is kept of any type."""
        if type(kind) is type:
            return self[kind]
        known = self._others.get(id(kind))
        if known is None:
            known = self._others[id(kind)] = (kind, self._of(kind))
        return known[1]


def sizes() -> ByType[Callable[[Any], int]]:
    """By type, what gives the bytes of one of its objects."""
    return ByType(_size_of)


def _size_of(kind: type) -> Callable[[Any], int]:
    """A `__sizeof__` that is written in Python is not called, but that of the nearest base in C."""
    defined = [_get_dict(base).get("__sizeof__") for base in mro(kind)]
    methods = [method for method in defined if method is not None]
    if methods and type(methods[0]) in _C_SIZE:
        return _size
    in_c = next((method for method in methods if type(method) in _C_SIZE), None)
    if in_c is None:
        return _no_size
    return lambda item: in_c(item) + _PREHEADER_BYTES * gc.is_tracked(item)


def _no_size(_: object) -> int:
    return 0


def _size(item: object) -> int:
    return sys.getsizeof(item, 0)


class Skipped:
    """What could not be read, counted by reason."""

    def __init__(self) -> None:
        self._counts: Counter[str] = Counter()

    def add(self, error: BaseException) -> None:
        """Count one more thing that could not be read."""
        reason = reason_of(error)
        if reason in self._counts or len(self._counts) < MAX_REASONS:
            self._counts[reason] += 1

    @contextmanager
    def errors(self) -> Iterator[None]:
        """What is raised in here is one more."""
        try:
            yield
        except Exception as error:  # noqa: BLE001 - what cannot be read hides nothing else
            self.add(error)

    def counts(self) -> Mapping[str, int]:
        """How many, by reason."""
        return dict(self._counts)


def reason_of(error: BaseException) -> str:
    """What was raised, and in which function; the words of an exception that is not the
    interpreter's are not asked.
    """
    kind = type(error)
    trace, function = BaseException.__dict__["__traceback__"].__get__(error), "?"
    while trace is not None:
        function, trace = trace.tb_frame.f_code.co_name, trace.tb_next
    summary = f"{short_name(kind)} in {function}"
    message = (
        str(error)[:_MAX_SAID]
        if module_name(kind) == "builtins" and not _holds_others(error)
        else ""
    )
    return f"{summary}: {message}" if message else summary


def _holds_others(error: BaseException) -> bool:
    return any(
        type(part) not in (str, int) for part in BaseException.__dict__["args"].__get__(error)
    )

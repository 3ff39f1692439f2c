"""What a container hangs on, in the words of its source, so that the code which bounds it can be
looked for there.

Names and whole numbers alone leave the process. Only types are asked, as in `reference_names`.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping, Sequence
from types import CodeType, FunctionType, ModuleType
from typing import Any

from . import looking, naming, reference_names
from .wire import Home

LARGEST_BOUND = 1 << 40
MAX_NUMBERS = 5_000
MAX_MODULES = 500
MAX_VALUES = 300
"""Of a module or an object that are looked at."""


def of(path: Sequence[Any]) -> Home:
    """The nearest thing above the end of a path that has a name, and the end itself where its class
    has code.
    """
    owner, end = reference_names.named_above(path), type(path[-1])
    own = _written(looking.mro(end))
    home: Home = {
        "names": [],
        "files": files_of(own),
        "numbers": {},
        "own": list(map(looking.qualified_name, own)),
    }
    if own:
        home["numbers"].update(_numbers(_values_of(path[-1])))
    if issubclass(type(owner), ModuleType):
        home["files"] += _file(owner)
    elif (scope := _scope(owner)) is not None:
        code, values = scope
        home["names"] = [naming.function_name(code)]
        home["files"].append(code.co_filename)
        home["numbers"].update(_numbers(values))
    elif owner is not None:
        kinds = looking.mro(owner if issubclass(type(owner), type) else type(owner))
        home["names"] = [looking.qualified_name(kind) for kind in kinds if kind is not object]
        home["files"] += files_of(kinds)
        home["numbers"].update(_numbers(_values_of(owner)))
    return home


def numbers_of_modules(files: Iterable[str]) -> dict[str, dict[str, int]]:
    """By source file, of the application's modules and of those in `files`: `NAME` and
    `name.attribute` of numbers.
    """
    wanted, by_file = frozenset(files), dict[str, dict[str, int]]()
    left = MAX_NUMBERS
    for name, module in looking.modules():
        if name.partition(".")[0] == naming.OWN or len(by_file) >= MAX_MODULES:
            continue
        file = next(iter(_file(module)), "")
        if file and (file in wanted or naming.owner_of_file(file) == "application"):
            values = looking.module_globals(module)
            numbers = dict(_numbers(values))
            for outer, value in list(values.items())[:MAX_VALUES]:
                if len(numbers) < left and type(outer) is str and not outer.startswith("__"):
                    numbers.update(
                        {
                            f"{outer}.{inner}": number
                            for inner, number in _numbers(_inside(value)).items()
                        }
                    )
            left -= len(numbers)
            by_file[file] = numbers
    return by_file


def _inside(value: Any) -> Mapping[str, Any]:
    if issubclass(type(value), ModuleType):
        return (
            {} if naming.owner_of_module(value) == "interpreter" else looking.module_globals(value)
        )
    if issubclass(type(value), type):
        return _of_classes(value)
    kind = type(value)
    return {} if looking.module_name(kind) == "builtins" else _values_of(value)


def _values_of(item: Any) -> dict[str, Any]:
    """Attributes of an object, and the numbers among those of its classes; or attributes of a
    class.
    """
    if issubclass(type(item), type):
        return _of_classes(item)
    defaults = (name for name, value in _of_classes(type(item)).items() if type(value) is int)
    return {
        **{name: object.__getattribute__(item, name) for name in defaults},
        **reference_names.attributes_of(item),
    }


def _of_classes(kind: type) -> dict[str, Any]:
    return {
        name: value
        for base in reversed(looking.mro(kind))
        for name, value in looking.class_dict(base).items()
    }


def _scope(owner: object) -> tuple[CodeType, dict[str, Any]] | None:
    """The code of a function or of what is suspended, and what it sees besides its globals; None
    of anything else.
    """
    if type(owner) is not FunctionType:
        frame = reference_names.frame_of(
            owner
        )  # asked once: what is suspended now may run the next moment
        return None if frame is None else (frame.f_code, reference_names.locals_of(frame))
    values = {}
    for name, cell in zip(owner.__code__.co_freevars, owner.__closure__ or ()):  # noqa: B905 - since 3.10
        try:
            values[name] = cell.cell_contents
        except ValueError:  # not bound yet
            continue
    return owner.__code__, values


def _numbers(values: Mapping[str, Any]) -> dict[str, int]:
    named = [
        (name, value)
        for name, value in list(values.items())[:MAX_VALUES]
        if type(value) is int and type(name) is str  # a dict of attributes may have other keys
    ]
    return {
        name: value
        for name, value in named
        if 0 < value < LARGEST_BOUND and not name.startswith("__")
    }


def _written(kinds: Iterable[type]) -> list[type]:
    """Classes that somebody wrote in Python, the interpreter's own left out."""
    return [kind for kind in kinds if files_of([kind])]


def files_of(kinds: Iterable[type]) -> list[str]:
    """Source files of classes, the interpreter's own left out."""
    modules = (sys.modules.get(looking.module_name(kind)) for kind in kinds)
    files = [file for module in modules if module is not None for file in _file(module)]
    return [file for file in dict.fromkeys(files) if naming.owner_of_file(file) != "interpreter"]


def _file(module: object) -> list[str]:
    file = looking.file_of(module)
    return [file] if file.endswith(".py") else []

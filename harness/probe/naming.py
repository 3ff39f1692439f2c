"""What things are called: types, code, places, in the words of their source."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable
from itertools import takewhile
from types import (
    AsyncGeneratorType,
    CodeType,
    CoroutineType,
    FunctionType,
    GeneratorType,
    ModuleType,
)
from typing import Optional

from . import looking

OWN = __name__.partition(".")[0]
"""The private name under which the probe is loaded."""
_OWN_FOLDER = __file__.rpartition("/")[0] + "/"
OWN_OBJECTS = (OWN, "ctypes.CDLL", "ctypes.PyDLL", "_ctypes.PyCFuncPtr")
"""How names of the probe's own objects begin, with those by which it calls malloc."""
_LIBRARIES = ("/site-packages/", "/dist-packages/")
_SERVERS = frozenset(
    ("uvicorn", "gunicorn", "hypercorn", "daphne", "granian", "flask", "django", "sanic", "pytest")
)
"""Packages that are started as programs to run somebody else's application."""
CODED = frozenset(map(id, (FunctionType, CoroutineType, GeneratorType, AsyncGeneratorType)))
"""Identities of types whose objects are counted by their code."""
_CODE_OF = {
    FunctionType: "__code__",
    CoroutineType: "cr_code",
    GeneratorType: "gi_code",
    AsyncGeneratorType: "ag_code",
}


def type_name(kind: type) -> str:
    """The name of a type, with its module."""
    return f"{looking.module_name(kind)}.{looking.qualified_name(kind)}"


def code_of(value: object) -> Optional[CodeType]:
    """The code of what runs or can be run, by which it is counted; None of all else, which goes
    by its type.
    """
    kind = type(value)
    attribute = (
        _CODE_OF.get(kind) if type(kind) is type else None
    )  # a metaclass may have a `__hash__` of its own
    return None if attribute is None else getattr(value, attribute)


def name_of_code(kind: type, code: CodeType) -> str:
    """The name of what is counted by its code."""
    if owner_of_file(code.co_filename) == "interpreter":
        return type_name(kind)
    return f"{kind.__name__} {function_name(code)}"


def name_of(value: object) -> str:
    """Under which name an object is counted."""
    code = code_of(value)
    return type_name(type(value)) if code is None else name_of_code(type(value), code)


def coroutine_name(coroutine: object) -> str:
    """What the coroutine of a task is called; what is none of the interpreter's goes by a name
    in C, or its type.
    """
    name = looking.text(looking.attribute(coroutine, "__qualname__"), "")
    return name or looking.short_name(type(coroutine))


def function_name(code: CodeType) -> str:
    """With its class from CPython 3.11 on."""
    return getattr(code, "co_qualname", code.co_name)


def place(code: CodeType, line: int) -> str:
    """`path:line` of a place in some code."""
    return f"{code.co_filename}:{line}"


def numberless(name: str) -> str:
    """A name without what is counted in it."""
    return re.sub(r"\d+", "*", name)


def owner_of_module(module: ModuleType) -> str:
    """`application`, `dependency` or `interpreter`."""
    return owner_of_file(looking.file_of(module))


def owner_of_file(file: str) -> str:
    """Whose a source file is: of the `application`, a `dependency` or the `interpreter`."""
    package = _main_package()
    if package and file.startswith(package):
        return "application"
    if any(part in file for part in _LIBRARIES):
        return "dependency"
    return (
        "interpreter"
        if not file or "/lib/python" in file or file.startswith("<")
        else "application"
    )


def telling(places: Iterable[str]) -> tuple[str, str]:
    """The place, of those from the innermost on, that a reader should open; and whose it is.

    The innermost of the application, else the innermost of a dependency. The line that started the
    loop made nothing of what the loop's callbacks make. The probe's own lines only wrap what others
    make.
    """
    inside = takewhile(lambda place: place.rpartition(":")[0] not in _starters(), places)
    servers_own = [place for place in inside if not place.startswith(_OWN_FOLDER)]
    owned = [(place, owner_of_file(place.rpartition(":")[0])) for place in servers_own]
    for wanted in ("application", "dependency", "interpreter"):
        for place, owner in owned:
            if owner == wanted:
                return place, owner
    return "", ""


def is_own_place(place: str) -> bool:
    """Whether a place is in the probe's own code."""
    return place.startswith(_OWN_FOLDER)


def _starters() -> set[str]:
    """Files of what runs a loop."""
    return {looking.file_of(sys.modules.get(name)) for name in ("asyncio.runners", "uvloop")} - {""}


def _main_package() -> str:
    """The folder of the package that is the program, where that is installed among the
    libraries.
    """
    main = looking.file_of(sys.modules.get("__main__"))
    for part in _LIBRARIES:
        before, separator, after = main.partition(part)
        package = after.partition("/")[0]
        if separator and "/" in after and package not in _SERVERS:
            return f"{before}{part}{package}/"
    return ""

"""Files that are added to a folder of the package: found, and checked as they load."""

from __future__ import annotations

import traceback
from collections.abc import Iterator, Sequence
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules
from types import ModuleType
from typing import Final

from .errors import ExtensionInvalid

_FOLDER: Final = Path(__file__).parent
_OF_THE_FILE: Final = (AttributeError, NameError, SyntaxError, TypeError, ValueError)
"""Errors that code of the file itself makes."""


def modules_with(
    attribute: str, package: str, folders: Sequence[str], helpers: Sequence[str] = ()
) -> Iterator[ModuleType]:
    """The modules of a folder, each of which declares something.

    Args:
        attribute: the name that each of them has to assign.
        package: the dotted name of the folder.
        folders: its `__path__`.
        helpers: modules that declare nothing; so do all whose name begins with `_`.

    Raises:
        ExtensionInvalid: a file does not load, or lacks the name.
    """
    for found in iter_modules(folders):
        if found.name in helpers or found.name.startswith("_"):
            continue
        module = _loaded(f"{package}.{found.name}")
        if not hasattr(module, attribute):
            raise ExtensionInvalid(
                f"{place_of(module.__name__)} has no {attribute}",
                why="every file of this folder declares something, and this one does not",
                hint=f"assign {attribute} as the other files do; the name of a helper module "
                f"begins with _",
            )
        yield module


def place_of(module: str) -> str:
    """The file of a module of the package, as a path from where the package is."""
    return Path(_FOLDER.name, *module.split(".")[1:]).as_posix() + ".py"


def _loaded(name: str) -> ModuleType:
    try:
        return import_module(name)
    except _OF_THE_FILE as error:
        file = place_of(name)
        steps = traceback.extract_tb(error.__traceback__)
        lines = [step.lineno for step in steps if Path(step.filename).as_posix().endswith(file)]
        line = error.lineno if isinstance(error, SyntaxError) else next(reversed(lines), None)
        raise ExtensionInvalid(
            f"{file} does not load: {type(error).__name__}: {error}",
            why=f"raised in line {line}" if line else "",
            hint="correct this file, or take it out of the folder",
        ) from error

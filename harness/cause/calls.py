"""Whether a function is ever called, as far as the sources of an application tell.

A sweep that stands in the source bounds nothing if nobody calls it, or if the loop that calls it
was never started.
"""

from __future__ import annotations

import ast
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass

from .python_source import Function, functions, inside, text_of


@dataclass(frozen=True, slots=True)
class _Source:
    """One file."""

    functions: tuple[Function, ...]
    used_outside: frozenset[str]
    """Names that code outside of functions uses."""


class Calls:
    """Follows names from function to function. A name stands for all functions that are called
    so, for types are not known.

    Args:
        files: sources of the application.
        running: names of the coroutines of pending tasks, and of threads.
    """

    def __init__(self, files: Iterable[str], running: Collection[str]) -> None:
        self._sources = [_source(text) for file in files if (text := text_of(file))]
        self._running = {name.rpartition(".")[2].rstrip(")") for name in running}
        self._running |= {name.rpartition("(")[2].rstrip(")") for name in running}

    def reaches(self, function: Function, known: frozenset[str] = frozenset()) -> bool:
        """Whether something calls the function: code of a module, a framework, or a function that
        is reached itself. A coroutine that goes round for ever has to be a pending task.
        """
        name = function.node.name
        if _goes_round(function):
            return name in self._running
        if name.startswith("__") or function.node.decorator_list:
            return True
        if name in self._running or any(name in one.used_outside for one in self._sources):
            return True
        return any(
            caller.node.name not in known
            and (self._may_be_called(caller) or self.reaches(caller, known | {name}))
            for caller in self._callers(name)
        )

    def _callers(self, name: str) -> Iterator[Function]:
        for one in self._sources:
            for caller in one.functions:
                if caller.node.name != name and name in _names(caller.node.body):
                    yield caller

    def _may_be_called(self, caller: Function) -> bool:
        """Whether nothing in these sources calls it, so that others may: a public function or a
        method that a framework calls.
        """
        name = caller.node.name
        is_used = any(True for _ in self._callers(name))
        is_used = is_used or any(name in one.used_outside for one in self._sources)
        return not is_used and not _goes_round(caller)


def _source(text: str) -> _Source:
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError, RecursionError):
        return _Source((), frozenset())
    return _Source(functions(text), frozenset(_names_outside(tree)))


def _names_outside(tree: ast.Module) -> Iterator[str]:
    """Names that the bodies of module and classes use."""
    blocks = [tree.body, *(node.body for node in ast.walk(tree) if isinstance(node, ast.ClassDef))]
    for block in blocks:
        yield from _names(block)


def _names(block: list[ast.stmt]) -> set[str]:
    """Names and attributes that code reads; those of strings and comments are not among them."""
    found = set()
    for statement in block:
        nested = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef
        for node in [] if isinstance(statement, nested) else ast.walk(statement):
            match node:
                case ast.Name(id=name, ctx=ast.Load()) | ast.Attribute(attr=name):
                    found.add(name)
    return found


def _goes_round(function: Function) -> bool:
    """Whether it is a coroutine that waits and goes on, again and again."""
    if not isinstance(function.node, ast.AsyncFunctionDef):
        return False
    for node in inside(function.node.body):
        match node:
            case ast.While(test=ast.Constant(value=value)) if value:
                return any(isinstance(inner, ast.Await) for inner in ast.walk(node))
    return False

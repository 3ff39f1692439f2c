"""Whether an expression in a source file is the container in question: by its name, by what it
hangs on, and by the function in which it stands.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from .python_source import Function, inside

Numbers = Mapping[str, int]
"""Whole numbers by the names that the source has for them."""

_LAST_WORD: Final = re.compile(r"([A-Za-z_]\w*)(?: \([^)]*:\d+\))?((?:\[[^\]]*\])*)$")
_MANGLED: Final = re.compile(r"^_\w*?[A-Za-z0-9](__\w*[A-Za-z0-9])$")
_LAST_KEY: Final = re.compile(r"\['([^']+)'\]$")
_ARITHMETIC: Final[Mapping[type[ast.operator], Callable[[int, int], int]]] = {
    ast.Add: lambda first, second: first + second,
    ast.Sub: lambda first, second: first - second,
    ast.Mult: lambda first, second: first * second,
    ast.FloorDiv: lambda first, second: first // second,
}


@dataclass(frozen=True, slots=True)
class Home:
    """What a container hangs on, as the probe says it."""

    names: tuple[str, ...]
    """Of its classes, or of the function whose variable it is; of a module none."""
    files: tuple[str, ...]
    numbers: Numbers
    """That stand next to it, by name."""
    own: tuple[str, ...] = ()
    """Classes of the container itself that somebody wrote."""


@dataclass(frozen=True, slots=True)
class Target:
    """The container, as a source file may call it."""

    word: str
    depth: int
    """How many keys come after the word."""
    key: str
    """The last of them, where that is a text."""
    kind: str
    """`attribute`, `variable` of a module, or `local`."""
    module: str
    """The last part of the name of what a variable belongs to."""
    home: Home
    is_home: bool
    is_free: bool = False
    """It is a variable of the function around that which has it in its closure."""

    @classmethod
    def of(cls, name: str, home: Home, *, is_home: bool) -> Target:
        """Read off the path to the container, see `eviction_code.trim_of`."""
        last_word = _LAST_WORD.search(name)
        word, keys = (plain(last_word[1]), last_word[2].count("[")) if last_word else (name, 0)
        before = name[: last_word.start()] if last_word else ""
        kind = "attribute" if home.names else "variable"
        if before.endswith((" local ", " closure ")):
            kind = "local"
        key = _LAST_KEY.search(name)
        return cls(
            word,
            keys,
            key[1] if key else word,
            kind,
            before.rstrip(".").rpartition(".")[2],
            home,
            is_home,
            before.endswith(" closure "),
        )

    def is_meant(self, expression: ast.expr, scope: Function) -> bool:
        """Whether an expression is the container."""
        expression = scope.plain(expression)
        match expression:
            case ast.Name(id=name) if name == scope.first and _is_among(scope.owner, self.home.own):
                return True
            case ast.Subscript(slice=ast.Constant(value=key)) if self.depth and key == self.key:
                return True
        for _ in range(self.depth):
            expression = _without_key(expression)
        return self._is_called(expression, scope)

    def _is_called(self, expression: ast.expr, scope: Function) -> bool:
        match expression:
            case ast.Name(id=self.word) if self.kind == "variable":
                return self.word not in scope.local and (
                    self.is_home or self.word in scope.imported
                )
            case ast.Name(id=self.word) if self.kind == "local":
                return self.is_home and (
                    any(_is_inside(scope.name, name) for name in self.home.names)
                    or (
                        self.is_free
                        and self.word not in scope.local
                        and self._stands_next_to(scope)
                    )
                )
            case ast.Attribute(attr=self.word, value=of) if self.kind == "attribute":
                return not isinstance(of, ast.Name) or self._may_hang_on(of.id, scope)
            case ast.Attribute(attr=self.word, value=ast.Name(id=root)) if self.kind == "variable":
                return root == self.module
        return False

    def _stands_next_to(self, scope: Function) -> bool:
        """Whether a function stands in the one around, whose variable the closure has."""
        around = [name.rpartition(".<locals>.")[0] for name in self.home.names]
        return any(name and scope.name.startswith(f"{name}.<locals>.") for name in around)

    def _may_hang_on(self, root: str, scope: Function) -> bool:
        """A method's own attributes are those of its class; what else is called how tells
        nothing of its class.
        """
        is_class = root[:1].isupper() and not root.isupper()
        owner = root if is_class else ""
        if root == scope.first:
            owner = scope.owner
        return not owner or _is_among(owner, self.home.names)

    def is_shared(self, scope: Function) -> bool:
        """Whether the function is outside the classes in question, and may mean what another of
        its file calls so.
        """
        known = (*self.home.names, *self.home.own)
        if self.kind != "attribute" or _is_among(scope.owner, known):
            return False
        others = [
            function
            for function in scope.siblings.values()
            if function.owner and not _is_among(function.owner, known)
        ]
        return any(
            isinstance(node, ast.Attribute)
            and node.attr == self.word
            and isinstance(node.ctx, ast.Store)
            for function in others
            for node in inside(function.node.body)
        )

    def number(self, expression: ast.expr, scope: Function, numbers: Numbers) -> int | None:
        """The value of an expression, as far as it is made of numbers that are known by name."""
        match scope.plain(expression):
            case ast.Constant(value=int(value)):
                return value
            case ast.Name(id=name):
                return (
                    None if name in scope.local else numbers.get(name, self.home.numbers.get(name))
                )
            case ast.Attribute(value=ast.Name(id=root), attr=name) if f"{root}.{name}" in numbers:
                return numbers[f"{root}.{name}"]
            case ast.Attribute(attr=name):
                return self.home.numbers.get(name)
            case ast.BinOp(left=left, op=op, right=right) if type(op) in _ARITHMETIC:
                first, second = (
                    self.number(left, scope, numbers),
                    self.number(right, scope, numbers),
                )
                return None if first is None or not second else _ARITHMETIC[type(op)](first, second)
        return None


def plain(name: str) -> str:
    """A name as its source has it: `_Cache__data` is `__data` there."""
    found = _MANGLED.search(name)
    return found[1] if found else name


def _without_key(node: ast.expr) -> ast.expr:
    match node:
        case ast.Subscript(value=value):
            return value
        case ast.Call(func=ast.Attribute(value=value, attr="get" | "setdefault")):
            return value
    return ast.Constant(None)


def _is_among(qualified: str, names: Sequence[str]) -> bool:
    """By the last parts: the source may be that of another name for the same class."""
    return qualified.rpartition(".")[2] in {name.rpartition(".")[2] for name in names}


def _is_inside(scope: str, function: str) -> bool:
    """CPython before 3.11 tells the last part of a function's name alone."""
    return scope == function or scope.startswith(f"{function}.") or function in scope.split(".")

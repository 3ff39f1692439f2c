"""The functions of a source file, and what their local names stand for."""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from copy import deepcopy
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Final

MAX_SOURCES: Final = 100
"""Kept as trees."""
MAX_SUBSTITUTIONS: Final = 4


@dataclass(frozen=True)
class Function:
    """One function of a source file."""

    node: ast.FunctionDef | ast.AsyncFunctionDef
    name: str
    """Qualified."""
    owner: str
    """Qualified name of its class; empty where it has none."""
    beside: dict[tuple[str, str], Function] = field(repr=False)
    """All functions of the file, by class and name."""
    imported: frozenset[str] = frozenset()

    @property
    def lines(self) -> range:
        """From its `def` to its end."""
        return range(self.node.lineno, (self.node.end_lineno or self.node.lineno) + 1)

    @cached_property
    def first(self) -> str:
        """Its first argument, where that is the object or the class."""
        arguments = [*self.node.args.posonlyargs, *self.node.args.args]
        is_static = any(
            isinstance(one, ast.Name) and one.id == "staticmethod"
            for one in self.node.decorator_list
        )
        return arguments[0].arg if self.owner and arguments and not is_static else ""

    @cached_property
    def aliases(self) -> dict[str, ast.expr]:
        """What local names stand for that are bound once, and arguments by their defaults."""
        stored = Counter(one.id for one in self._names if isinstance(one.ctx, ast.Store | ast.Del))
        found: dict[str, ast.expr] = dict(one for one in self._defaults() if one[0] not in stored)
        for one in inside(self.node.body):
            match one:
                case (
                    ast.Assign(targets=[ast.Name(id=name)], value=value)
                    | ast.NamedExpr(target=ast.Name(id=name), value=value)
                    | ast.AnnAssign(target=ast.Name(id=name), value=ast.expr() as value)
                ) if (
                    stored[name] == 1
                    and name not in self.outer
                    and _refers(value)
                    and not _mentions(value, name)
                ):
                    found[name] = value
        return found

    def _defaults(self) -> Iterator[tuple[str, ast.Constant]]:
        arguments = self.node.args
        last = [*arguments.posonlyargs, *arguments.args][::-1]
        defaulted = zip(last, arguments.defaults[::-1], strict=False)
        for one, value in (
            *defaulted,
            *zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True),
        ):
            if isinstance(value, ast.Constant):
                yield one.arg, value

    @cached_property
    def _names(self) -> list[ast.Name]:
        return [one for one in inside(self.node.body) if isinstance(one, ast.Name)]

    @cached_property
    def outer(self) -> frozenset[str]:
        """Names that are declared to be those of the module, or of the function around it."""
        declared = [
            one for one in inside(self.node.body) if isinstance(one, ast.Global | ast.Nonlocal)
        ]
        return frozenset(name for one in declared for name in one.names)

    @cached_property
    def local(self) -> frozenset[str]:
        """Names that are its own."""
        arguments = (one.arg for one in ast.walk(self.node.args) if isinstance(one, ast.arg))
        return (
            frozenset(
                (*arguments, *(one.id for one in self._names if isinstance(one.ctx, ast.Store)))
            )
            - self.outer
        )

    def plain(self, expression: ast.expr) -> ast.expr:
        """The expression with what its local names stand for, as far as it does not nest too
        deep for that.
        """
        with suppress(RecursionError):
            for _ in range(MAX_SUBSTITUTIONS):
                if not any(
                    isinstance(one, ast.Name) and one.id in self.aliases
                    for one in ast.walk(expression)
                ):
                    break
                expression = _Substitution(self.aliases).visit(deepcopy(expression))
        return expression


class _Substitution(ast.NodeTransformer):
    def __init__(self, aliases: Mapping[str, ast.expr]) -> None:
        self._aliases = aliases

    def visit_Name(self, node: ast.Name) -> ast.expr:
        return deepcopy(self._aliases.get(node.id, node))

    def visit_NamedExpr(self, node: ast.NamedExpr) -> ast.expr:
        found: ast.expr = self.visit(node.value)
        return found


def function_at(place: str) -> str:
    """The qualified name of the innermost function around `path:line`; empty where the source
    cannot be read.
    """
    path, _, line = place.rpartition(":")
    around = [
        one for one in functions(text_of(path)) if line.isdecimal() and int(line) in one.lines
    ]
    return max(around, key=lambda one: (one.lines.start, -one.lines.stop)).name if around else ""


def text_of(file: str) -> str:
    """The source; empty where it cannot be read."""
    try:
        return Path(file).read_text(encoding="utf-8")
    except (OSError, ValueError):
        return ""


@lru_cache(maxsize=MAX_SOURCES)
def functions(text: str) -> tuple[Function, ...]:
    """All functions of a source; none where that is no Python of ours, or nests deeper than can
    be followed.
    """
    try:
        return tuple(_functions(ast.parse(text)))
    except (SyntaxError, ValueError, RecursionError):
        return ()


def _functions(tree: ast.Module) -> list[Function]:
    imported = frozenset(
        alias.asname or alias.name
        for one in ast.walk(tree)
        if isinstance(one, ast.ImportFrom)
        for alias in one.names
    )
    beside: dict[tuple[str, str], Function] = {}
    found: list[Function] = []

    def visit(node: ast.AST, prefix: str, owner: str) -> None:
        for child in ast.iter_child_nodes(node):
            match child:
                case ast.ClassDef(name=name):
                    visit(child, f"{prefix}{name}.", f"{prefix}{name}")
                case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
                    found.append(Function(child, f"{prefix}{name}", owner, beside, imported))
                    beside.setdefault((owner, name), found[-1])
                    visit(child, f"{prefix}{name}.<locals>.", "")
                case _:
                    visit(child, prefix, owner)

    visit(tree, "", "")
    return found


def inside(block: Sequence[ast.stmt]) -> Iterator[ast.AST]:
    """All nodes of a block but for those of functions and classes in it."""
    waiting: list[ast.AST] = list(block)
    while waiting:
        one = waiting.pop()
        yield one
        if not isinstance(one, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef | ast.Lambda):
            waiting += ast.iter_child_nodes(one)


def _refers(value: ast.expr) -> bool:
    """Whether an expression stands for something that is there, rather than makes a container of
    its own.
    """
    match value:
        case ast.Call(func=ast.Name(id="len") | ast.Attribute(attr="get" | "setdefault")):
            return True
    return isinstance(value, ast.Name | ast.Attribute | ast.Subscript | ast.BinOp | ast.Constant)


def _mentions(one: ast.expr, name: str) -> bool:
    return any(isinstance(inner, ast.Name) and inner.id == name for inner in ast.walk(one))

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
from textwrap import dedent
from typing import Final

MAX_SOURCES: Final = 100
"""Source files that are kept as syntax trees."""
MAX_SUBSTITUTIONS: Final = 4
MAX_LINE: Final = 100
"""Characters of a line that is shown."""


@dataclass(frozen=True)
class Function:
    """One function of a source file."""

    node: ast.FunctionDef | ast.AsyncFunctionDef
    name: str
    """Its qualified name, as `Cache.get`."""
    owner: str
    """Qualified name of its class; empty where it has none."""
    siblings: dict[tuple[str, str], Function] = field(repr=False)
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
            isinstance(node, ast.Name) and node.id == "staticmethod"
            for node in self.node.decorator_list
        )
        return arguments[0].arg if self.owner and arguments and not is_static else ""

    @cached_property
    def aliases(self) -> dict[str, ast.expr]:
        """What local names stand for that are bound once, and arguments by their defaults."""
        stored = Counter(
            node.id for node in self._names if isinstance(node.ctx, ast.Store | ast.Del)
        )
        expressions: dict[str, ast.expr] = dict(
            node for node in self._defaults() if node[0] not in stored
        )
        for node in inside(self.node.body):
            match node:
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
                    expressions[name] = value
        return expressions

    def _defaults(self) -> Iterator[tuple[str, ast.Constant]]:
        arguments = self.node.args
        last = [*arguments.posonlyargs, *arguments.args][::-1]
        defaulted = zip(last, arguments.defaults[::-1], strict=False)
        for argument, value in (
            *defaulted,
            *zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True),
        ):
            if isinstance(value, ast.Constant):
                yield argument.arg, value

    @cached_property
    def _names(self) -> list[ast.Name]:
        return [node for node in inside(self.node.body) if isinstance(node, ast.Name)]

    @cached_property
    def outer(self) -> frozenset[str]:
        """Names that are declared to be those of the module, or of the function around it."""
        declared = [
            node for node in inside(self.node.body) if isinstance(node, ast.Global | ast.Nonlocal)
        ]
        return frozenset(name for node in declared for name in node.names)

    @cached_property
    def local(self) -> frozenset[str]:
        """Names that are its own."""
        arguments = (node.arg for node in ast.walk(self.node.args) if isinstance(node, ast.arg))
        return (
            frozenset(
                (*arguments, *(node.id for node in self._names if isinstance(node.ctx, ast.Store)))
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
                    isinstance(node, ast.Name) and node.id in self.aliases
                    for node in ast.walk(expression)
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
        value: ast.expr = self.visit(node.value)
        return value


def function_at(place: str) -> str:
    """The qualified name of the innermost function around `path:line`; empty where the source
    cannot be read.
    """
    path, _, line = place.rpartition(":")
    around = [
        function
        for function in functions(text_of(path))
        if line.isdecimal() and int(line) in function.lines
    ]
    return (
        max(around, key=lambda function: (function.lines.start, -function.lines.stop)).name
        if around
        else ""
    )


def lines_around(place: str) -> tuple[str, ...]:
    """The line at `path:line` and two around it, as a reader sees them: each with its number, the
    line itself marked. Empty where the source cannot be read.
    """
    path, _, line = place.rpartition(":")
    lines = text_of(path).splitlines() if line.isdecimal() else []
    number = int(line) if lines else 0
    if not 0 < number <= len(lines):
        return ()
    numbers = range(max(1, number - 1), min(len(lines), number + 1) + 1)
    texts = dedent("\n".join(lines[at - 1].expandtabs(4) or " " for at in numbers)).split("\n")
    width = len(str(numbers[-1]))
    return tuple(
        f"{'>' if at == number else ' '} {at:{width}} {text[:MAX_LINE]}".rstrip()
        for at, text in zip(numbers, texts, strict=True)
    )


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
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    )
    siblings: dict[tuple[str, str], Function] = {}
    in_file: list[Function] = []

    def visit(node: ast.AST, prefix: str, owner: str) -> None:
        for child in ast.iter_child_nodes(node):
            match child:
                case ast.ClassDef(name=name):
                    visit(child, f"{prefix}{name}.", f"{prefix}{name}")
                case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
                    in_file.append(Function(child, f"{prefix}{name}", owner, siblings, imported))
                    siblings.setdefault((owner, name), in_file[-1])
                    visit(child, f"{prefix}{name}.<locals>.", "")
                case _:
                    visit(child, prefix, owner)

    visit(tree, "", "")
    return in_file


def inside(block: Sequence[ast.stmt]) -> Iterator[ast.AST]:
    """All nodes of a block but for those of functions and classes in it."""
    waiting: list[ast.AST] = list(block)
    while waiting:
        node = waiting.pop()
        yield node
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef | ast.Lambda):
            waiting += ast.iter_child_nodes(node)


def _refers(value: ast.expr) -> bool:
    """Whether an expression stands for something that is there, rather than makes a container of
    its own.
    """
    match value:
        case ast.Call(func=ast.Name(id="len") | ast.Attribute(attr="get" | "setdefault")):
            return True
    return isinstance(value, ast.Name | ast.Attribute | ast.Subscript | ast.BinOp | ast.Constant)


def _mentions(node: ast.expr, name: str) -> bool:
    return any(isinstance(inner, ast.Name) and inner.id == name for inner in ast.walk(node))

"""The statement that puts entries into a container.

An entry's key and value tell where they were made, which is often in another function, or in a
library. What keeps them is the statement that inserts them: `X[key] = value`, `X.append(value)`,
`X.setdefault(key, [])`, `X += [value]`, `heappush(X, value)`.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from .container_in_source import Home, Target
from .python_source import Function, functions, inside, text_of

INSERTIONS: Final = frozenset(
    (
        *("append", "appendleft", "add", "insert", "extend", "extendleft", "setdefault", "update"),
        *("put", "put_nowait", "push", "move_to_end"),
    )
)
_FUNCTIONS: Final = frozenset(("heappush", "heappushpop", "insort", "insort_left", "insort_right"))


@dataclass(frozen=True, slots=True)
class Insertion:
    """One statement that inserts."""

    place: str
    """`path:line`."""
    function: str
    """Qualified name of the function that it stands in."""
    has_maker: bool
    """The newest entry was made in that function."""


def insertion_of(name: str, home: Home, files: Iterable[str], made_at: str) -> Insertion | None:
    """The statement that inserts; None where none is found, or several functions insert and it
    is not known which of them did.

    Args:
        name: the path to the container, from a module, class or function on.
        home: what it hangs on.
        files: sources in which to look besides those of its home.
        made_at: `path:line` that made the newest entry; empty where it was not seen.
    """
    insertions: list[Insertion] = []
    for file in dict.fromkeys((*home.files, *files)):
        target = Target.of(name, home, is_home=file in home.files)
        insertions += _insertions_in(file, target, made_at)
    of_maker = [insertion for insertion in insertions if insertion.has_maker]
    chosen = of_maker or insertions
    if len({(insertion.function, _file(insertion)) for insertion in chosen}) != 1:
        return None
    same_line = [insertion for insertion in chosen if insertion.place == made_at]
    return (same_line or chosen)[0]


def _file(insertion: Insertion) -> str:
    return insertion.place.rpartition(":")[0]


def _insertions_in(file: str, target: Target, made_at: str) -> Iterator[Insertion]:
    text = text_of(file)
    if not (target.is_home or target.word in text or target.key in text):
        return
    maker_file, _, line = made_at.rpartition(":")
    maker_line = int(line) if maker_file == file and line.isdecimal() else 0
    for scope in functions(text):
        if scope.node.name == "__init__" or target.is_shared(scope):
            continue
        for number in sorted(_lines(scope, target)):
            yield Insertion(f"{file}:{number}", scope.name, maker_line in scope.lines)


def _lines(scope: Function, target: Target) -> list[int]:
    """Lines of a function that insert."""
    return [
        node.lineno
        for node in inside(scope.node.body)
        if isinstance(node, ast.stmt | ast.expr) and _inserts(node, scope, target)
    ]


def _inserts(node: ast.AST, scope: Function, target: Target) -> bool:
    match node:
        case ast.Assign(targets=targets, value=value):
            is_bound_anew = any(target.is_meant(one, scope) for one in targets)
            has_entry = any(_is_entry(one, scope, target) for one in targets)
            return has_entry or (is_bound_anew and _is_longer(value, scope, target))
        case ast.AnnAssign(target=one, value=ast.expr()):
            return _is_entry(one, scope, target)
        case ast.AugAssign(target=one):
            return _is_entry(one, scope, target) or target.is_meant(one, scope)
        case ast.Call(func=ast.Attribute(value=of, attr=name)) if name in INSERTIONS:
            return target.is_meant(of, scope)
        case ast.Call(func=ast.Name(id=name) | ast.Attribute(attr=name), args=[first, *_]) if (
            name in _FUNCTIONS
        ):
            return target.is_meant(first, scope)
    return False


def _is_longer(value: ast.expr, scope: Function, target: Target) -> bool:
    """Whether an expression is the container with something more, such as `X + (value,)`."""
    match value:
        case ast.BinOp(left=left, op=ast.Add() | ast.BitOr(), right=right):
            parts = [left, right]
            if any(_is_longer(part, scope, target) for part in parts):
                return True
        case ast.Tuple(elts=elements) | ast.List(elts=elements) | ast.Set(elts=elements):
            parts = [part.value for part in elements if isinstance(part, ast.Starred)]
        case ast.Dict(keys=keys, values=values):
            parts = [part for key, part in zip(keys, values, strict=True) if key is None]
        case ast.JoinedStr(values=values):
            parts = [part.value for part in values if isinstance(part, ast.FormattedValue)]
        case _:
            return False
    return any(target.is_meant(part, scope) for part in parts)


def _is_entry(node: ast.expr, scope: Function, target: Target) -> bool:
    """Whether an expression is an entry of the container, such as `X[key]`."""
    return isinstance(node, ast.Subscript) and target.is_meant(node.value, scope)

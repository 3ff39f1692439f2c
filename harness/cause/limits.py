"""Whether a limit that stands next to a container is one that its class keeps.

An attribute called `max_size` may limit something else, such as the bytes of a message. So the
source of the class is read: it compares that attribute, or slices by it, and takes something out of
the container. A class without a source that can be read is believed.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from typing import Final

from ..target.probe_answers import BoundedAnswer
from .container_in_source import plain
from .eviction_code import REMOVALS
from .python_source import Function, functions, inside, text_of

_REMOVALS: Final = REMOVALS | {"__delitem__", "heappop"}


class Limits:
    """Answers for each class and limit once."""

    def __init__(self) -> None:
        self._known: dict[tuple[str, ...], bool] = {}

    def is_kept(self, bounded: BoundedAnswer) -> bool:
        """Whether the bound is one."""
        if not bounded.limit or not bounded.files:
            return True
        key = (bounded.limit, bounded.attribute, *bounded.classes, *bounded.files)
        if key not in self._known:
            self._known[key] = keeps(bounded)
        return self._known[key]


def keeps(bounded: BoundedAnswer) -> bool:
    """Whether the classes of the owner use the limit, and take something out of the container."""
    methods = list(_methods(bounded))
    if not methods:
        return True
    is_used = any(_uses(method, bounded.limit) for method in methods)
    return is_used and any(_takes_out(method, bounded.attribute) for method in methods)


def _methods(bounded: BoundedAnswer) -> Iterator[Function]:
    names = {name.rpartition(".")[2] for name in bounded.classes}
    for file in bounded.files:
        for function in functions(text_of(file)):
            if function.owner and function.owner.rpartition(".")[2] in names:
                yield function


def _uses(function: Function, limit: str) -> bool:
    """Whether a function compares the limit, or cuts by it."""
    return any(
        _mentions(function, node, limit)
        for node in inside(function.node.body)
        if isinstance(node, ast.Compare | ast.Slice)
    )


def _takes_out(function: Function, attribute: str) -> bool:
    """Whether a function takes something out of the container, or puts another in its place."""
    for node in inside(function.node.body):
        if any(_is(function, part, attribute) for part in _shortened(function, node)):
            return True
    return False


def _shortened(function: Function, node: ast.AST) -> Sequence[ast.expr]:
    """The expressions that a statement or call takes something out of, or sets anew."""
    match node:
        case ast.Call(func=ast.Attribute(value=of, attr=name)) if name in _REMOVALS:
            return of, *node.args[:1]
        case ast.Delete(targets=targets):
            return [target.value for target in targets if isinstance(target, ast.Subscript)]
        case ast.Assign(targets=[ast.Attribute() as target]) if function.node.name != "__init__":
            return (target,)
    return ()


def _is(function: Function, expression: ast.expr, attribute: str) -> bool:
    """Whether an expression is the container: an attribute of that name, or the object itself."""
    match function.plain(expression):
        case ast.Attribute(attr=name):
            return bool(attribute) and plain(name) == plain(attribute)
        case ast.Name(id=name):
            return not attribute and name == function.first
        case ast.Call(func=ast.Name(id="super")):
            return not attribute
    return False


def _mentions(function: Function, node: ast.AST, limit: str) -> bool:
    """Whether an expression, or what its local names stand for, has the limit in it."""
    expressions = [part for part in ast.walk(node) if isinstance(part, ast.expr)]
    expressions += [function.plain(part) for part in expressions if isinstance(part, ast.Name)]
    return any(
        isinstance(part, ast.Attribute) and plain(part.attr) == plain(limit)
        for expression in expressions
        for part in ast.walk(expression)
    )

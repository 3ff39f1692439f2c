"""Whether a limit that stands next to a container is one that its class keeps.

An attribute called `max_size` may limit something else, such as the bytes of a message. So the
source of the class is read: it compares that attribute, or slices by it, and takes something out of
the container. A class without a source that can be read is believed.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import Final

from harness.cause.container_in_source import plain
from harness.cause.eviction_code import REMOVALS
from harness.cause.python_source import Function, functions, inside, text_of
from harness.target.probe_answers import BoundedAnswer

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
    return any(_uses(one, bounded.limit) for one in methods) and any(
        _takes_out(one, bounded.attribute) for one in methods
    )


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
    for node in inside(function.node.body):
        match node:
            case ast.Call(func=ast.Attribute(value=of, attr=name)) if name in _REMOVALS:
                if _is(function, of, attribute) or any(
                    _is(function, one, attribute) for one in node.args[:1]
                ):
                    return True
            case ast.Delete(targets=targets):
                if any(
                    isinstance(one, ast.Subscript) and _is(function, one.value, attribute)
                    for one in targets
                ):
                    return True
            case ast.Assign(targets=[target]) if function.node.name != "__init__":
                if isinstance(target, ast.Attribute) and _is(function, target, attribute):
                    return True
    return False


def _is(function: Function, one: ast.expr, attribute: str) -> bool:
    """Whether an expression is the container: an attribute of that name, or the object itself."""
    match function.plain(one):
        case ast.Attribute(attr=name):
            return bool(attribute) and plain(name) == plain(attribute)
        case ast.Name(id=name):
            return not attribute and name == function.first
        case ast.Call(func=ast.Name(id="super")):
            return not attribute
    return False


def _mentions(function: Function, node: ast.AST, limit: str) -> bool:
    expressions = [one for one in ast.walk(node) if isinstance(one, ast.expr)]
    meant = (function.plain(one) for one in expressions if isinstance(one, ast.Name))
    return any(
        isinstance(one, ast.Attribute) and plain(one.attr) == plain(limit)
        for expression in (*expressions, *meant)
        for one in ast.walk(expression)
    )

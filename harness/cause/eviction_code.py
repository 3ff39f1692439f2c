"""Code that keeps a container below a bound by hand: it compares the length, and takes something
out of the container.

What is looked for in the source, X being the container and N a number:

    while len(X) > N: X.popitem()           if len(X) > N: self.evict()
    if len(X) >= N: X.clear()               for _ in range(len(X) - N): X.pop(0)
    if len(X) <= N: return                  for key in list(X)[:-N]: del X[key]
    del X[oldest]
    X = X[-N:]                              del X[:-N]

A comparison of another container does not count. Nor does a comparison without a removal after it,
or a removal without a comparison.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from .container_in_source import Home, Numbers, Target
from .python_source import Function, functions, inside, text_of

MIN_BOUND: Final = 2
"""What is emptied altogether, or down to one, does not fill."""
REMOVALS: Final = frozenset(("pop", "popitem", "popleft", "clear", "remove", "discard"))
_OVER: Final = (ast.Gt, ast.GtE, ast.Eq)
_UNDER: Final = (ast.Lt, ast.LtE)
_LEAVES: Final = (ast.Return, ast.Continue, ast.Break, ast.Raise)


@dataclass(frozen=True, slots=True)
class Trim:
    """Where a container is made shorter once it is long."""

    place: str
    bound: int | None
    """None where the number is not known, or whether it is this container that is made shorter."""


def trim_of(name: str, home: Home, numbers: Mapping[str, Numbers]) -> Trim | None:
    """The code that bounds a container, with the largest bound where there are several; None where
    there is none.

    Args:
        name: the path to it, from a module, class or function on.
        home: what it hangs on.
        numbers: by source file in which to look besides those of its home.
    """
    trims: list[Trim] = []
    for file in dict.fromkeys((*home.files, *numbers)):
        target = Target.of(name, home, is_home=file in home.files)
        trims += _trims_in(file, target, numbers.get(file, {}))
    return max(trims, key=lambda trim: trim.bound or 0, default=None)


def _trims_in(file: str, target: Target, numbers: Numbers) -> Iterator[Trim]:
    """All code of a file that bounds the container."""
    text = text_of(file)
    if not (target.is_home or target.word in text or target.key in text):
        return
    for scope in functions(text):
        for line, expression in Trims(scope, target).removals():
            bound = target.number(expression, scope, numbers)
            if bound is None or bound >= MIN_BOUND:
                yield Trim(f"{file}:{line}", None if target.is_shared(scope) else bound)


class Trims:
    """Looks through one function for what makes the container shorter."""

    def __init__(self, scope: Function, target: Target) -> None:
        self._scope = scope
        self._target = target

    def removals(self) -> Iterator[tuple[int, ast.expr]]:
        """Lines, and the bounds that stand there."""
        yield from self._in(self._scope.node.body)

    def _in(self, block: Sequence[ast.stmt]) -> Iterator[tuple[int, ast.expr]]:
        for place, node in enumerate(block):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
                continue
            yield from ((node.lineno, bound) for bound in self._bounds(node, block[place + 1 :]))
            for inner in _blocks(node):
                yield from self._in(inner)

    def _bounds(self, node: ast.stmt, after: Sequence[ast.stmt]) -> Iterator[ast.expr]:
        match node:
            case ast.If() | ast.While():
                rest = (
                    after
                    if isinstance(node, ast.If) and node.body and isinstance(node.body[-1], _LEAVES)
                    else ()
                )
                over, under = self.removes(node.body), self.removes([*node.orelse, *rest])
                if over or under:
                    guards = list(self._guards(node.test))
                    yield from (bound for bound, is_over in guards if (over if is_over else under))
            case ast.For() if self.removes(node.body):
                for inner in ast.walk(self._scope.plain(node.iter)):
                    yield from self._excess(inner)
            case ast.Delete(targets=targets):
                for target in targets:
                    if isinstance(target, ast.Subscript) and self._is_meant(target.value):
                        yield from self._of_slice(target.slice, keeps=False)
            case ast.Assign(targets=[target], value=value) if self._is_meant(_whole(target)):
                for inner in ast.walk(value):
                    if isinstance(inner, ast.Subscript) and any(
                        map(self._is_meant, _expressions(inner.value))
                    ):
                        yield from self._of_slice(inner.slice, keeps=True)

    def _guards(self, test: ast.expr) -> Iterator[tuple[ast.expr, bool]]:
        """Bounds with which a condition compares the length, and whether it holds above them."""
        match self._scope.plain(test):
            case ast.BoolOp(values=values):
                for node in values:
                    yield from self._guards(node)
            case ast.Compare(left=left, ops=[op], comparators=[right]):
                if isinstance(op, _OVER + _UNDER):
                    yield from (
                        (bound, isinstance(op, _OVER)) for bound in self._compared(left, right)
                    )
                    is_over = isinstance(op, (*_UNDER, ast.Eq))
                    yield from ((bound, is_over) for bound in self._compared(right, left))

    def _compared(self, left: ast.expr, right: ast.expr) -> Iterator[ast.expr]:
        if self._is_length(left):
            yield right
        elif isinstance(right, ast.Constant) and right.value == 0:
            yield from self._excess(left)

    def _excess(self, node: ast.AST) -> Iterator[ast.expr]:
        """N of `len(X) - N`, and of a slice `[:-N]` of what X holds."""
        match node:
            case ast.BinOp(left=left, op=ast.Sub(), right=right) if self._is_length(left):
                yield right
            case ast.Subscript(value=value, slice=part) if any(
                map(self._is_meant, _expressions(value))
            ):
                yield from self._of_slice(part, keeps=False)

    def _of_slice(self, part: ast.expr, *, keeps: bool) -> Iterator[ast.expr]:
        """N of a slice that keeps, or takes out, all but N."""
        match part:
            case ast.Slice(
                lower=ast.UnaryOp(op=ast.USub(), operand=bound), upper=None, step=None
            ) if keeps:
                yield bound
            case ast.Slice(
                lower=None, upper=ast.UnaryOp(op=ast.USub(), operand=bound), step=None
            ) if not keeps:
                yield bound
            case ast.Slice(lower=ast.UnaryOp()) | ast.Slice(upper=ast.UnaryOp()):
                return
            case ast.Slice(lower=None, upper=ast.expr() as bound, step=None) if keeps:
                yield bound
            case ast.Slice(lower=None, upper=ast.expr() as upper, step=None):
                yield from self._excess(self._scope.plain(upper))
            case ast.Slice(lower=ast.expr() as bound, upper=None, step=None) if not keeps:
                yield bound

    def _is_length(self, node: ast.expr) -> bool:
        match node:
            case ast.Call(func=ast.Name(id="len"), args=[of]):
                return self._is_meant(of)
        return False

    def _is_meant(self, node: ast.expr | None) -> bool:
        return node is not None and self._target.is_meant(node, self._scope)

    def removes(self, block: Sequence[ast.stmt], *, helped: bool = True) -> bool:
        """Whether something is taken out of the container there, or in a function next to it that
        is called there.
        """
        return any(self._is_removal(node, helped=helped) for node in inside(block))

    def _is_removal(self, node: ast.AST, *, helped: bool) -> bool:
        match node:
            case ast.Call(func=ast.Attribute(value=of, attr=name)) if (
                name in REMOVALS and self._is_meant(of)
            ):
                return True
            case ast.Call(
                func=ast.Name(id="heappop") | ast.Attribute(attr="heappop"), args=[of, *_]
            ):
                return self._is_meant(of)
            case ast.Delete(targets=targets):
                return any(
                    isinstance(target, ast.Subscript) and self._is_meant(target.value)
                    for target in targets
                )
            case ast.Assign(targets=[target], value=value) if not isinstance(value, ast.BinOp):
                return self._is_meant(_whole(target))
            case ast.Call(func=called) if helped:
                helper = self._helper(called)
                return helper is not None and Trims(helper, self._target).removes(
                    helper.node.body, helped=False
                )
        return False

    def _helper(self, called: ast.expr) -> Function | None:
        match called:
            case ast.Name(id=name):
                return self._scope.siblings.get(("", name))
            case ast.Attribute(value=ast.Name(id=root), attr=name) if root == self._scope.first:
                return self._scope.siblings.get((self._scope.owner, name))
        return None


def _whole(target: ast.expr) -> ast.expr | None:
    """X of `X = ...` and of `X[:] = ...`; None where an entry alone is set."""
    if isinstance(target, ast.Subscript):
        return target.value if isinstance(target.slice, ast.Slice) else target
    return target


def _expressions(node: ast.AST) -> Iterator[ast.expr]:
    return (inner for inner in ast.walk(node) if isinstance(inner, ast.expr))


def _blocks(node: ast.stmt) -> Iterator[Sequence[ast.stmt]]:
    for name in ("body", "orelse", "finalbody"):
        yield getattr(node, name, [])
    for part in (*getattr(node, "handlers", ()), *getattr(node, "cases", ())):
        yield part.body

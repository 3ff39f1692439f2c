"""Code that keeps a container below a bound by hand: it compares the length, and takes something
out of the same one.

What is looked for in the source, X being the container and N a number:

    while len(X) > N: X.popitem()          if len(X) >= N: X.clear()            for _ in
    range(len(X) - N): X.pop(0) if len(X) <= N: return                 del X[:-N]
    X = X[-N:] del X[oldest]                          for key in list(X)[:-N]: del X[key]  if len(X)
    > N: self.evict()

A comparison of another container, one that nothing is taken out after, or a removal without a
comparison is none.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from .python_source import Function, functions, inside, text_of

Numbers = Mapping[str, int]

MIN_BOUND: Final = 2
"""What is emptied altogether, or down to one, is no container that fills."""
REMOVALS: Final = frozenset(("pop", "popitem", "popleft", "clear", "remove", "discard"))
_LAST_WORD: Final = re.compile(r"([A-Za-z_]\w*)(?: \([^)]*:\d+\))?((?:\[[^\]]*\])*)$")
_MANGLED: Final = re.compile(r"^_\w*?[A-Za-z0-9](__\w*[A-Za-z0-9])$")
_LAST_KEY: Final = re.compile(r"\['([^']+)'\]$")
_OVER: Final = (ast.Gt, ast.GtE, ast.Eq)
_UNDER: Final = (ast.Lt, ast.LtE)
_LEAVES: Final = (ast.Return, ast.Continue, ast.Break, ast.Raise)


@dataclass(frozen=True, slots=True)
class Home:
    """What a container hangs on, as the probe says it."""

    names: tuple[str, ...]
    """Of its classes, or of the function whose variable it is; of a module none."""
    files: tuple[str, ...]
    numbers: Numbers
    """That stand beside it, by name."""
    own: tuple[str, ...] = ()
    """Classes of the container itself that somebody wrote."""


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
        numbers: by source file in which to look beside those of its home.
    """
    trims = []
    for file in dict.fromkeys((*home.files, *numbers)):
        target = Target.of(name, home, is_home=file in home.files)
        text = text_of(file)
        if target.is_home or target.word in text or target.key in text:
            for scope in functions(text):
                for line, expression in Trims(scope, target).removals():
                    bound = target.number(expression, scope, numbers.get(file, {}))
                    if bound is None or bound >= MIN_BOUND:
                        trims.append(
                            Trim(f"{file}:{line}", None if target.is_shared(scope) else bound)
                        )
    return max(trims, key=lambda trim: trim.bound or 0, default=None)


def plain(name: str) -> str:
    """A name as its source has it: `_Cache__data` is `__data` there."""
    found = _MANGLED.search(name)
    return found[1] if found else name


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
        """Read off the path to the container, see `trim_of`."""
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
                    or (self.is_free and self.word not in scope.local and self._is_beside(scope))
                )
            case ast.Attribute(attr=self.word, value=of) if self.kind == "attribute":
                return not isinstance(of, ast.Name) or self._may_hang_on(of.id, scope)
            case ast.Attribute(attr=self.word, value=ast.Name(id=root)) if self.kind == "variable":
                return root == self.module
        return False

    def _is_beside(self, scope: Function) -> bool:
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


_ARITHMETIC: Final[Mapping[type[ast.operator], Callable[[int, int], int]]] = {
    ast.Add: lambda first, second: first + second,
    ast.Sub: lambda first, second: first - second,
    ast.Mult: lambda first, second: first * second,
    ast.FloorDiv: lambda first, second: first // second,
}


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
        """Whether something is taken out of the container there, or in a function beside it that
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


def _without_key(node: ast.expr) -> ast.expr:
    match node:
        case ast.Subscript(value=value):
            return value
        case ast.Call(func=ast.Attribute(value=value, attr="get" | "setdefault")):
            return value
    return ast.Constant(None)


def _expressions(node: ast.AST) -> Iterator[ast.expr]:
    return (inner for inner in ast.walk(node) if isinstance(inner, ast.expr))


def _is_among(qualified: str, names: Sequence[str]) -> bool:
    """By the last parts: the source may be that of another name for the same class."""
    return qualified.rpartition(".")[2] in {name.rpartition(".")[2] for name in names}


def _is_inside(scope: str, function: str) -> bool:
    """CPython before 3.11 tells the last part of a function's name alone."""
    return scope == function or scope.startswith(f"{function}.") or function in scope.split(".")


def _blocks(node: ast.stmt) -> Iterator[Sequence[ast.stmt]]:
    for name in ("body", "orelse", "finalbody"):
        yield getattr(node, name, [])
    for part in (*getattr(node, "handlers", ()), *getattr(node, "cases", ())):
        yield part.body

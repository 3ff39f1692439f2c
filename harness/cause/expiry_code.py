"""Code that takes entries out of a container once they are old: it compares times, and removes.

for key in [key for key, (_, expires) in X.items() if expires < now]: del X[key]
while X and X[0].deadline <= time.monotonic(): X.popleft()
if time.time() > X[key].expires_at: X.pop(key)
"""

from __future__ import annotations

import ast
import re
from collections.abc import Collection, Iterable
from typing import Final

from .calls import Calls
from .container_in_source import Home, Target
from .eviction_code import Trims
from .python_source import Function, functions, text_of

_CLOCKS: Final = frozenset(("time", "monotonic", "perf_counter", "now", "utcnow", "timer"))
_ORDER: Final = (ast.Lt, ast.LtE, ast.Gt, ast.GtE)
_TIMES: Final = re.compile(r"expir|deadline|until|ttl|max_age|timeout|(^|_)age$|(^|_)now$", re.I)


def expiry_of(
    name: str, home: Home, files: Iterable[str] = (), running: Collection[str] = ()
) -> str:
    """Where entries are taken out by their age: `path:line`; empty where no code does that, or
    nothing calls it.

    Args:
        name: the path to the container, from a module, class or function on.
        home: what it hangs on.
        files: sources of the application, in which calls are looked for.
        running: names of the coroutines of pending tasks, and of threads.
    """
    target = Target.of(name, home, is_home=True)
    calls = Calls(dict.fromkeys((*home.files, *files)), running)
    for file in dict.fromkeys(home.files):
        text = text_of(file)
        for scope in functions(text):
            if (
                Trims(scope, target).removes(scope.node.body)
                and any(_compares_times(scope, node) for node in ast.walk(scope.node))
                and calls.reaches(scope)
            ):
                return f"{file}:{scope.node.lineno}"
    return ""


def _compares_times(scope: Function, node: ast.AST) -> bool:
    if not isinstance(node, ast.Compare):
        return False
    if not any(isinstance(operator, _ORDER) for operator in node.ops):
        return False
    return any(_is_time(scope, operand) for operand in (node.left, *node.comparators))


def _is_time(scope: Function, expression: ast.expr) -> bool:
    for node in ast.walk(scope.plain(expression)):
        match node:
            case ast.Call(func=ast.Name(id=name) | ast.Attribute(attr=name)) if name in _CLOCKS:
                return True
            case ast.Name(id=name) | ast.Attribute(attr=name) if _TIMES.search(name):
                return True
    return False

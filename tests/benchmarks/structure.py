"""How Python packages are built, as one table: size of rooms, modules and functions, import cycles,
nested expressions, `Any`, docstrings.

`structure.py` measures the harness. `structure.py FOLDER...` measures the harness and packages next
to it, such as the folders of unpacked wheels. It reads source and imports nothing.
"""

from __future__ import annotations

import argparse
import ast
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from math import ceil
from pathlib import Path
from statistics import median
from typing import Final

PAGE: Final = Path(__file__).parents[2] / "docs" / "architecture.md"
MARKS: Final = ("<!-- structure -->", "<!-- end of structure -->")
HARNESS: Final = Path(__file__).parents[2] / "harness"
TEST_FOLDERS: Final = frozenset({"test", "tests", "_tests", "testing"})
COMPREHENSIONS: Final = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)
FUNCTIONS: Final = (ast.FunctionDef, ast.AsyncFunctionDef)
Function = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True, slots=True)
class Module:
    """One file."""

    name: str
    """With its package's name, as it is imported."""
    is_package: bool
    lines: int
    tree: ast.Module


def modules_of(folder: Path) -> list[Module]:
    """The modules of a package, its tests left out."""
    modules = []
    for file in sorted(folder.rglob("*.py")):
        parts = file.relative_to(folder.parent).with_suffix("").parts
        if TEST_FOLDERS.isdisjoint(parts):
            text = file.read_text(encoding="utf-8")
            is_package = parts[-1] == "__init__"
            name = ".".join(parts[:-1] if is_package else parts)
            modules.append(Module(name, is_package, text.count("\n"), ast.parse(text)))
    return modules


def rooms(modules: Iterable[Module]) -> list[int]:
    """How many modules each folder of the package holds, its own folder among them."""
    counts = Counter(
        module.name if module.is_package else module.name.rpartition(".")[0] for module in modules
    )
    return list(counts.values())


def functions(module: Module) -> Iterator[Function]:
    """All functions and methods, nested ones too."""
    for node in ast.walk(module.tree):
        if isinstance(node, FUNCTIONS):
            yield node


def length(function: Function) -> int:
    """Lines of a function without its docstring."""
    lines = (function.end_lineno or function.lineno) - function.lineno + 1
    if ast.get_docstring(function, clean=False) is None:
        return lines
    docstring = function.body[0]
    return lines - ((docstring.end_lineno or docstring.lineno) - docstring.lineno + 1)


def imports(module: Module, names: frozenset[str], *, for_checkers: bool) -> set[str]:
    """The modules among `names` that a module imports, in its functions too.

    Args:
        module: which one.
        names: the modules of its package.
        for_checkers: whether those under `if TYPE_CHECKING:` count.
    """
    imported: set[str] = set()
    for node in _outside_checks(module.tree) if not for_checkers else ast.walk(module.tree):
        if isinstance(node, ast.Import):
            imported.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            source = _source(module, node)
            members = {f"{source}.{alias.name}" for alias in node.names}
            imported.update(members & names or {source})
    return (imported & names) - {module.name}


def _outside_checks(node: ast.AST) -> Iterator[ast.AST]:
    """A tree's nodes, without those under `if TYPE_CHECKING:`."""
    yield node
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.If) and "TYPE_CHECKING" in ast.unparse(child.test):
            children: Sequence[ast.AST] = child.orelse
        else:
            children = [child]
        for outside in children:
            yield from _outside_checks(outside)


def _source(module: Module, node: ast.ImportFrom) -> str:
    """The full name of what `from X import` names."""
    if not node.level:
        return node.module or ""
    parts = module.name.split(".")
    up = node.level - module.is_package
    base = parts[: len(parts) - up]
    return ".".join([*base, node.module] if node.module else base)


def in_cycles(graph: dict[str, set[str]]) -> int:
    """How many modules import themselves over others."""
    return sum(name in _reached(graph, name) for name in graph)


def _reached(graph: dict[str, set[str]], start: str) -> set[str]:
    reached: set[str] = set()
    waiting = list(graph[start])
    while waiting:
        name = waiting.pop()
        if name not in reached:
            reached.add(name)
            waiting.extend(graph[name])
    return reached


def nested(tree: ast.AST, kinds: tuple[type[ast.AST], ...]) -> int:
    """How many expressions of these kinds stand inside another of them."""
    return sum(
        isinstance(inner, kinds)
        for outer in ast.walk(tree)
        if isinstance(outer, kinds)
        for inner in _inside(outer)
    )


def _inside(node: ast.AST) -> Iterator[ast.AST]:
    """What stands in an expression, without the bodies of its lambdas."""
    for child in ast.iter_child_nodes(node):
        yield child
        if not isinstance(child, ast.Lambda):
            yield from _inside(child)


def anys(tree: ast.AST) -> int:
    """Uses of `Any`, imports left out."""
    return sum(
        (isinstance(node, ast.Name) and node.id == "Any")
        or (isinstance(node, ast.Attribute) and node.attr == "Any")
        for node in ast.walk(tree)
    )


def public_functions(tree: ast.Module) -> Iterator[Function]:
    """Functions and methods whose name, and whose class's, begins without an underscore."""
    waiting: list[ast.stmt] = list(tree.body)
    while waiting:
        node = waiting.pop()
        if isinstance(node, (*FUNCTIONS, ast.ClassDef)) and node.name.startswith("_"):
            continue
        if isinstance(node, ast.ClassDef):
            waiting.extend(node.body)
        elif isinstance(node, FUNCTIONS) and not _is_overload(node):
            yield node


def _is_overload(function: Function) -> bool:
    return any("overload" in ast.unparse(decorator) for decorator in function.decorator_list)


def spread(values: Sequence[int]) -> str:
    """Median, 90th percentile and maximum."""
    ordered = sorted(values)
    ninetieth = ordered[ceil(0.9 * len(ordered)) - 1]
    return f"{median(ordered):.0f} / {ninetieth} / {ordered[-1]}"


def measured(folder: Path) -> dict[str, str]:
    """The table's column for one package, by the row's name."""
    modules = modules_of(folder)
    names = frozenset(module.name for module in modules)
    lines = [module.lines for module in modules]
    lengths = [length(function) for module in modules for function in functions(module)]
    run_time = {m.name: imports(m, names, for_checkers=False) for m in modules}
    with_checks = {m.name: imports(m, names, for_checkers=True) for m in modules}
    cycles = f"{in_cycles(run_time)} / {in_cycles(with_checks)}"
    any_count = sum(anys(module.tree) for module in modules)
    public = [function for module in modules for function in public_functions(module.tree)]
    documented = sum(ast.get_docstring(function) is not None for function in public)
    return {
        "modules / lines": f"{len(modules)} / {sum(lines):,}",
        "rooms": str(len(rooms(modules))),
        "modules per room: median / 90 % / max": spread(rooms(modules)),
        "lines per module: median / 90 % / max": spread(lines),
        "lines per function: median / 90 % / max": spread(lengths),
        "modules in an import cycle: at run time / with TYPE_CHECKING": cycles,
        "nested conditional expressions": str(_total(modules, (ast.IfExp,))),
        "nested comprehensions": str(_total(modules, COMPREHENSIONS)),
        "`Any` per 1,000 lines": f"{1000 * any_count / sum(lines):.1f}",
        "public functions with a docstring": f"{100 * documented / max(1, len(public)):.0f} %",
    }


def _total(modules: Iterable[Module], kinds: tuple[type[ast.AST], ...]) -> int:
    return sum(nested(module.tree, kinds) for module in modules)


def table(folders: Sequence[Path]) -> str:
    """The harness and other packages side by side, in Markdown."""
    columns = {"leak-harness": measured(HARNESS)}
    columns |= {folder.name: measured(folder) for folder in folders}
    lines = [f"| | {' | '.join(columns)} |", "|---" * (len(columns) + 1) + "|"]
    for row in columns["leak-harness"]:
        cells = " | ".join(column[row] for column in columns.values())
        lines.append(f"| {row} | {cells} |")
    return "\n".join(lines)


def main() -> None:
    """Print the table, or write it into docs/architecture.md."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folders", nargs="*", type=Path, metavar="FOLDER", help="of a package")
    parser.add_argument("--write", action="store_true", help="into docs/architecture.md")
    options = parser.parse_args()
    lines = table([folder.resolve() for folder in options.folders])
    if not options.write:
        print(lines)
        return
    before, _, rest = PAGE.read_text(encoding="utf-8").partition(MARKS[0])
    _, _, after = rest.partition(MARKS[1])
    PAGE.write_text(f"{before}{MARKS[0]}\n{lines}\n{MARKS[1]}{after}", encoding="utf-8")


if __name__ == "__main__":
    main()

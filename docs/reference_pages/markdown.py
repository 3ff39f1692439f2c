"""Tables, signatures and types as Markdown."""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Mapping
from typing import Any, Final

NOTE: Final = (
    "<!-- Made by docs/make_reference.py. Change the code, or that program, and run it. -->"
)
_STARS: Final[Mapping[Any, str]] = {
    inspect.Parameter.VAR_POSITIONAL: "*",
    inspect.Parameter.VAR_KEYWORD: "**",
}


def page(title: str, *parts: Iterable[str]) -> str:
    """A whole page: its title, the note that it is made, and the lines of its parts."""
    lines = [f"# {title}", "", NOTE]
    for part in parts:
        lines += ["", *part]
    return "\n".join(lines) + "\n"


def table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> list[str]:
    """The lines of a table."""
    cells = [tuple(map(_cell, row)) for row in rows]
    return [_row(head), _row("---" for _ in head), *map(_row, cells)]


def listed(values: Iterable[Any]) -> str:
    """Values as code, with commas."""
    return ", ".join(f"`{value}`" for value in values)


def summary(thing: Any) -> str:
    """The first paragraph of the docstring of a function or a class, on one line."""
    return (inspect.getdoc(thing) or "").partition("\n\n")[0].replace("\n", " ")


def signature(function: Any) -> str:
    """The parameters as a user writes them: without types."""
    words: list[str] = []
    is_keyword_only = False
    for parameter in inspect.signature(function).parameters.values():
        if parameter.name == "self":
            continue
        if parameter.kind is parameter.KEYWORD_ONLY and not is_keyword_only:
            words.append("*")
        is_keyword_only = is_keyword_only or parameter.kind in (
            parameter.KEYWORD_ONLY,
            parameter.VAR_POSITIONAL,
        )
        words.append(_STARS.get(parameter.kind, "") + parameter.name + _default(parameter))
    return f"({', '.join(words)})"


def json_type(schema: Mapping[str, Any]) -> str:
    """A JSON Schema in a few words."""
    match schema:
        case {"$ref": reference}:
            words = str(reference).rpartition("/")[2]
        case {"const": value}:
            words = f"`{value}`"
        case {"enum": values}:
            words = listed(values)
        case {"anyOf": choices}:
            kinds = [json_type(choice) for choice in choices if choice.get("type") != "null"]
            words = " or ".join(dict.fromkeys(kinds))
        case {"type": [*kinds]}:
            words = " or ".join(kind for kind in kinds if kind != "null")
        case {"type": "array", "items": {"type": _} | {"$ref": _} as items}:
            words = f"list of {json_type(items)}"
        case _:
            kind = str(schema.get("type", "any"))
            words = {"array": "list", "object": "table"}.get(kind, kind)
    return words


def _default(parameter: inspect.Parameter) -> str:
    if parameter.default is parameter.empty:
        return ""
    if callable(parameter.default):
        return "=..."
    return f"={parameter.default!r}"


def _row(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("<", "&lt;")

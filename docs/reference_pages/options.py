"""The commands and their options, the configuration file and its JSON Schema."""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from harness.commands import Verb, verb_named, verb_names
from harness.experiment.config import schema
from harness.experiment.options import options
from harness.option import Form, Option
from reference_pages.markdown import json_type, listed, page, table

CONFIGURATION: Final = """\
Settings stand in `leak-harness.toml`, or in `[tool.leak-harness]` of `pyproject.toml`.
The nearest folder that has one is used, from the current folder upward. Paths are relative to it.
The command line wins. A server that it names takes the place of the file's.
Each key is an [option](options.md#run) of `leak-harness run` without its dashes.

```toml
scenario = "tests/leaks.py::visit"
serve = "uvicorn app:app --port {port}"
limit = "2KiB"

[[allow]]
gate = "descriptors"
reason = "the pool of the speech service"
until = 2027-01-31
```

`leak-harness.schema.json` next to this page is a JSON Schema for editors."""
KNOWN_LEAK: Final[Mapping[str, str]] = {
    "gate": "The gate that may fail.",
    "fingerprint": "The finding that may be there.",
    "reason": "Why this leak is allowed.",
    "until": "The last day on which it counts. Without one it counts for ever.",
}


def options_page() -> str:
    """Each command with its options; those of `run` once."""
    verbs = {name: verb_named(name) for name in verb_names()}
    rows = [(f"[`{name}`](#{name})", verb.HELP) for name, verb in verbs.items()]
    sections = [_section(name, verb) for name, verb in verbs.items()]
    return page("Options", table(("command", "does"), rows), *sections)


def configuration_page() -> str:
    """Every key of the configuration file."""
    keys = schema()["properties"]
    rows = [
        (f"`{key}`", json_type(value), value["description"])
        for key, value in keys.items()
        if key != "allow"
    ]
    known = keys["allow"]["items"]["properties"]
    allow = [(f"`{key}`", json_type(value), KNOWN_LEAK[key]) for key, value in known.items()]
    return page(
        "Configuration",
        CONFIGURATION.splitlines(),
        table(("key", "value", "meaning"), rows),
        ["## allow"],
        [
            "A list of tables, each a [known leak](../how-to/known-leaks.md). "
            "Name a gate or a fingerprint, and the reason."
        ],
        table(("key", "value", "meaning"), allow),
    )


def configuration_schema() -> str:
    """The JSON Schema of the configuration file."""
    return json.dumps(schema(), indent=2, ensure_ascii=False) + "\n"


def parser_of(name: str, verb: Verb) -> argparse.ArgumentParser:
    """The parser of a command."""
    parser = argparse.ArgumentParser(f"leak-harness {name}", add_help=False)
    verb.add_options(parser)
    return parser


def _section(name: str, verb: Verb) -> list[str]:
    lines = [f"## {name}", "", f"`leak-harness {name}`: {verb.HELP}"]
    if name == "run":
        return [*lines, *_grouped(_of_run())]
    parser = parser_of(name, verb)
    takes_those_of_run = parser.get_default("refused") is not None
    shared = {option.name for option in options()} if takes_those_of_run else set()
    actions = [action for action in parser._actions if action.help != argparse.SUPPRESS]
    own = [action for action in actions if _name(action) not in shared]
    if takes_those_of_run:
        left_out = sorted(shared - {_name(action) for action in actions})
        without = f", but not {listed(f'--{option}' for option in left_out)}" if left_out else ""
        lines += ["", f"It takes the options of [`run`](#run){without}."]
        lines += ["", "Its own options:"] if own else []
    entries = [("", _typed(action), _help(parser, action)) for action in own]
    return [*lines, *_grouped(entries)]


def _of_run() -> Iterator[tuple[str, str, str]]:
    for option in options():
        yield option.group, _written(option), option.says


def _grouped(entries: Iterable[tuple[str, str, str]]) -> Iterator[str]:
    """Tables of (group, option, meaning), one for each group."""
    groups: dict[str, list[tuple[str, str]]] = {}
    for group, written, text in entries:
        groups.setdefault(group, []).append((f"`{written}`", text))
    for title, rows in groups.items():
        if title:
            yield from ("", f"**{title}**")
        yield from ("", *table(("option", "meaning"), rows))


def _written(option: Option) -> str:
    """As it is typed."""
    name, kind = f"--{option.name}", option.kind
    if kind.form is Form.POSITIONAL:
        return kind.metavar
    if kind.form is Form.FLAG:
        return name
    if kind.form is Form.SWITCH:
        return f"{name}, --no-{option.name}"
    if option.choices:
        return f"{name} {{{','.join(option.choices)}}}"
    return f"{name} {option.metavar or kind.metavar}"


def _help(parser: argparse.ArgumentParser, action: argparse.Action) -> str:
    """Its help, with its default."""
    return parser._get_formatter()._expand_help(action)


def _name(action: argparse.Action) -> str:
    return action.option_strings[0].lstrip("-") if action.option_strings else action.dest


def _typed(action: argparse.Action) -> str:
    """An action of a parser, as it is typed."""
    metavar = action.metavar or action.dest.upper()
    if action.choices:
        metavar = f"{{{','.join(map(str, action.choices))}}}"
    if not action.option_strings:
        return str(metavar)
    names = ", ".join(action.option_strings)
    return names if action.nargs == 0 else f"{names} {metavar}"

"""Write the pages of docs/reference that are made from the code: options, configuration, results,
actions, faults.

`python docs/make_reference.py` writes them. With `--check` it writes nothing, and returns 1 if one
is out of date.
"""

from __future__ import annotations

import argparse
import inspect
import io
import json
import os
import re
import runpy
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import redirect_stdout, suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final

from pydantic import BaseModel
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core import core_schema

from harness.errors import ExitStatus
from harness.experiment.config import Allowance, Settings
from harness.record.metrics import METRICS
from harness.reporters import result_json
from harness.sessions import protocols
from harness.sessions.session import BaseSession

FOLDER: Final = Path(__file__).parent / "reference"
NOTE: Final = (
    "<!-- Made by docs/make_reference.py. Change the code, or that program, and run it. -->"
)
WIDTH: Final = "400"
"""Columns of the help that is read, so that each option is on one line."""
_GROUP: Final = re.compile(r"(?P<title>\S.*):$")
_ENTRY: Final = re.compile(r" {2}(?P<name>\S.*?)(?: {2,}(?P<help>\S.*))?$")
_STARS: Final[Mapping[Any, str]] = {
    inspect.Parameter.VAR_POSITIONAL: "*",
    inspect.Parameter.VAR_KEYWORD: "**",
}
_MORE: Final = re.compile(r" {4,}(?P<help>\S.*)$")

STATUSES: Final[Mapping[ExitStatus, tuple[str, str]]] = {
    ExitStatus.FLAT: ("`flat`", "Growth was shown to be below the limit."),
    ExitStatus.LEAK: (
        "`leak`, `degraded`",
        "Something grows per session, or replies, CPU or the log get worse.",
    ),
    ExitStatus.USAGE: ("", "Wrong usage or configuration. Nothing was run."),
    ExitStatus.INCONCLUSIVE: (
        "`inconclusive`",
        "Neither could be shown. The result says which gate is open.",
    ),
    ExitStatus.SERVER_FAILED: (
        "`server-failed`",
        "The server did not start, crashed, refused, or answered nobody.",
    ),
    ExitStatus.HARNESS_FAILED: ("", "The harness itself failed. Please report it."),
    ExitStatus.INTERRUPTED: ("`interrupted`", "You stopped the run. What was measured is kept."),
}


class _InputSchema(GenerateJsonSchema):
    """What stands in the file: a size or a time may be text."""

    def function_before_schema(
        self, schema: core_schema.BeforeValidatorFunctionSchema
    ) -> JsonSchemaValue:
        """What the text is made into, or the text."""
        read = super().function_before_schema(schema)
        return read if read.get("type") == "string" else {"anyOf": [read, {"type": "string"}]}


@dataclass(frozen=True, slots=True)
class Option:
    """One line of a help text."""

    group: str
    """The title that it stands below."""
    name: str
    """With its argument, such as `--limit SIZE`."""
    help: str


def main() -> int:
    """Write all pages; with `--check` compare them, and return 1 if one differs."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--check", action="store_true", help="write nothing, 1 if a page is out of date"
    )
    options = parser.parse_args()
    os.environ["COLUMNS"] = WIDTH
    stale = []
    for name, make in PAGES.items():
        path, text = FOLDER / name, make()
        if path.exists() and path.read_text(encoding="utf-8") == text:
            continue
        stale.append(path)
        if not options.check:
            path.write_text(text, encoding="utf-8")
    for path in stale:
        print(
            f"{path}: "
            f"{'out of date, run python docs/make_reference.py' if options.check else 'written'}"
        )
    return 1 if options.check and stale else 0


def options_page() -> str:
    """Each command with its options; those of `run` once."""
    verbs = list(_verbs())
    of_run = list(_options("run"))
    shared = {one.name for one in of_run}
    lines = ["# Options", "", NOTE, "", "| command | does |", "|---|---|"]
    lines += [f"| [`{verb}`](#{verb}) | {_cell(does)} |" for verb, does in verbs]
    for verb, does in verbs:
        own = of_run if verb == "run" else list(_options(verb))
        takes_all = verb != "run" and len(shared & {one.name for one in own}) > len(shared) / 2
        if takes_all:
            own = [one for one in own if one.name not in shared]
        lines += ["", f"## {verb}", "", f"`leak-harness {verb}`: {does}"]
        if takes_all:
            lines += [
                "",
                "It takes the options of [`run`](#run)" + (", and these:" if own else "."),
            ]
        lines += _option_tables(own)
    return _page(lines)


def configuration_page() -> str:
    """Every key of the configuration file."""
    helps = {
        name.lstrip("-"): one.help
        for one in _options("run")
        for name in re.findall(r"(?:^|--)[a-z-]+", one.name)
    }
    keys = _schema_of(Settings)["properties"]
    rows = [
        (f"`{key}`", _json_type(one), helps.get(key, ""))
        for key, one in keys.items()
        if key != "allow"
    ]
    allow = [
        (f"`{key}`", _json_type(one)) for key, one in _schema_of(Allowance)["properties"].items()
    ]
    return _page(
        [
            "# Configuration",
            "",
            NOTE,
            "",
            "Settings stand in `leak-harness.toml`, or in `[tool.leak-harness]` of "
            "`pyproject.toml`.",
            "The nearest folder that has one is used, from the current folder upward. Paths are "
            "relative to it.",
            "The command line wins. A server that it names takes the place of the file's.",
            "Each key is an [option](options.md#run) of `leak-harness run` without its dashes.",
            "",
            "```toml",
            'scenario = "tests/leaks.py::visit"',
            'serve = "uvicorn app:app --port {port}"',
            'limit = "2KiB"',
            "",
            "[[allow]]",
            'gate = "descriptors"',
            'reason = "the pool of the speech service"',
            "until = 2027-01-31",
            "```",
            "",
            "`leak-harness.schema.json` next to this page is a JSON Schema for editors.",
            "",
            *_table(("key", "value", "meaning"), rows),
            "",
            "## allow",
            "",
            "A list of tables, each a [known leak](../how-to/known-leaks.md). Name a gate or a "
            "fingerprint.",
            "",
            *_table(("key", "value"), allow),
        ]
    )


def configuration_schema() -> str:
    """The JSON Schema of the configuration file."""
    schema = {"$schema": "https://json-schema.org/draft/2020-12/schema", **_schema_of(Settings)}
    schema["title"] = "leak-harness.toml"
    return json.dumps(schema, indent=2, ensure_ascii=False) + "\n"


def results_page() -> str:
    """Exit statuses, metrics, and every key of result.json."""
    schema = result_json.schema()
    kinds = {name: one["enum"] for name, one in schema["$defs"].items() if "enum" in one}
    lines = ["# Results", "", NOTE, "", "## Exit statuses", ""]
    lines += _table(
        ("status", "verdict", "when"),
        [(f"{int(status)}", *STATUSES[status]) for status in sorted(ExitStatus)],
    )
    lines += [
        "",
        "## Metrics",
        "",
        "Each rest sample holds these. The probe reads those of source `probe`.",
        "",
    ]
    lines += _table(
        ("metric", "unit", "source", "meaning"),
        [
            (f"`{one.name}`", one.unit.value, one.source.value, one.meaning)
            for one in METRICS.values()
        ],
    )
    lines += ["", "## Words of a result", ""]
    lines += _table(
        ("word", "values"),
        [(name, ", ".join(f"`{one}`" for one in kinds[name])) for name in sorted(kinds)],
    )
    lines += [
        "",
        "## result.json",
        "",
        "Sizes are bytes, times are seconds, CPU is percent of one core.",
        "",
    ]
    lines += _table(
        ("key", "value"),
        [(f"`{name}`", _json_type(one)) for name, one in schema["properties"].items()],
    )
    for name, one in sorted(schema["$defs"].items()):
        if "properties" in one:
            lines += ["", f"### {name}", ""]
            lines += _table(
                ("key", "value"),
                [(f"`{key}`", _json_type(of)) for key, of in one["properties"].items()],
            )
    return _page(lines)


def scenarios_page() -> str:
    """The page on scenarios, its tables of actions made anew."""
    path = FOLDER / "scenarios.md"
    text = path.read_text(encoding="utf-8")
    own = [_action_row(name, one) for name, one in _methods(BaseSession)]
    tables = {
        "session": [*_table(("on every session", "does"), own), ""],
        "protocols": list(_protocol_tables()),
    }
    for name, lines in tables.items():
        begin, end = f"<!-- {name} -->", f"<!-- end of {name} -->"
        before, _, rest = text.partition(begin)
        _, _, after = rest.partition(end)
        text = "\n".join([f"{before}{begin}", "", *lines, f"{end}{after}"])
    return text


def faults_page() -> str:
    """What can be switched on in the embedded server."""
    specs = json.loads(_said("faults", "--json"))
    rows = [
        (f"`{one['name']}`", "look-alike" if one["innocent"] else "fault", one["description"])
        for one in specs
    ]
    return _page(
        [
            "# Faults and look-alikes",
            "",
            NOTE,
            "",
            "`--fault NAME` switches one on in the embedded server. A look-alike is innocent: "
            "the run must be flat.",
            "`leak-harness selftest` runs them all.",
            "",
            *_table(("name", "is", "does"), rows),
        ]
    )


PAGES: Final[Mapping[str, Callable[[], str]]] = {
    "options.md": options_page,
    "configuration.md": configuration_page,
    "leak-harness.schema.json": configuration_schema,
    "results.md": results_page,
    "scenarios.md": scenarios_page,
    "faults.md": faults_page,
}


@cache
def _said(*words: str) -> str:
    """What `leak-harness` with these words prints."""
    output = io.StringIO()
    sys.argv[1:] = words
    with redirect_stdout(output), suppress(SystemExit):
        runpy.run_module("harness", run_name="__main__", alter_sys=True)
    return output.getvalue()


def _verbs() -> Iterator[tuple[str, str]]:
    """Names of the commands, and what each does."""
    for line in _said("--help").splitlines():
        if found := re.match(r" {4}(?P<verb>[a-z]+) +(?P<does>\S.*)$", line):
            yield found["verb"], found["does"]


def _options(verb: str) -> Iterator[Option]:
    """The options of a command, read off its help."""
    group, name = "", ""
    for line in _said(verb, "--help").splitlines():
        if found := _GROUP.match(line):
            group, name = found["title"], ""
        elif group and (found := _MORE.match(line)) and name:
            yield Option(group, name, found["help"])
            name = ""
        elif group and (found := _ENTRY.match(line)):
            if found["help"]:
                yield Option(group, found["name"], found["help"])
                name = ""
            else:
                name = found["name"]


def _option_tables(options: Iterable[Option]) -> list[str]:
    groups: dict[str, list[tuple[str, str]]] = {}
    for one in options:
        if not one.name.startswith("-h"):
            groups.setdefault(one.group, []).append((f"`{one.name}`", one.help))
    lines = []
    for title, rows in groups.items():
        if len(groups) > 1:
            lines += ["", f"**{title}**"]
        lines += ["", *_table(("option", "meaning"), rows)]
    return lines


def _protocol_tables() -> Iterator[str]:
    for name in protocols.shipped():
        adapter = protocols.protocol_named(name)
        session = getattr(adapter, "session", adapter)
        actions = [
            _action_row(action, getattr(session, action)) for action in sorted(adapter.actions)
        ]
        yield from (
            f"### {name}",
            "",
            f"The path is `{adapter.default_path}` unless `--url` says another.",
            "",
        )
        yield from _table(("action", "does"), actions)
        yield ""


def _methods(kind: type) -> Iterator[tuple[str, Any]]:
    for name, one in vars(kind).items():
        if inspect.isfunction(one) and not name.startswith("_"):
            yield name, one


def _action_row(name: str, function: Any) -> tuple[str, str]:
    summary = (inspect.getdoc(function) or "").partition("\n\n")[0].replace("\n", " ")
    return f"`{name}{_signature(function)}`", summary


def _signature(function: Any) -> str:
    """As a user writes it: without types."""
    parameters = [
        one for one in inspect.signature(function).parameters.values() if one.name != "self"
    ]
    words: list[str] = []
    keyword_only = False
    for one in parameters:
        if one.kind is one.KEYWORD_ONLY and not keyword_only:
            keyword_only = True
            words.append("*")
        stars = _STARS.get(one.kind, "")
        keyword_only = keyword_only or one.kind is one.VAR_POSITIONAL
        default = "" if one.default is one.empty else f"={one.default!r}"
        words.append(f"{stars}{one.name}{default}")
    return f"({', '.join(words)})"


def _schema_of(model: type[BaseModel]) -> dict[str, Any]:
    return model.model_json_schema(by_alias=True, schema_generator=_InputSchema)


def _json_type(schema: Mapping[str, Any]) -> str:
    """A JSON Schema in a few words."""
    match schema:
        case {"$ref": reference}:
            words = str(reference).rpartition("/")[2]
        case {"const": value}:
            words = f"`{value}`"
        case {"enum": values}:
            words = _listed(values)
        case {"anyOf": choices}:
            words = " or ".join(
                dict.fromkeys(_json_type(one) for one in choices if one.get("type") != "null")
            )
        case {"type": [*kinds]}:
            words = " or ".join(kind for kind in kinds if kind != "null")
        case {"type": "array", "items": {"type": _} | {"$ref": _} as items}:
            words = f"list of {_json_type(items)}"
        case _:
            kind = str(schema.get("type", "any"))
            words = {"array": "list", "object": "table"}.get(kind, kind)
    return words


def _listed(values: Iterable[Any]) -> str:
    return ", ".join(f"`{one}`" for one in values)


def _table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> list[str]:
    lines = [
        head,
        tuple("---" for _ in head),
        *(tuple(_cell(cell) for cell in row) for row in rows),
    ]
    return [f"| {' | '.join(line)} |" for line in lines]


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("<", "&lt;")


def _page(lines: Iterable[str]) -> str:
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    sys.exit(main())

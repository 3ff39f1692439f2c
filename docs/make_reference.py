"""Write the pages of docs/reference that are made from the code.

`python docs/make_reference.py` writes them. With `--check` it writes nothing, and returns 1 if one
is out of date. Each page is made by a function of `reference_pages`.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

<<<<<<< HEAD
from harness.errors import ExitStatus
from harness.experiment.config import schema as schema_of_file
from harness.record.metrics import METRICS
from harness.reporters import result_json
from harness.sessions import protocols
from harness.sessions.session import BaseSession
=======
from reference_pages import scenarios
from reference_pages.options import configuration_page, configuration_schema, options_page
from reference_pages.program import program_page
from reference_pages.results import faults_page, gates_page, results_page
>>>>>>> p3-docs

FOLDER: Final = Path(__file__).parent / "reference"


def scenarios_page() -> str:
    """The page on scenarios, its tables of actions made anew."""
    return scenarios.scenarios_page(FOLDER / "scenarios.md")


PAGES: Final[Mapping[str, Callable[[], str]]] = {
    "options.md": options_page,
    "configuration.md": configuration_page,
    "leak-harness.schema.json": configuration_schema,
    "scenarios.md": scenarios_page,
    "program.md": program_page,
    "gates.md": gates_page,
    "results.md": results_page,
    "faults.md": faults_page,
}
<<<<<<< HEAD
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


@dataclass(frozen=True, slots=True)
class Option:
    """One line of a help text."""

    group: str
    """The title that it stands below."""
    name: str
    """With its argument, such as `--limit SIZE`."""
    help: str
=======
>>>>>>> p3-docs


def main() -> int:
    """Write all pages; with `--check` compare them, and return 1 if one differs."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--check", action="store_true", help="write nothing, 1 if a page is out of date"
    )
    is_check = parser.parse_args().check
    stale = []
    for name, make in PAGES.items():
        path, text = FOLDER / name, make()
        if path.exists() and path.read_text(encoding="utf-8") == text:
            continue
        stale.append(path)
        if not is_check:
            path.write_text(text, encoding="utf-8")
    what = "out of date, run python docs/make_reference.py" if is_check else "written"
    for path in stale:
<<<<<<< HEAD
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
    keys = schema_of_file()["properties"]
    rows = [
        (f"`{key}`", _json_type(value), value["description"])
        for key, value in keys.items()
        if key != "allow"
    ]
    known = keys["allow"]["items"]["properties"]
    allow = [(f"`{key}`", _json_type(value)) for key, value in known.items()]
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
    return json.dumps(schema_of_file(), indent=2, ensure_ascii=False) + "\n"


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
=======
        print(f"{path}: {what}")
    return 1 if is_check and stale else 0
>>>>>>> p3-docs


if __name__ == "__main__":
    sys.exit(main())

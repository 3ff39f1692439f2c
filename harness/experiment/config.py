"""Settings of a run from `leak-harness.toml`, or from `[tool.leak-harness]` in pyproject.toml; the
command line wins.

The nearest folder that has one, from the current one upward, is taken. Paths in it are relative to
that folder.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Any, Final, Literal, TypedDict, get_args, get_type_hints

import msgspec

from harness.errors import ConfigInvalid
from harness.units import parse_size, parse_time_s

OWN_FILE: Final = "leak-harness.toml"
SHARED_FILE: Final = "pyproject.toml"
TABLE: Final = "leak-harness"


def _pattern(text: str) -> re.Pattern[str]:
    try:
        return re.compile(text)
    except re.error as error:
        raise ValueError(f"'{text}' is no regular expression: {error}") from error


# What is callable beside a type reads its texts.
Positive = Annotated[int, msgspec.Meta(ge=1)]
NotNegative = Annotated[float, msgspec.Meta(ge=0)]
Size = Annotated[int, msgspec.Meta(ge=1), parse_size]
Time = Annotated[float, msgspec.Meta(ge=0), parse_time_s]
Pattern = Annotated[re.Pattern[str], _pattern]
Place = tuple[int | str, ...]
"""Keys, from the outermost on."""


@dataclass(frozen=True, slots=True)
class Allowance:
    """A leak that is known: it does not fail the run until the day it expires."""

    reason: str
    gate: str | None = None
    fingerprint: str | None = None
    until: date | None = None
    """The last day on which it counts; without one it counts for ever."""

    def __post_init__(self) -> None:
        if (self.gate is None) == (self.fingerprint is None):
            raise ValueError("name either a gate or a fingerprint")

    @property
    def name(self) -> str:
        """What is allowed, as `--allow` has it."""
        return self.gate or self.fingerprint or ""


class Settings(TypedDict, total=False):
    """What may stand in the file: the options of `run`, and `[[allow]]` tables."""

    scenario: str
    fault: list[str]
    agent_size: str
    serve: str
    cwd: str
    env: dict[str, str]
    url: str
    protocol: str
    header: dict[str, str]
    subprotocol: list[str]
    compression: bool
    cycles: Positive
    min_cycles: Positive
    max_cycles: Positive
    sessions: Positive
    concurrency: Positive
    limit: Size
    object_limit: NotNegative
    grace: Time
    settle: Time
    fail_on: list[str]
    only: list[str]
    log: str
    log_expect: list[str]
    log_forbid: list[str]
    watch_files: list[str]
    ready_log: Pattern
    ready_limit: Time
    live: bool
    lang: Literal["en", "zh"]
    pid: Positive
    container: str
    attach_probe: bool
    metrics_url: str
    metric: dict[str, str]
    cgroup: str
    cookie: dict[str, str]
    auth: str
    origin: str
    unix: str
    ca: str
    insecure: bool
    memory_budget: Size
    probe: bool
    explain: bool
    collect: Literal["always", "never"]
    control: bool
    runs: Positive
    seed: int
    out: str
    allow: list[Allowance]


@dataclass(frozen=True, slots=True)
class Config:
    """A file that was read, as defaults of the command line."""

    path: Path
    options: Mapping[str, Any] = field(default_factory=dict)
    """By the option's name in the parser; what is not set in the file is absent."""
    allowed: tuple[Allowance, ...] = ()

    def expired(self, today: date) -> tuple[Allowance, ...]:
        """Allowances that count no longer."""
        return tuple(one for one in self.allowed if one.until is not None and one.until < today)


def find_config(start: Path) -> Config | None:
    """The settings of the nearest folder, from `start` upward; None where there are none.

    Raises:
        ConfigInvalid: the file is no TOML, or says what cannot be; all errors at once, each with
            line and key.
    """
    for folder in (start, *start.parents):
        own, shared = folder / OWN_FILE, folder / SHARED_FILE
        if own.is_file():
            return _read(own, ())
        if shared.is_file() and f"[tool.{TABLE}" in shared.read_text(
            encoding="utf-8", errors="replace"
        ):
            return _read(shared, ("tool", TABLE))
    return None


def _read(path: Path, table: Sequence[str]) -> Config:
    try:
        text = path.read_text(encoding="utf-8")
        data: Any = tomllib.loads(text)
    except (OSError, ValueError) as error:
        raise ConfigInvalid(
            f"{path} cannot be read as TOML: {error}", hint="mend that line, or the encoding"
        ) from error
    except RecursionError as error:
        raise ConfigInvalid(
            f"{path} cannot be read as TOML: it is nested too deeply",
            hint="the settings have two levels",
        ) from error
    for key in table:
        data = data.get(key, {})
    problems: list[str] = []

    def wrong(place: Place, what: str) -> None:
        problems.append(_problem(path, text, table, place, what))

    options = _checked(data, Settings, (), wrong)
    allowed = tuple(_allowances(options.pop("allow", []), wrong))
    if problems:
        raise ConfigInvalid(
            f"{path} has {len(problems)} error{'s' if len(problems) > 1 else ''}:",
            why="\n  ".join(problems),
            hint="the keys are the options of `leak-harness run`, without their dashes in front",
        )
    return Config(path, _with_paths(options, path.parent), allowed)


def _checked(
    data: object, table: type, place: Place, wrong: Callable[[Place, str], None]
) -> dict[str, Any]:
    """The values of a table by the names of its fields; all that is wrong is told."""
    if not isinstance(data, Mapping):
        wrong(place, "Expected a table")
        return {}
    hints = {
        name.replace("_", "-"): hint
        for name, hint in get_type_hints(table, include_extras=True).items()
    }
    values: dict[str, Any] = {}
    for key, value in data.items():
        if key not in hints:
            near = get_close_matches(key, hints, 1)
            wrong(
                (*place, key),
                "there is no such key" + (f": did you mean {near[0]}?" if near else ""),
            )
            continue
        try:
            values[key.replace("-", "_")] = value if key == "allow" else _value(value, hints[key])
        except ValueError as error:  # msgspec.ValidationError is one, too
            what, _, index = str(error).partition(" - at `$[")
            inner = (int(index.removesuffix("]`")),) if index.removesuffix("]`").isdigit() else ()
            wrong((*place, key, *inner), _in_words_of_toml(what))
    return values


def _in_words_of_toml(what: str) -> str:
    return what.replace(" | null", "").replace("`array`", "`list`").replace("`object`", "`table`")


def _value(value: object, hint: Any) -> Any:
    marks = getattr(hint, "__metadata__", ())
    readers = [mark for mark in marks if callable(mark)]
    if readers and isinstance(value, str):
        value = readers[0](value)
    if value != value:  # noqa: PLR0124 - nan, which no limit excludes
        raise ValueError("Expected a number, got `nan`")
    if isinstance(value, re.Pattern):
        return value
    choices = get_args(hint)
    if choices and all(isinstance(choice, str) for choice in choices) and value not in choices:
        raise ValueError(f"Expected one of {', '.join(choices)}")
    return msgspec.convert(value, str if hint is Pattern else hint)


def _allowances(tables: object, wrong: Callable[[Place, str], None]) -> Iterator[Allowance]:
    if not isinstance(tables, list):
        wrong(("allow",), "Expected tables: [[allow]]")
        return
    for number, table in enumerate(tables):
        place: Place = ("allow", number)
        values = _checked(table, Allowance, place, wrong)
        if isinstance(table, Mapping) and "reason" not in table:
            wrong((*place, "reason"), "it is missing: say why this leak is allowed")
        elif isinstance(table, Mapping) and len(values) == len(table):
            try:
                yield Allowance(**values)
            except ValueError as error:
                wrong(place, str(error))


def _with_paths(options: dict[str, Any], folder: Path) -> dict[str, Any]:
    for name in ("env", "header", "cookie", "metric"):
        if name in options:
            options[name] = list(options[name].items())
    for name in ("cwd", "out", "cgroup", "unix", "ca", "log"):
        if name in options:
            options[name] = folder / options[name]
    if "watch_files" in options:
        options["watch_files"] = [folder / one for one in options["watch_files"]]
    if ".py" in options.get("scenario", ""):
        options["scenario"] = str(folder / options["scenario"])
    return options


def _problem(path: Path, text: str, table: Sequence[str], where: Place, what: str) -> str:
    key = ".".join(map(str, where)) or ".".join(table)
    return f"{path.name}:{_line(text, where)}: {key}: {what}"


def _line(text: str, where: Place) -> int:
    """The line on which a key stands, as near as the text tells; the first of the table where
    the key is missing.
    """
    lines = text.splitlines()
    at = 0
    for part in where:
        if isinstance(part, int):
            headers = [
                number
                for number, line in enumerate(lines)
                if re.match(r"\s*\[\[.*allow\s*\]\]", line)
            ]
            at = headers[part] if part < len(headers) else at
            continue
        pattern = re.compile(rf"\s*(\[.*)?\"?{re.escape(part)}\"?\s*[=\].]")
        at = next((number for number in range(at, len(lines)) if pattern.match(lines[number])), at)
    return at + 1

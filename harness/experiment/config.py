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
from datetime import UTC, date, datetime
from difflib import get_close_matches
from functools import partial
from pathlib import Path
from typing import Annotated, Any, Final, get_type_hints

import msgspec

from ..errors import ConfigInvalid
from ..option import Form, Option
from .options import merged, options

OWN_FILE: Final = "leak-harness.toml"
SHARED_FILE: Final = "pyproject.toml"
TABLE: Final = "leak-harness"


Place = tuple[int | str, ...]
"""Keys, from the outermost on."""
_ALLOW: Final = "allow"
"""In the file these are tables: known leaks, each with its reason."""


@dataclass(frozen=True, slots=True)
class Allowance:
    """A leak that is known: it does not fail the run until the day it expires."""

    reason: str
    gate: str | None = None
    fingerprint: str | None = None
    until: date | None = None
    """The last day on which it counts; without one it counts always."""

    def __post_init__(self) -> None:
        if (self.gate is None) == (self.fingerprint is None):
            raise ValueError("name either a gate or a fingerprint")

    @property
    def name(self) -> str:
        """What is allowed, as `--allow` has it."""
        return self.gate or self.fingerprint or ""


@dataclass(frozen=True, slots=True)
class Config:
    """A file that was read, as defaults of the command line."""

    path: Path
    options: Mapping[str, Any] = field(default_factory=dict)
    """By the key of the option; what is not set in the file is absent."""
    allowed: tuple[Allowance, ...] = ()

    def expired(self, today: date) -> tuple[Allowance, ...]:
        """Allowances that count no longer."""
        return tuple(
            known for known in self.allowed if known.until is not None and known.until < today
        )


def options_of_file() -> dict[str, Option]:
    """The options that may stand in a file, by their names; `allow` is a list of tables there."""
    return {option.name: option for option in options() if not option.is_typed_only}


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

    values = _checked(data, _readers(), (), wrong)
    allowed = tuple(_allowances(values.pop(_ALLOW, []), wrong))
    if problems:
        raise ConfigInvalid(
            f"{path} has {len(problems)} error{'s' if len(problems) > 1 else ''}:",
            why="\n  ".join(problems),
            hint="the keys are the options of `leak-harness run`, without their dashes in front",
        )
    return Config(path, _with_paths(values, path.parent), allowed)


Reader = Callable[[Any], Any]
"""Makes a value of a file what the program uses.

Raises:
    ValueError: it is of another kind.
"""


def _readers() -> dict[str, Reader]:
    readers: dict[str, Reader] = {
        name: partial(_value, option) for name, option in options_of_file().items()
    }
    readers[_ALLOW] = lambda tables: tables
    return readers


def _checked(
    data: object,
    readers: Mapping[str, Reader],
    place: Place,
    wrong: Callable[[Place, str], None],
) -> dict[str, Any]:
    """The values of a table by their keys; everything that is wrong is reported to `wrong`."""
    if not isinstance(data, Mapping):
        wrong(place, "Expected a table")
        return {}
    values: dict[str, Any] = {}
    for key, value in data.items():
        if key not in readers:
            near = get_close_matches(key, readers, 1)
            question = f": did you mean {near[0]}?" if near else ""
            wrong((*place, key), f"there is no such key{question}")
            continue
        try:
            values[key.replace("-", "_")] = readers[key](value)
        except ValueError as error:  # msgspec.ValidationError is one, too
            what, _, index = str(error).partition(" - at `$[")
            number = index.removesuffix("]`")
            inner = (int(number),) if number.isdigit() else ()
            wrong((*place, key, *inner), _in_words_of_toml(what))
    return values


def _in_words_of_toml(what: str) -> str:
    return what.replace(" | null", "").replace("`array`", "`list`").replace("`object`", "`table`")


def _value(option: Option, value: Any) -> Any:
    """The value of an option as its dataclass holds it.

    Raises:
        ValueError: it is of another kind.
    """
    kind = option.kind
    if kind.is_text_in_file and isinstance(value, str):
        value = kind.read(value)
    elif kind.type is re.Pattern:
        value = kind.read(msgspec.convert(value, str))
    if value != value:  # noqa: PLR0124 - nan, which no limit excludes
        raise ValueError("Expected a number, got `nan`")
    if option.choices and value not in option.choices:
        raise ValueError(f"Expected one of {', '.join(option.choices)}")
    if kind.type is re.Pattern:
        return value
    converted = msgspec.convert(value, _type_in_file(option))
    return tuple(converted) if option.is_repeatable else converted


def _type_in_file(option: Option) -> Any:
    kind = option.kind
    if kind.form is Form.PAIRS:
        return dict[str, str]
    single: Any = kind.type
    if kind.minimum is not None:
        single = Annotated[single, msgspec.Meta(ge=kind.minimum)]
    return list[single] if option.is_repeatable else single


def _allowances(tables: object, wrong: Callable[[Place, str], None]) -> Iterator[Allowance]:
    if not isinstance(tables, list):
        wrong(("allow",), "Expected tables: [[allow]]")
        return
    for number, table in enumerate(tables):
        place: Place = ("allow", number)
        values = _checked(table, _OF_ALLOWANCE, place, wrong)
        if isinstance(table, Mapping) and "reason" not in table:
            wrong((*place, "reason"), "it is missing: say why this leak is allowed")
        elif isinstance(table, Mapping) and len(values) == len(table):
            try:
                yield Allowance(**values)
            except ValueError as error:
                wrong(place, str(error))


def _converted(kind: Any) -> Reader:
    return lambda value: msgspec.convert(value, kind)


_OF_ALLOWANCE: Final[Mapping[str, Reader]] = {
    name: _converted(hint) for name, hint in get_type_hints(Allowance).items()
}


def _with_paths(values: dict[str, Any], folder: Path) -> dict[str, Any]:
    """The values with all paths relative to the folder of the file."""
    for option in options_of_file().values():
        placed = option.kind.placed
        if placed is None or option.key not in values:
            continue
        value = values[option.key]
        if option.is_repeatable:
            values[option.key] = tuple(placed(path, folder) for path in value)
        else:
            values[option.key] = placed(value, folder)
    return values


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


def settings(given: Mapping[str, Any], start: Path, tell: Callable[[str], None]) -> dict[str, Any]:
    """What is asked for, with the file that counts in a folder below it.

    Args:
        given: the values of a command line or a marker, by the keys of the options. They win.
        start: the folder from which the file is looked for.
        tell: hears of known leaks whose time is over. They count no longer.

    Raises:
        ConfigInvalid: see `find_config`.
        UsageError: two targets are named.
    """
    config = find_config(start)
    if config is None:
        return dict(given)
    expired = config.expired(datetime.now(UTC).date())
    for known in expired:
        until = f"'{known.name}' was allowed until {known.until} ({known.reason})"
        tell(f"leak-harness: {config.path}: {until}: mend the leak, or renew the entry")
    counted = [known for known in config.allowed if known not in expired]
    values = {
        **config.options,
        "allow": tuple(known.name for known in counted),
        "reasons": {known.name: known.reason for known in counted},
    }
    return merged(values, given)


_JSON_TYPES: Final = {
    str: "string",
    int: "integer",
    float: "number",
    bool: "boolean",
    re.Pattern: "string",
}
_ALLOWANCE_SCHEMA: Final = {
    "type": "object",
    "description": "A leak that is known. Name a gate or a fingerprint.",
    "properties": {
        "reason": {"type": "string"},
        "gate": {"type": "string"},
        "fingerprint": {"type": "string"},
        "until": {"type": "string", "format": "date"},
    },
    "required": ["reason"],
    "additionalProperties": False,
}


def schema() -> dict[str, Any]:
    """The JSON Schema of the file, for editors and for the reference."""
    properties = {name: _option_schema(option) for name, option in options_of_file().items()}
    properties[_ALLOW] = {"type": "array", "items": _ALLOWANCE_SCHEMA}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": OWN_FILE,
        "type": "object",
        "properties": properties,
        "additionalProperties": False,
    }


def _option_schema(option: Option) -> dict[str, Any]:
    kind = option.kind
    if kind.form is Form.PAIRS:
        pairs = {"type": "object", "additionalProperties": {"type": "string"}}
        return {**pairs, "description": option.says}
    single: dict[str, Any] = {"type": _JSON_TYPES[kind.type]}
    if kind.minimum is not None:
        single["minimum"] = kind.minimum
    if option.choices:
        single["enum"] = list(option.choices)
    if kind.is_text_in_file and kind.type is not re.Pattern:
        single = {"anyOf": [single, {"type": "string"}]}
    if option.is_repeatable:
        single = {"type": "array", "items": single}
    return {**single, "description": option.says}

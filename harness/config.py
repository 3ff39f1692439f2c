"""Settings of a run from `leak-harness.toml`, or from `[tool.leak-harness]` in pyproject.toml; the command line wins.

The nearest folder that has one, from the current one upward, is taken. Paths in it are relative to that folder.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Any, Final, Literal

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    NonNegativeFloat,
    PositiveInt,
    ValidationError,
    model_validator,
)

from harness.errors import ConfigInvalid
from harness.quantities import parse_size, parse_time_s

OWN_FILE: Final = "leak-harness.toml"
SHARED_FILE: Final = "pyproject.toml"
TABLE: Final = "leak-harness"


def _size(value: object) -> object:
    return parse_size(value) if isinstance(value, str) else value


def _time_s(value: object) -> object:
    return parse_time_s(value) if isinstance(value, str) else value


def _pattern(value: object) -> object:
    try:
        return re.compile(value) if isinstance(value, str) else value
    except re.error as error:
        raise ValueError(f"'{value}' is no regular expression: {error}") from error


Size = Annotated[PositiveInt, BeforeValidator(_size)]
Pattern = Annotated[re.Pattern[str], BeforeValidator(_pattern)]
Time = Annotated[NonNegativeFloat, BeforeValidator(_time_s)]


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid", alias_generator=lambda name: name.replace("_", "-"), strict=True)


class Allowance(_Table):
    """A leak that is known: it does not fail the run until the day it expires."""

    gate: str | None = None
    fingerprint: str | None = None
    reason: str
    until: date | None = None
    """The last day on which it counts; without one it counts for ever."""

    @model_validator(mode="after")
    def _names_one_thing(self) -> Allowance:
        if (self.gate is None) == (self.fingerprint is None):
            raise ValueError("name either a gate or a fingerprint")
        return self

    @property
    def name(self) -> str:
        """What is allowed, as `--allow` has it."""
        return self.gate or self.fingerprint or ""


class Settings(_Table):
    """What may stand in the file: the options of `run`, and `[[allow]]` tables."""

    scenario: str | None = None
    fault: list[str] | None = None
    agent_size: str | None = None
    serve: str | None = None
    cwd: str | None = None
    env: dict[str, str] | None = None
    url: str | None = None
    protocol: str | None = None
    header: dict[str, str] | None = None
    subprotocol: list[str] | None = None
    compression: bool | None = None
    cycles: PositiveInt | None = None
    min_cycles: PositiveInt | None = None
    max_cycles: PositiveInt | None = None
    sessions: PositiveInt | None = None
    concurrency: PositiveInt | None = None
    limit: Size | None = None
    object_limit: NonNegativeFloat | None = None
    grace: Time | None = None
    settle: Time | None = None
    fail_on: list[str] | None = None
    only: list[str] | None = None
    log: str | None = None
    log_expect: list[str] | None = None
    log_forbid: list[str] | None = None
    watch_files: list[str] | None = None
    ready_log: Pattern | None = None
    ready_limit: Time | None = None
    live: bool | None = None
    lang: Literal["en", "zh"] | None = None
    pid: PositiveInt | None = None
    container: str | None = None
    attach_probe: bool | None = None
    metrics_url: str | None = None
    metric: dict[str, str] | None = None
    cgroup: str | None = None
    cookie: dict[str, str] | None = None
    auth: str | None = None
    origin: str | None = None
    unix: str | None = None
    ca: str | None = None
    insecure: bool | None = None
    memory_budget: Size | None = None
    probe: bool | None = None
    explain: bool | None = None
    collect: Literal["always", "never"] | None = None
    control: bool | None = None
    runs: PositiveInt | None = None
    seed: int | None = None
    out: str | None = None
    allow: list[Allowance] = []


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
        ConfigInvalid: the file is no TOML, or says what cannot be; all errors at once, each with line and key.
    """
    for folder in (start, *start.parents):
        own, shared = folder / OWN_FILE, folder / SHARED_FILE
        if own.is_file():
            return _read(own, ())
        if shared.is_file() and f"[tool.{TABLE}" in shared.read_text(encoding="utf-8", errors="replace"):
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
    for key in table:
        data = data.get(key, {})
    try:
        settings = Settings.model_validate(data)
    except ValidationError as error:
        problems = [
            _problem(path, text, table, one["loc"], _words(one["type"], one["loc"], one["msg"]))
            for one in error.errors()
        ]
        raise ConfigInvalid(
            f"{path} has {len(problems)} error{'s' if len(problems) > 1 else ''}:",
            why="\n  ".join(problems),
            hint="the keys are the options of `leak-harness run`, without their dashes in front",
        ) from error
    return Config(path, _as_options(settings, path.parent), tuple(settings.allow))


def _as_options(settings: Settings, folder: Path) -> dict[str, Any]:
    options: dict[str, Any] = settings.model_dump(exclude_none=True, exclude={"allow"})
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


def _words(kind: str, where: tuple[int | str, ...], said: str) -> str:
    if kind != "extra_forbidden":
        return said.removeprefix("Value error, ")
    names = [name.replace("_", "-") for name in (Allowance if "allow" in where else Settings).model_fields]
    near = get_close_matches(str(where[-1]), names, 1)
    return "there is no such key" + (f": did you mean {near[0]}?" if near else "")


def _problem(path: Path, text: str, table: Sequence[str], where: tuple[int | str, ...], what: str) -> str:
    key = ".".join(map(str, where)) or ".".join(table)
    return f"{path.name}:{_line(text, where)}: {key}: {what}"


def _line(text: str, where: tuple[int | str, ...]) -> int:
    """The line on which a key stands, as near as the text tells; the first of the table where the key is missing."""
    lines = text.splitlines()
    at = 0
    for part in where:
        if isinstance(part, int):
            headers = [number for number, line in enumerate(lines) if re.match(r"\s*\[\[.*allow\s*\]\]", line)]
            at = headers[part] if part < len(headers) else at
            continue
        pattern = re.compile(rf"\s*(\[.*)?\"?{re.escape(part)}\"?\s*[=\].]")
        at = next((number for number in range(at, len(lines)) if pattern.match(lines[number])), at)
    return at + 1

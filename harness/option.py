"""What an option is. Each is declared once, as a field of the dataclass that it fills.

The command line, `leak-harness.toml`, the pytest marker and the reference are made from these
declarations:

    limit_bytes: int | None = declared("limit", SIZE, "Largest growth that still passes.")
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from typing import Any, Final

from .units import format_size, format_time, parse_size, parse_time_s

_KEY: Final = "option"
MAX_TARGETS_NAMED: Final = 3
"""Targets that the help of an option names; an option of more targets is not an exception."""


class Form(Enum):
    """How a value is given on the command line."""

    VALUE = "value"
    FLAG = "flag"
    """Given or not: `--once`."""
    SWITCH = "switch"
    """On or off: `--probe`, `--no-probe`."""
    PAIRS = "pairs"
    """`K=V`, repeated; in the file a table."""
    POSITIONAL = "positional"
    """A word without dashes."""


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of value: how its text is read, and what a file may hold."""

    name: str
    """Its name in the reference."""
    type: type
    """Of the value in a file, once text has been read."""
    read: Callable[[str], Any] = str
    """Reads the text of a command line; raises ValueError with a sentence on what is wrong."""
    metavar: str = ""
    """What the help writes for the value."""
    minimum: float | None = None
    """The smallest number that is accepted."""
    is_text_in_file: bool = False
    """Whether a file may hold the text, too: `limit = "64KiB"`."""
    form: Form = Form.VALUE
    show: Callable[[Any], str] = str
    """Writes a default for the help."""
    placed: Callable[[Any, Path], Any] | None = None
    """Of a path: makes a value of a file relative to the file's folder."""


@dataclass(frozen=True, slots=True)
class Option:
    """One option of a run."""

    name: str
    """As it is typed, without dashes: `max-cycles`."""
    kind: Kind
    help: str
    """Sentences for the help and the reference."""
    default: Any = None
    """The value where nobody gives one; None where it depends on something else."""
    default_text: str = ""
    """What a default of None comes to."""
    metavar: str = ""
    """What the help writes for the value; empty: what its kind has."""
    choices: tuple[str, ...] = ()
    """The values that there are; empty: any of its kind."""
    is_repeatable: bool = False
    """Whether it may be given several times. What a file gives then comes first."""
    group: str = ""
    """The title that it stands below in the help."""
    targets: tuple[str, ...] = ()
    """The targets that it belongs to; empty: it belongs to every run."""
    is_typed_only: bool = False
    """Whether it is for the command line alone: not for files and markers."""

    @property
    def key(self) -> str:
        """Its name as a Python name, in markers and in mappings of values."""
        return self.name.replace("-", "_")

    @property
    def is_path(self) -> bool:
        """Whether a value of a file is relative to the file's folder."""
        return self.kind.placed is not None

    @property
    def says(self) -> str:
        """Its help with the default."""
        text = self.default_text
        if not text and self.default not in (None, False, (), {}):
            text = _default_words(self)
        words = [self.help]
        if self.is_repeatable or self.kind.form is Form.PAIRS:
            words.append("Repeatable.")
        if 0 < len(self.targets) <= MAX_TARGETS_NAMED:
            words.append(f"Only with {' or '.join(self.targets)}.")
        if text:
            words.append(f"(default: {text})")
        return " ".join(words)


def _default_words(option: Option) -> str:
    if option.kind.form is Form.SWITCH:
        return "yes"
    return option.kind.show(option.default)


def declared(name: str, kind: Kind, help: str, **more: Any) -> Any:
    """A dataclass field that is this option; `more` are further fields of `Option`."""
    return from_option(Option(name, kind, help, **more))


def from_option(option: Option, *, required: bool = False) -> Any:
    """A dataclass field of an option that several dataclasses have."""
    metadata = {_KEY: option}
    if required:
        return field(metadata=metadata)
    if option.kind.form is Form.PAIRS:
        return field(default_factory=dict, metadata=metadata)
    return field(default=option.default, metadata=metadata)


def declarations(owner: type) -> Iterator[tuple[str, Option]]:
    """The options of a dataclass, each with the name of its field."""
    for declared_field in dataclasses.fields(owner):
        if _KEY in declared_field.metadata:
            yield declared_field.name, declared_field.metadata[_KEY]


def fields_from(owner: type, values: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments of a dataclass, of values by the keys of their options."""
    pairs = declarations(owner)
    return {name: values[option.key] for name, option in pairs if option.key in values}


def _count(text: str) -> int:
    if not text.isdecimal() or int(text) == 0:
        raise ValueError(f"'{text}' is not a whole number of at least 1")
    return int(text)


def _integer(text: str) -> int:
    if not re.fullmatch(r"-?\d+", text):
        raise ValueError(f"'{text}' is not a whole number")
    return int(text)


def _number(text: str) -> float:
    if not re.fullmatch(r"\d+(\.\d+)?", text):
        raise ValueError(f"'{text}' is not a number of at least 0")
    return float(text)


def _pid(text: str) -> int:
    if not text.isdecimal() or int(text) == 0:
        raise ValueError(f"'{text}' is not a process id")
    return int(text)


def _pattern(text: str) -> re.Pattern[str]:
    try:
        return re.compile(text)
    except re.error as error:
        raise ValueError(f"'{text}' is not a regular expression: {error}") from error


def _pair(text: str) -> tuple[str, str]:
    key, equals, value = text.partition("=")
    if not key or not equals:
        raise ValueError(f"'{text}' is not of the form K=V")
    return key, value


def _below(path: str | Path, folder: Path) -> Path:
    return folder / path


def _file_below(scenario: str, folder: Path) -> str:
    """A scenario is a path where it names a file, and else the name of a shipped one."""
    return str(folder / scenario) if ".py" in scenario else scenario


TEXT: Final = Kind("text", str)
FLAG: Final = Kind("yes or no", bool, form=Form.FLAG)
SWITCH: Final = Kind("yes or no", bool, form=Form.SWITCH)
COUNT: Final = Kind("whole number", int, _count, "N", minimum=1)
INTEGER: Final = Kind("whole number", int, _integer, "N")
NUMBER: Final = Kind("number", float, _number, "N", minimum=0)
PROCESS_ID: Final = Kind("process id", int, _pid, "PID", minimum=1)
SIZE: Final = Kind(
    "size", int, parse_size, "SIZE", minimum=1, is_text_in_file=True, show=format_size
)
TIME: Final = Kind(
    "time", float, parse_time_s, "TIME", minimum=0, is_text_in_file=True, show=format_time
)
PATTERN: Final = Kind("regular expression", re.Pattern, _pattern, "REGEX", is_text_in_file=True)
PAIRS: Final = Kind("table", dict, _pair, "K=V", form=Form.PAIRS)
PATH: Final = Kind("path", str, Path, "PATH", placed=_below)
SCENARIO: Final = Kind(
    "scenario", str, metavar="SCENARIO", form=Form.POSITIONAL, placed=_file_below
)

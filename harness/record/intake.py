"""The one place where the words of servers, logs, probes and disks enter a record: from here on
they are printable and of bounded length.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, is_dataclass, replace
from typing import Final, TypeVar

from ..redaction import printable
from .lines import FastSample, Line, LogCounts, RunStarted

MAX_TEXT: Final = 8192
"""Characters of one name or message. Messages may hold the last lines of a server's log."""

T = TypeVar("T")


def fit(line: Line) -> Line:
    """The line with all texts printable; the line itself where they are.

    Names that are longer or different only in what cannot be printed may become one.
    """
    match line:
        case FastSample():  # ten a second, and no words
            return line
        case RunStarted():  # not the policy: its patterns are looked for in the log as they are
            return replace(
                line,
                scenario=printable(line.scenario, MAX_TEXT),
                folder=printable(line.folder, MAX_TEXT),
                target=_fit_values(line.target),
                environment=_fit_values(line.environment),
            )
        case LogCounts():  # its keys are the user's patterns, by which the policy finds them
            fitted = _fit(replace(line, counts={}, examples={}))
            return replace(fitted, counts=line.counts, examples=_fit_values(line.examples))
        case _:
            return _fit(line)


def _fit(value: T) -> T:
    """The value, or one like it with printable texts."""
    fitted: object = value
    if isinstance(value, str):
        fitted = printable(value, MAX_TEXT)
    elif isinstance(value, tuple):
        items = tuple(map(_fit, value))
        changed = any(new is not old for new, old in zip(items, value, strict=True))
        fitted = items if changed else value
    elif isinstance(value, dict):
        pairs = {_fit(name): _fit(item) for name, item in value.items()}
        fitted = value if pairs == value else pairs
    elif is_dataclass(value) and not isinstance(value, type):
        old = {field.name: getattr(value, field.name) for field in fields(value)}
        new = {name: _fit(item) for name, item in old.items()}
        changes = {name: item for name, item in new.items() if item is not old[name]}
        fitted = replace(value, **changes) if changes else value
    return fitted  # type: ignore[return-value]


def _fit_values(texts: Mapping[str, str]) -> dict[str, str]:
    return {name: printable(text, MAX_TEXT) for name, text in texts.items()}

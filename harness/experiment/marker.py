"""Options as keyword arguments: what a pytest marker, or another program, gives by name."""

from __future__ import annotations

from collections.abc import Mapping
from difflib import get_close_matches
from typing import Any, Final

from ..errors import UsageError
from ..option import Form, Option
from .options import options_by_key

_HINT: Final = "the arguments are the options of `leak-harness run`, with _ in place of -"


def values_of_keywords(keywords: Mapping[str, Any]) -> dict[str, Any]:
    """The values of options by their keys, from what a Python program writes: `grace="5s"`,
    `limit=4096`, `allow=["cpu"]`, `env={"DEBUG": "1"}`, `probe=False`.

    Raises:
        UsageError: there is no such option, or the value is not one.
    """
    known = {key: option for key, option in options_by_key().items() if not option.is_typed_only}
    values: dict[str, Any] = {}
    for key, value in keywords.items():
        if key not in known:
            near = get_close_matches(key, known, 1)
            question = f": did you mean {near[0]}?" if near else ""
            raise UsageError(f"there is no option '{key}'{question}", hint=_HINT)
        try:
            values[key] = _read(known[key], value)
        except ValueError as error:
            raise UsageError(f"{key}={value!r}: {error}", hint=_HINT) from error
    return values


def _read(option: Option, value: Any) -> Any:
    """The value as the dataclass of the option holds it.

    Raises:
        ValueError: it is not one.
    """
    kind = option.kind
    if kind.form in (Form.FLAG, Form.SWITCH):
        if not isinstance(value, bool):
            raise ValueError("write True or False")
        return value
    several = list(value) if isinstance(value, list | tuple) else [value]
    if kind.form is Form.PAIRS:
        if isinstance(value, Mapping):
            return {str(key): str(part) for key, part in value.items()}
        return dict(kind.read(str(pair)) for pair in several)
    if option.is_repeatable:
        return tuple(kind.read(str(single)) for single in several)
    text = str(value)
    if option.choices and text not in option.choices:
        raise ValueError(f"choose one of {', '.join(option.choices)}")
    return kind.read(text)

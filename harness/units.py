"""Sizes and times as users write and read them: ``64KiB``, ``1.5MiB``, ``250ms``, ``2s``,
``1m``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

SIZE_UNITS: Final = {"B": 1, "KiB": 1024, "MiB": 1024**2, "GiB": 1024**3, "TiB": 1024**4}
TIME_UNITS_S: Final = {"ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0}
_SHORT_UNITS_S: Final = {"ms": 1e-3, "s": 1.0}
MIN_MINUTES: Final = 10
"""Minutes below which a time is written in seconds."""
MAX_VALUE: Final = 2.0**60
"""More bytes than a machine has, and more seconds than there were."""


def parse_size(text: str) -> int:
    """Bytes in ``text``, plain (``4096``) or with a binary unit (``1.5MiB``).

    Raises:
        ValueError: the text is not a size; the message says what one looks like.
    """
    return round(
        _parse(text, {"": 1, **SIZE_UNITS}, "a size, such as 64KiB, 1.5MiB, 2GiB or plain bytes")
    )


def parse_time_s(text: str) -> float:
    """Seconds in ``text``: ``250ms``, ``2s``, ``1m``; a plain number counts seconds.

    Raises:
        ValueError: the text is not a time; the message says what one looks like.
    """
    return _parse(text, {"": 1.0, **TIME_UNITS_S}, "a time, such as 250ms, 2s or 1m")


def _parse(text: str, units: Mapping[str, float], expected: str) -> float:
    found = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([A-Za-z]*)\s*", text)
    by_lower = {unit.lower(): factor for unit, factor in units.items()}
    if found is None or found[2].lower() not in by_lower:
        raise ValueError(f"'{text}' is not {expected}")
    value = float(found[1]) * by_lower[found[2].lower()]
    if value > MAX_VALUE:
        raise ValueError(f"'{text[:20]}...' is too large to be {expected}")
    return value


def format_size(size_bytes: float) -> str:
    """``1536`` as ``1.5KiB``: three digits at most, binary units, the sign kept."""
    return _format(size_bytes, SIZE_UNITS)


def format_time(time_s: float) -> str:
    """``0.25`` as ``250ms``, ``90`` as ``90s``, ``600`` as ``10m``."""
    is_short = abs(time_s) < MIN_MINUTES * TIME_UNITS_S["m"]
    return _format(time_s, _SHORT_UNITS_S if is_short else TIME_UNITS_S)


def format_count(count: float) -> str:
    """At least three digits, thousands with commas, no exponent."""
    return f"{count:,.0f}" if abs(count) >= 100 else f"{count:.3g}"


def format_percent(percent: float) -> str:
    """``12.3`` as ``12%``, ``1.23`` as ``1.2%``."""
    return f"{percent:.0f}%" if abs(percent) >= 10 else f"{percent:.1f}%"


def _format(value: float, units: Mapping[str, float]) -> str:
    fitting = [unit for unit, factor in units.items() if abs(value) >= factor]
    unit = fitting[-1] if fitting else next(iter(units))
    number = value / units[unit]
    digits = 2
    if abs(number) >= 100:
        digits = 0
    elif abs(number) >= 10:
        digits = 1
    text = f"{number:.{digits}f}"
    if "." in text:
        text = text.rstrip("0").rstrip(".")
    return ("0" if text in ("-0", "") else text) + unit

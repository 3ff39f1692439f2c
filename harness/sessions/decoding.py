"""JSON that a server sent, for every chat protocol: what cannot be read is the server's fault."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, Final

from ..errors import ProtocolViolation
from .contract import Data

SHOWN_CHARACTERS: Final = 80
"""How much of a message an error shows."""


def shown(data: Data | None) -> str:
    """The first characters of a message, printable."""
    if data is None:
        return "nothing"
    return repr(data[:SHOWN_CHARACTERS])[:SHOWN_CHARACTERS]


def json_of(data: Data | None, hint: str = "") -> Any:
    """The value that a message holds as JSON in UTF-8.

    Args:
        data: the message.
        hint: what the user may do if it is not JSON.

    Raises:
        ProtocolViolation: it is not JSON, or is nested too deeply.
    """
    try:
        return json.loads(data.decode() if isinstance(data, bytes) else data or "")
    except RecursionError as error:
        raise ProtocolViolation(
            f"the server sent JSON that is nested too deeply: {shown(data)}"
        ) from error
    except ValueError as error:
        raise ProtocolViolation(
            f"the server sent a message that is not JSON: {shown(data)}", hint=hint
        ) from error


def object_of(data: Data | None, hint: str = "") -> dict[str, Any]:
    """The JSON object that a message holds.

    Raises:
        ProtocolViolation: it holds something else.
    """
    value = json_of(data, hint)
    if not isinstance(value, dict):
        raise ProtocolViolation(
            f"the server sent JSON that is not an object: {shown(data)}", hint=hint
        )
    return value


@dataclass(slots=True)
class Arrived:
    """The messages that came during one action."""

    count: int = 0
    last: Data | None = None

    def add(self, data: Data) -> None:
        """Count a message, and keep it as the last."""
        self.count, self.last = self.count + 1, data

    def in_words(self) -> str:
        """How many, and the last of them."""
        if not self.count:
            return "no message arrived"
        return (
            f"{self.count} message{'s' if self.count > 1 else ''} arrived, the last was "
            f"{shown(self.last)}"
        )

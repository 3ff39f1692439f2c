"""What the probe and the harness say to each other: JSON objects, each after its length. Both ends
use this module.

The probe speaks first, with a `Greeting`. Then each request, `{"request": NAME, ...}`, is answered
once: with `{"answer": ...}`, or with `{"error": TEXT}` when it could not be done.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Mapping
from typing import Any, Final, TypedDict

WIRE_VERSION: Final = 1
ENVIRONMENT_VARIABLE: Final = "LEAK_HARNESS_PROBE"
"""Names the private folder in which the probes listen; without it a probe does nothing."""
SOCKET_SUFFIX: Final = ".sock"
LENGTHS_SUFFIX: Final = ".lengths"
NATIVE_SUFFIX: Final = ".memray"
ERROR_SUFFIX: Final = ".error"

HEADER_BYTES: Final = 4
MAX_REQUEST_BYTES: Final = 1 << 20
MAX_ANSWER_BYTES: Final = 1 << 26
_LENGTH: Final = struct.Struct("!I")


class BadMessage(Exception):
    """The bytes are none of this wire; the connection is of no more use."""


class Greeting(TypedDict):
    """Who speaks, in which version of the wire, and what it can read."""

    wire: int
    pid: int
    python: str
    implementation: str
    argv: list[str]
    gauges: list[str]


class Collection(TypedDict):
    """What collecting found."""

    found: list[int]
    """Unreachable objects, by collection."""
    took_s: float
    loop_answered: bool | None
    """Whether the server's loop collected and ran its turns in time; None where no loop is
    running.
    """
    trimmed: bool
    """Whether malloc gave its free pages back."""


class Sample(TypedDict):
    """The gauges, and the collection before them if one was asked for."""

    gauges: dict[str, int]
    collection: Collection | None


def pack(message: Mapping[str, Any], limit_bytes: int) -> bytes:
    """The message as it goes over the wire.

    Raises:
        BadMessage: it is longer than the other end would take.
    """
    body = json.dumps(message, separators=(",", ":")).encode()
    if len(body) > limit_bytes:
        raise BadMessage(f"{len(body)} bytes, at most {limit_bytes} are allowed")
    return _LENGTH.pack(len(body)) + body


def body_bytes(header: bytes, limit_bytes: int) -> int:
    """How long the message after this header is.

    Raises:
        BadMessage: longer than allowed.
    """
    length: int = _LENGTH.unpack(header)[0]
    if length > limit_bytes:
        raise BadMessage(
            f"a message of {length} bytes is announced, at most {limit_bytes} are allowed"
        )
    return length


def unpack(body: bytes) -> dict[str, Any]:
    """The message in these bytes.

    Raises:
        BadMessage: they hold no JSON object.
    """
    try:
        message = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise BadMessage(f"no JSON: {error}") from error
    if not isinstance(message, dict):
        raise BadMessage("no JSON object")
    return message

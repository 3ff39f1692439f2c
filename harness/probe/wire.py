"""What the probe and the harness say to each other: JSON objects, each after its length. Both ends
use this module.

The probe speaks first, with a `Greeting`. Then each request, `{"request": NAME, ...}`, is answered
once: with `{"answer": ...}`, or with `{"error": TEXT}` when it could not be done.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Mapping
from typing import Final, TypedDict

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


class Request(TypedDict):
    """What each request has; most have no more."""

    request: str
    """Its name, see `handlers.REQUESTS`."""


class SampleRequest(Request):
    """Asks for the gauges."""

    collect: bool
    """Whether to collect garbage first."""


class PlantRequest(Request):
    """Asks for memory to be leaked, for a control."""

    bytes: int
    """Size of one block."""
    count: int


class CensusRequest(Request):
    """Asks what the heap holds."""

    followed: list[str]
    """Identities of containers whose maximum is looked up."""


UNREAD = "unread"
"""The key of an answer that says what the others leave out."""


class Target(TypedDict, total=False):
    """What grows, as the probe can find it again."""

    key: str
    """What its answer is called."""
    kind: str
    """`object`, `container`, `place`, `task`, `thread`, `opened`, or `started` for a process that
    has ended: that says which of the others are there. `memory` asks which line allocated most.
    """
    id: str
    """Of a container, its identity. Of a place, see `census.place_of`."""
    name: str
    """Of objects their type, of threads their name."""
    coroutine: str
    made_at: str
    """Of tasks: `path:line` of the call that made them."""
    words: str
    """Of what was opened or started: the path, or the command. Of a process that has ended: its
    name.
    """


class _CausesRequest(Request):
    targets: list[Target]


class CausesRequest(_CausesRequest, total=False):
    """Asks why things are still there."""

    drawn: list[str]
    """Keys of targets of which a graph of references is wanted."""
    objgraph: str
    """The source file of objgraph, which draws them."""


class NumbersRequest(Request):
    """Asks for whole numbers that have a name."""

    files: list[str]
    """Sources in which to look besides those of the application."""


class SwitchRequest(Request):
    """Switches a watch on or off."""

    on: bool


class StacksRequest(Request):
    """Asks what threads do."""

    seconds: float


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


class _Bounded(TypedDict):
    id: str
    """Its identity."""
    kind: str
    length: int
    bound: int
    entry_bytes: int
    entry_objects: int
    """What one of its newest entries takes."""


class Bounded(_Bounded, total=False):
    """A container with a maximum. The rest is there where an attribute next to it says that."""

    limit: str
    """The attribute that says the maximum."""
    attribute: str
    """That which holds the container."""
    classes: list[str]
    """Of the object that has both."""
    files: list[str]
    """Their sources."""


class HeapCensus(TypedDict):
    """What the heap holds."""

    names: dict[str, int]
    """Tracked objects, counted by name."""
    labels: dict[str, str]
    """What some of them are, by name, see `object_states`."""
    bounded: list[Bounded]
    apart: list[int]
    """Identities of containers that are not to be followed."""
    skipped: dict[str, int]
    """What could not be read, counted by reason."""


class _TaskGroup(TypedDict):
    coroutine: str
    made_at: str
    """`path:line`; empty where it was not seen."""
    made_in: str
    waits_at: str
    waits_for: str
    holds: dict[str, str]
    """Types of what the coroutine's frame refers to, by name."""
    count: int
    left: int
    """How many of them closed sessions have left."""


class TaskGroup(_TaskGroup, total=False):
    """Pending tasks that are alike. The rest is there where closed sessions have left some."""

    closed_sessions: int
    newest_closed_s: float
    oldest_closed_s: float
    """Since when these sessions are closed."""


class Census(HeapCensus):
    """What a process holds."""

    tasks: list[TaskGroup]
    threads: dict[str, int]
    """Python's threads, counted by name."""
    lengths: str
    """The file with the lengths of containers."""


class Home(TypedDict):
    """What a container hangs on."""

    names: list[str]
    """Of its classes, or of the function whose variable the container is."""
    files: list[str]
    """Their sources."""
    numbers: dict[str, int]
    """Whole numbers next to the container, by name."""
    own: list[str]
    """Names of the container's own classes that have code."""


class Cause(TypedDict, total=False):
    """Why something is still there. What was not found out is not there."""

    chain: list[str]
    """From a root to it."""
    name: str
    owner: str
    made_at: str
    made_by: str
    """Whose place that is."""
    bytes: int
    count: int
    """Of memory: blocks."""
    objects: int
    of: str
    """What its entries are."""
    state: str
    unreached: bool
    """No root leads to it."""
    closed_s: float | None
    expires_s: float | None
    overdue_s: float
    timed: bool
    home: Home
    graph: str
    """What refers to it, in DOT."""


class Garbage(TypedDict):
    """What the collector found."""

    names: dict[str, int]
    """Unreachable objects, counted by type."""
    made: dict[str, Cause]
    """Where one of each was made."""
    bytes: int
    """What all of them take."""


class Native(TypedDict):
    """Whether allocations of C code are watched."""

    path: str
    """The file that tells of them."""
    problem: str
    """Why there is none; empty where there is."""


def pack(message: Mapping[str, object], limit_bytes: int) -> bytes:
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


def unpack(body: bytes) -> dict[str, object]:
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

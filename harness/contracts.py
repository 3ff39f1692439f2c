"""What others supply: chat protocols, report formats, faults."""

from __future__ import annotations

from collections.abc import Generator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, ClassVar, Protocol, TypeVar

Data = str | bytes
"""One WebSocket message: text or binary."""


@dataclass(frozen=True, slots=True)
class Send:
    """A step of an exchange: send this message."""

    data: Data


@dataclass(frozen=True, slots=True)
class Receive:
    """A step of an exchange: give me the next message."""


RECEIVE = Receive()


class Stage(StrEnum):
    """A moment of a reply that is timed from the send of the user's message."""

    FIRST_TEXT = "first_text"
    FIRST_AUDIO = "first_audio"


@dataclass(frozen=True, slots=True)
class Mark:
    """A step of an exchange: the reply has reached this stage now. Only the first of each stage counts."""

    stage: Stage


Step = Send | Receive | Mark
T = TypeVar("T")
Exchange = Generator[Step, Data | None, T]
"""One action of a chat protocol, with no I/O: yields steps, is sent a message for each `Receive`, returns its result.

Raise `ProtocolViolation` when the server says something that it must not. The session sends what is
yielded, keeps the time, and raises `NoReply` when the scenario's limit for the action is over."""


@dataclass(frozen=True, slots=True)
class Character:
    """Something that a user may switch to."""

    id: str
    """What the server wants to be told."""
    name: str


@dataclass(frozen=True, slots=True)
class Reply:
    """What the server answered to one user message."""

    text: str
    messages: int = 0
    audio_bytes: int = 0


@dataclass(frozen=True, slots=True)
class Greeting:
    """What the server said when a session opened."""

    characters: tuple[Character, ...] = ()
    client_id: str = ""


class ChatProtocol(Protocol):
    """The messages spoken inside frames, as exchanges; one object per session, no I/O.

    Beside `open`, an adapter has one method per action in `actions`, which the session has under the same name:
    `chat(text) -> Exchange[Reply]`, `switch_character(character) -> Exchange[None]`, `interrupt() -> Exchange[None]`,
    `request(message, until) -> Exchange[Data]`, and any of its own.

    What it may have besides: `turns`, the names of those own actions that are timed as replies; `subprotocols`, offered
    in the handshake where the user names none; `subprotocol`, set to the one that the server chose;
    `answer(data) -> Data | None`, what has to be said to a message that comes while the session idles.
    """

    name: ClassVar[str]
    default_path: ClassVar[str]
    """Path of the WebSocket where the URL names none."""
    actions: ClassVar[frozenset[str]]
    """Which of the session's actions this protocol knows."""
    playback: bool
    """Whether the client says that it has played what it was sent."""

    def open(self) -> Exchange[Greeting]:
        """From the handshake until the session is ready for the user."""
        ...


class Reporter(Protocol):
    """One report format: record and verdict to bytes, no I/O, no clock."""

    file_name: ClassVar[str]

    def __call__(self, record: Any, verdict: Any) -> bytes:
        """The whole file."""
        ...


@dataclass(frozen=True, slots=True)
class FaultSpec:
    """What a switchable fault or innocent look-alike of the embedded server is, and what the harness must say of it."""

    name: str
    description: str
    scenario: str
    """The scenario that shows it, and the options of `run` it needs."""
    options: tuple[str, ...]
    verdict: str
    innocent: bool = False
    argument: str = ""
    """What its module's `install` is given, where one module has several of its kind."""
    kind: str | None = None
    gate: str | None = None
    """The gate that sees it."""
    finding: str | None = None
    """Kind of the first finding, and what it names."""
    type: str | None = None
    file: str | None = None
    """Where the cause is: file and function, and the action that triggers it."""
    function: str | None = None
    action: str | None = None

    @classmethod
    def from_data(cls, data: Mapping[str, Any]) -> FaultSpec:
        """A fault module's plain `SPEC`."""
        return cls(**{**data, "options": tuple(data["options"])})

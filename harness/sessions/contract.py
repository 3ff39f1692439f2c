"""What a chat protocol supplies: exchanges, which do no I/O."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass
from enum import StrEnum
from typing import ClassVar, Protocol, TypeVar

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
    """A step of an exchange: the reply has reached this stage now. Only the first of each stage
    counts.
    """

    stage: Stage


Step = Send | Receive | Mark
T = TypeVar("T")
Exchange = Generator[Step, Data | None, T]
"""One action of a chat protocol, with no I/O: yields steps, is sent a message for each `Receive`,
returns its result.

Raise `ProtocolViolation` when the server says something that it must not. The session sends what is
yielded, keeps the time, and raises `NoReply` when the scenario's limit for the action is over.
"""


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

    Beside `open`, an adapter has one method per action in `actions`, which the session has under
    the same name: `chat(text) -> Exchange[Reply]`, `switch_character(character) -> Exchange[None]`,
    `interrupt() -> Exchange[None]`, `request(message, until) -> Exchange[Data]`, and any of its
    own.

    What it may have besides: `turns`, the names of those own actions that are timed as replies;
    `subprotocols`, offered in the handshake where the user names none; `subprotocol`, set to the
    one that the server chose; `answer(data) -> Data | None`, what has to be said to a message that
    comes while the session idles.
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

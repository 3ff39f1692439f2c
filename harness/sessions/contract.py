"""What a chat protocol supplies: its actions, declared, and their exchanges, which do no I/O."""

from __future__ import annotations

from collections.abc import Collection, Generator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, ClassVar, Final, Protocol, TypeVar

Data = str | bytes
"""One WebSocket message: text or binary."""


@dataclass(frozen=True, slots=True)
class Send:
    """A step of an exchange: send this message."""

    data: Data


@dataclass(frozen=True, slots=True)
class Receive:
    """A step of an exchange: give me the next message."""


RECEIVE: Final = Receive()


class Stage(StrEnum):
    """A moment of a reply, timed in seconds from the start of the action."""

    FIRST_TEXT = "first_text"
    FIRST_AUDIO = "first_audio"


@dataclass(frozen=True, slots=True)
class Mark:
    """A step of an exchange: the reply has reached this stage. Only the first of each counts."""

    stage: Stage


Step = Send | Receive | Mark
T = TypeVar("T")
Exchange = Generator[Step, Data | None, T]
"""One action of a chat protocol, without I/O: it yields steps, is sent a message for each
`Receive`, and returns the action's result.

Raise `ProtocolViolation` when the server says something that it must not. The session sends what is
yielded, keeps the time, and raises `NoReply` when the scenario's limit for the action is over.
"""


class Timing(StrEnum):
    """Which times of a session an action belongs to. It decides the action's limit, too."""

    NONE = "none"
    """Counted, not timed. Limit: `reply_limit_s`."""
    REPLY = "reply"
    """Timed as a reply, with its stages. Limit: `reply_limit_s`."""
    SWITCH = "switch"
    """Timed as a switch. Limit: `switch_limit_s`."""


@dataclass(frozen=True, slots=True)
class Action:
    """What may be done with one action of a protocol; all of it is optional."""

    timing: Timing = Timing.NONE
    repeats: bool = False
    """It may happen several times in place of once. `blame` then varies how often."""
    optional: bool = False
    """It may be left out. `blame` then has cycles without it."""
    if_left_out: Any = None
    """What a script gets as the result where the action was left out, or left half-way."""
    ends_reply: bool = False
    """A reply that was left half-way needs it before the next one, also where it is optional."""

    @property
    def is_varied(self) -> bool:
        """Whether `blame` may change how often it happens."""
        return self.repeats or self.optional


@dataclass(frozen=True, slots=True)
class Reply:
    """What the server answered to one user message."""

    text: str
    messages: int = 0
    audio_bytes: int = 0


@dataclass(frozen=True, slots=True)
class Greeting:
    """What the server said when a session opened. A protocol may return a subclass that holds
    more, for the `greeted` of its Session.
    """

    client_id: str = ""
    """What the server calls the session; empty where it does not say."""


class ChatProtocol(Protocol):
    """The messages spoken inside frames, as exchanges; one object per session, no I/O.

    Next to `open`, an adapter has one method per name in `actions`: a function of the action's
    arguments that returns an `Exchange`.

    What it may have besides:

    * `session`: its own subclass of `BaseSession`, with one typed method per action. Without it,
      a script can use the actions all the same, but editors and mypy do not know them.
    * `subprotocols`: offered in the handshake if the user names none.
    * `subprotocol`: set to the one that the server chose.
    * `answer(data) -> Data | None`: what has to be said to a message that comes while the session
      dwells.
    """

    name: ClassVar[str]
    default_path: ClassVar[str]
    """Path of the WebSocket where the URL names none."""
    actions: ClassVar[Mapping[str, Action]]
    """The protocol's actions by name."""

    def open(self) -> Exchange[Greeting]:
        """From the handshake until the session is ready for the user."""
        ...


def declared(protocol: type[ChatProtocol] | ChatProtocol) -> Mapping[str, Action]:
    """The actions of a protocol by name.

    An adapter may still give a set of names as `actions`, and those of replies as `turns`, as it
    was done before there was an `Action`.
    """
    actions: Collection[str] = protocol.actions
    if isinstance(actions, Mapping):
        return actions
    replies = getattr(protocol, "turns", ())
    timings = {name: Timing.REPLY if name in replies else Timing.NONE for name in actions}
    return {name: Action(timing) for name, timing in timings.items()}

"""The JSON messages of Open-LLM-VTuber's `/client-ws`: a reply, a switch of character, an
interrupt.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, cast

from ...errors import ProtocolViolation
from ..contract import (
    RECEIVE,
    Action,
    Data,
    Exchange,
    Greeting,
    Mark,
    Reply,
    Send,
    Stage,
    Timing,
)
from ..decoding import object_of
from ..session import BaseSession

Message = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Character:
    """Something that a user may switch to."""

    id: str
    """What the server wants to be told."""
    name: str


@dataclass(frozen=True, slots=True)
class Welcome(Greeting):
    """The greeting, with the characters that the page asks for after it."""

    characters: tuple[Character, ...] = ()


class Session(BaseSession):
    """What a script can do with protocol `open-llm-vtuber`."""

    characters: tuple[Character, ...] = ()
    """What the user may switch to; known once connected."""

    @property
    def playback(self) -> bool:
        """Whether the page says that it has played what it was sent. It does unless a script
        switches that off.
        """
        return cast(Adapter, self._protocol).playback

    @playback.setter
    def playback(self, value: bool) -> None:
        cast(Adapter, self._protocol).playback = value

    def greeted(self, greeting: Greeting) -> None:
        """Keep the characters, too."""
        super().greeted(greeting)
        if isinstance(greeting, Welcome):
            self.characters = greeting.characters

    async def chat(self, text: str, *, leave_at: Stage | str | None = None) -> Reply:
        """The user's message and the complete reply, timed.

        With `playback` off it is complete when all audio is there, for then nothing more comes.

        Args:
            text: what the user says.
            leave_at: `first_text` or `first_audio` leaves the reply there, the rest unread; it is
                not timed then.
        """
        return await self._act_until(leave_at, Adapter.chat, text)

    async def speak(self, samples: Sequence[float], *, chunk: int = 4096) -> Reply:
        """Speak into the microphone, and hear the complete reply, timed.

        Args:
            samples: 16 kHz, one channel, -1 to 1.
            chunk: samples per message.
        """
        return await self._act(Adapter.speak, samples, chunk=chunk)

    async def ai_speak(self) -> Reply:
        """A complete reply that nobody has asked for, timed."""
        return await self._act(Adapter.ai_speak)

    async def switch_character(self, character: Character, *, answered: bool = True) -> None:
        """Switch, until the server says that it has; `answered=False` asks, and waits for
        nothing.
        """
        if answered:
            await self._act(Adapter.switch_character, character)
        else:
            await self._begin(Adapter.switch_character, character)

    async def interrupt(self) -> None:
        """Stop the reply that is under way."""
        await self._act(Adapter.interrupt)

    async def heartbeat(self) -> None:
        """Wait until the server has seen everything sent before."""
        await self._act(Adapter.heartbeat)

    async def ask(self, kind: str, answer: str | None = None, **fields: Any) -> Message | None:
        """Any other request of the page, such as `ask("create-new-history",
        "new-history-created")`.

        The first message of the type `answer` comes back; without one nothing is waited for.
        """
        return await self._act(Adapter.ask, kind, answer, **fields)

    async def invite(self, client_id: str) -> None:
        """Have another session in one's group. What is then said to one of them, their AIs talk
        about without end.
        """
        await self._act(Adapter.invite, client_id)

    async def remove(self, client_id: str) -> None:
        """Take it, or oneself, out of the group; a talk that is under way ends."""
        await self._act(Adapter.remove, client_id)


_VARIED_REPLY = Action(Timing.REPLY, repeats=True, optional=True, if_left_out=Reply(""))


class Adapter:
    """One session's side of the talk; answers are matched by type, since there is no request id."""

    name: ClassVar[str] = "open-llm-vtuber"
    default_path: ClassVar[str] = "/client-ws"
    actions: ClassVar[Mapping[str, Action]] = {
        "chat": _VARIED_REPLY,
        "switch_character": Action(Timing.SWITCH, repeats=True, optional=True),
        "interrupt": Action(repeats=True, optional=True, ends_reply=True),
        "speak": _VARIED_REPLY,
        "ai_speak": _VARIED_REPLY,
        "heartbeat": Action(),
        "ask": Action(),
        "invite": Action(),
        "remove": Action(),
    }
    session: ClassVar[type[BaseSession]] = Session

    def __init__(self) -> None:
        self.playback = True

    def open(self) -> Exchange[Welcome]:
        """The server speaks first; `start-mic` ends its greeting. The characters are asked for
        as the page does.
        """
        client_id = ""
        while True:
            message = yield from _next()
            client_id = str(message.get("client_uid", client_id))
            if message.get("type") == "control" and message.get("text") == "start-mic":
                break
        yield _send(type="fetch-configs")
        files = yield from _until("config-files")
        match files:
            case {"configs": [*configs]} if all(map(_is_character, configs)):
                characters = tuple(
                    Character(config["filename"], config.get("name", "")) for config in configs
                )
            case _:
                raise ProtocolViolation(f"the server lists no characters: {json.dumps(files):.80}")
        return Welcome(client_id, characters)

    def chat(self, text: str) -> Exchange[Reply]:
        """A text, and the reply to it."""
        yield _send(type="text-input", text=text)
        return (yield from self._reply())

    def speak(self, samples: Sequence[float], *, chunk: int = 4096) -> Exchange[Reply]:
        """A recording in chunks, and the reply to it."""
        for start in range(0, len(samples), chunk):
            yield _send(type="mic-audio-data", audio=list(samples[start : start + chunk]))
        yield _send(type="mic-audio-end")
        return (yield from self._reply())

    def ai_speak(self) -> Exchange[Reply]:
        """The signal that the AI may speak, and what it says."""
        yield _send(type="ai-speak-signal")
        return (yield from self._reply())

    def ask(
        self, /, kind: str, answer: str | None = None, **fields: Any
    ) -> Exchange[Message | None]:
        """A request of this type, until the first message of the type `answer`."""
        yield _send(type=kind, **fields)
        return None if answer is None else (yield from _until(answer))

    def _reply(self) -> Exchange[Reply]:
        said: list[str] = []
        messages = audio_bytes = 0
        while True:
            message = yield from _next()
            messages += 1
            match message:
                case {"type": "audio", "display_text": {"text": str(sentence)}}:
                    yield Mark(Stage.FIRST_TEXT)
                    said.append(sentence)
                    if message.get("audio"):
                        audio_bytes += len(message["audio"]) * 3 // 4
                        yield Mark(Stage.FIRST_AUDIO)
                case {"type": "backend-synth-complete"} if self.playback:
                    yield _send(type="frontend-playback-complete")
                case {"type": "backend-synth-complete"}:
                    return Reply(" ".join(said), messages, audio_bytes)
                case {"type": "control", "text": "conversation-chain-end"}:
                    return Reply(" ".join(said), messages, audio_bytes)

    def switch_character(self, character: Character) -> Exchange[None]:
        """A switch. It is answered at once, whatever the server then does behind it."""
        yield _send(type="switch-config", file=character.id)
        yield from _until("config-switched")

    def interrupt(self) -> Exchange[None]:
        """The server says nothing to it; a heartbeat proves that it has been heard."""
        yield _send(type="interrupt-signal", text="")
        yield from self.heartbeat()

    def invite(self, client_id: str) -> Exchange[None]:
        """An invitation, until one of the two ends is told of it."""
        yield _send(type="add-client-to-group", invitee_uid=client_id)
        yield from self._membership(client_id, wanted=True)

    def remove(self, client_id: str) -> Exchange[None]:
        """The end of a membership, until one of the two ends is told of it."""
        yield _send(type="remove-client-from-group", target_uid=client_id)
        yield from self._membership(client_id, wanted=False)

    def _membership(self, client_id: str, *, wanted: bool) -> Exchange[None]:
        """A server may tell the result to the other one alone: who is in the group then says the
        same.
        """
        while True:
            match (yield from _next(cut_short=not wanted)):
                case {"type": "group-operation-result", "success": False, **rest}:
                    raise ProtocolViolation(f"the group stays as it is: {rest.get('message')}")
                case {"type": "group-operation-result"}:
                    return
                case {"type": "group-update", "members": [*members]} if (
                    client_id in members
                ) is wanted:
                    return

    def answer(self, data: Data) -> Data | None:
        """That what its AI said in a group was played; None to anything else."""
        playing = self.playback and '"backend-synth-complete"' in str(data)
        return _send(type="frontend-playback-complete").data if playing else None

    def heartbeat(self) -> Exchange[None]:
        """A fence: the answer proves that everything sent before has been handled."""
        yield _send(type="heartbeat")
        yield from _until("heartbeat-ack")


def _is_character(config: object) -> bool:
    match config:
        case {"filename": str(), "name": str()}:
            return True
        case {"filename": str(), "name": _}:
            return False
        case {"filename": str()}:
            return True
    return False


def _send(**message: Any) -> Send:
    return Send(json.dumps(message, ensure_ascii=False))


def _next(*, cut_short: bool = False) -> Exchange[Message]:
    """The next message; an error is a violation, unless it is the end of a talk that was to be
    cut short.
    """
    data: Data | None = yield RECEIVE
    message = object_of(data, hint="try --protocol plain")
    if message.get("type") == "error" and not (
        cut_short and "in conversation" in str(message.get("message"))
    ):
        raise ProtocolViolation(
            f"the server reported an error: {message.get('message')}", hint="see server.log"
        )
    return message


def _until(wanted: str) -> Exchange[Message]:
    while True:
        message = yield from _next()
        if message.get("type") == wanted:
            return message

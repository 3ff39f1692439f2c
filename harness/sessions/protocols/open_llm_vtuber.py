"""The JSON messages of Open-LLM-VTuber's `/client-ws`: a turn, a switch of character, an
interrupt.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, ClassVar

from harness.errors import ProtocolViolation
from harness.sessions.contract import (
    RECEIVE,
    Character,
    Data,
    Exchange,
    Greeting,
    Mark,
    Reply,
    Send,
    Stage,
)
from harness.sessions.decoding import object_of

Message = dict[str, Any]


class Adapter:
    """One session's side of the talk; answers are matched by type, since there is no request id."""

    name: ClassVar[str] = "open-llm-vtuber"
    default_path: ClassVar[str] = "/client-ws"
    actions: ClassVar[frozenset[str]] = frozenset(
        {
            "chat",
            "speak",
            "ai_speak",
            "switch_character",
            "interrupt",
            "heartbeat",
            "ask",
            "invite",
            "remove",
        }
    )
    turns: ClassVar[frozenset[str]] = frozenset({"speak", "ai_speak"})

    def __init__(self) -> None:
        self.playback = True

    def open(self) -> Exchange[Greeting]:
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
                    Character(one["filename"], one.get("name", "")) for one in configs
                )
            case _:
                raise ProtocolViolation(f"the server lists no characters: {json.dumps(files):.80}")
        return Greeting(characters, client_id)

    def chat(self, text: str) -> Exchange[Reply]:
        """One turn, to its end; with `playback` off only until all audio is there, for then
        nothing more comes.
        """
        yield _send(type="text-input", text=text)
        return (yield from self._turn())

    def speak(self, samples: Sequence[float], *, chunk: int = 4096) -> Exchange[Reply]:
        """The same with the microphone: 16 kHz, one channel, -1 to 1."""
        for start in range(0, len(samples), chunk):
            yield _send(type="mic-audio-data", audio=list(samples[start : start + chunk]))
        yield _send(type="mic-audio-end")
        return (yield from self._turn())

    def ai_speak(self) -> Exchange[Reply]:
        """A turn in which nobody has asked for anything."""
        yield _send(type="ai-speak-signal")
        return (yield from self._turn())

    def ask(self, kind: str, answer: str | None = None, **fields: Any) -> Exchange[Message | None]:
        """Any other request of the page, such as `ask("create-new-history",
        "new-history-created")`.

        The first message of the type `answer` comes back; without one nothing is waited for.
        """
        yield _send(type=kind, **fields)
        return None if answer is None else (yield from _until(answer))

    def _turn(self) -> Exchange[Reply]:
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
        """Ask for another character; answered at once, whatever the server then does behind it."""
        yield _send(type="switch-config", file=character.id)
        yield from _until("config-switched")

    def interrupt(self) -> Exchange[None]:
        """Stop a running turn. The server says nothing; a heartbeat proves that it has been
        heard.
        """
        yield _send(type="interrupt-signal", text="")
        yield from self.heartbeat()

    def invite(self, client_id: str) -> Exchange[None]:
        """Have another session in one's group; what is then said to one of them, their AIs talk
        about without end.
        """
        yield _send(type="add-client-to-group", invitee_uid=client_id)
        yield from self._membership(client_id, wanted=True)

    def remove(self, client_id: str) -> Exchange[None]:
        """Take it, or oneself, out of the group; a talk that is under way ends."""
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
        """What a session that idles has to say: that what its AI said in a group was played."""
        playing = self.playback and '"backend-synth-complete"' in str(data)
        return _send(type="frontend-playback-complete").data if playing else None

    def heartbeat(self) -> Exchange[None]:
        """A fence: its answer proves that everything sent before has been routed."""
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

"""One page: its connection, its requests in order, its turns next to them, its clean-up."""

from __future__ import annotations

import asyncio
import json
import logging
import uuid
from array import array
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any, Final

from websockets.asyncio.server import ServerConnection
from websockets.exceptions import ConnectionClosed
from websockets.frames import CloseCode

from . import handlers, messages
from .agent import AgentMissing
from .characters import ConfigNotFound
from .context import ServiceContext, Services
from .group_talk import tell
from .messages import Message
from .speech import RATE_HZ
from .tool_client import ToolError
from .turn import Turn

MICROPHONE_LIMIT_S: Final = 300
"""Of a longer recording only the end is kept."""
INTERRUPTED: Final = "[Interrupted by user]"
log = logging.getLogger("chat_server")


class Session:
    """What a page asks for, and what it is answered."""

    def __init__(self, websocket: ServerConnection, services: Services) -> None:
        self.client_uid = str(uuid.uuid4())
        self.context = ServiceContext(self.client_uid, services)
        self.services = services
        self._websocket = websocket
        self._turns: set[asyncio.Task[None]] = set()
        self._newest_turn: Turn | None = None
        self._microphone = array("f")
        self.history_uid = ""
        """Where turns are kept; empty until the page asks for a history."""

    async def run(self) -> None:
        """From the opened connection to the end of the clean-up."""
        log.info("client %s: page opened", self.client_uid)
        try:
            await self._open()
            async for data in self._websocket:
                await self._handle(data)
        except ConnectionClosed:
            pass  # how a page leaves does not matter to its clean-up
        except (ToolError, MemoryError) as error:
            log.error(
                "client %s: page cannot be opened: %s",
                self.client_uid,
                error or "no memory for its agent",
            )
            await self._websocket.close(1011, "the server cannot open a page")
        finally:
            await self._close()

    async def _open(self) -> None:
        await self.context.load(self.services.cast.first)
        for opened in self.services.hooks.session_opened:
            opened(self)
        self.services.groups.enter(self)
        await self.send(messages.GROUP_UPDATE)
        await self.send(messages.full_text("Connection established"))
        greeting = messages.model_and_conf(self.context.character)
        await self.send(greeting | {"client_uid": self.client_uid})
        await self.send(messages.GROUP_UPDATE)
        await self.send(messages.START_MIC)

    async def _close(self) -> None:
        log.info("client %s: clean-up starts", self.client_uid)
        await self._stop_turns()
        with suppress(ConnectionClosed):
            await handlers.left(self)
        await self.context.close()
        for closed in self.services.hooks.session_closed:
            closed(self)
        log.info("client %s: clean-up done", self.client_uid)

    @property
    def said_goodbye(self) -> bool:
        """Whether the page has closed its connection; of one that broke no code has come."""
        return self._websocket.close_code not in (None, CloseCode.ABNORMAL_CLOSURE)

    async def send(self, message: Message) -> None:
        """Say something to the page."""
        await self._websocket.send(json.dumps(message))

    async def _handle(self, data: str | bytes) -> None:
        """Answer one message; a bad one is answered with what Python says of it."""
        try:
            message = _decode(data)
        except (ValueError, RecursionError):
            log.warning("client %s: a text that is not JSON was ignored", self.client_uid)
            return
        except KeyError as error:
            await self.send(messages.error(str(error)))
            return
        try:
            await self._route(message)
        except (
            AttributeError,
            LookupError,
            TypeError,
            ValueError,
            OverflowError,
            OSError,
        ) as error:
            await self.send(messages.error(str(error)))

    async def _route(self, message: Any) -> None:
        if not isinstance(message, dict):
            raise AttributeError(f"'{type(message).__name__}' object has no attribute 'get'")
        kind = message.get("type")
        if isinstance(kind, list | dict) and kind:
            raise TypeError(f"unhashable type: '{type(kind).__name__}'")
        if isinstance(kind, str) and kind in _HANDLERS:
            await _HANDLERS[kind](self, message)

    async def _heartbeat(self, _: Message) -> None:
        await self.send(messages.HEARTBEAT_ACK)

    async def _fetch_configs(self, _: Message) -> None:
        await self.send(messages.config_files(self.services.cast))

    async def _switch_config(self, message: Message) -> None:
        file = message.get("file")
        if not file:
            return
        try:
            await self.context.handle_config_switch(file)
        except (ConfigNotFound, TypeError) as error:
            log.error("client %s: switch refused: %s", self.client_uid, error)
            await self.send(messages.error(f"Error switching configuration: {error}"))
            await self.send(messages.error(str(error)))
            return
        await self.send(messages.model_and_conf(self.context.character))
        await self.send(messages.config_switched(file))
        for switched in self.services.hooks.character_switched:
            switched(self)

    async def _text_input(self, message: Message) -> None:
        self._start_turn(str(message.get("text") or ""))

    async def _mic_audio_data(self, message: Message) -> None:
        self._microphone.extend(message.get("audio") or [])
        del self._microphone[: -MICROPHONE_LIMIT_S * RATE_HZ]

    async def _mic_audio_end(self, _: Message) -> None:
        recording, self._microphone = self._microphone, array("f")
        self._start_turn(recording)

    async def _ai_speak_signal(self, _: Message) -> None:
        await self.send(messages.full_text("AI wants to speak something..."))
        self._start_turn("")

    async def _raw_audio_data(self, _: Message) -> None:
        raise AttributeError("'NoneType' object has no attribute 'detect_speech'")

    async def _playback_complete(self, _: Message) -> None:
        if self._newest_turn is not None:
            self._newest_turn.played()

    async def _interrupt(self, message: Message) -> None:
        if members := await self.services.groups.stop_talk(self.client_uid):
            await tell(members, messages.INTERRUPTED)
        if self._turns:
            await self._stop_turns()
            self.context.conversation.append(("ai", str(message.get("text") or "")))
            self.context.conversation.append(("system", INTERRUPTED))
        self._keep("system", INTERRUPTED)

    def next_turn(self) -> Turn:
        """A turn that takes the place of the one before, and gets the page's answers."""
        if self._newest_turn is not None:
            self._newest_turn.lose()
        self._newest_turn = Turn(self.context, self.services, self.send, self._keep)
        return self._newest_turn

    def _start_turn(self, heard: str | array[float]) -> None:
        if self.services.groups.members(self.client_uid):
            words = heard if isinstance(heard, str) else self.services.recogniser.transcribe(heard)
            self.services.groups.start_talk(self.client_uid, words)
            return
        task = asyncio.create_task(self._run_turn(self.next_turn(), heard), name="turn")
        self._turns.add(task)
        task.add_done_callback(self._turns.discard)

    async def _run_turn(self, turn: Turn, heard: str | array[float]) -> None:
        with suppress(ConnectionClosed):
            try:
                ended = await turn.run(heard)
            except (AgentMissing, ToolError, OSError) as error:
                log.error("client %s: conversation failed: %s", self.client_uid, error)
                await self.send(messages.error(f"Conversation error: {error}"))
                return
            if ended:
                for finished in self.services.hooks.turn_finished:
                    finished(self, turn)

    def _keep(self, role: str, words: str) -> None:
        character = self.context.character
        who = {
            "human": {"name": "Human"},
            "ai": {"name": character.name, "avatar": character.avatar},
        }.get(role, {})
        if self.history_uid:
            self.services.histories.add(character.conf_uid, self.history_uid, role, words, **who)

    async def _stop_turns(self) -> None:
        turns = set(self._turns)
        for task in turns:
            task.cancel()
        if turns:
            await asyncio.wait(turns)
        self._newest_turn = None


_HANDLERS: Final[dict[str, Callable[[Session, Message], Awaitable[None]]]] = {
    "heartbeat": Session._heartbeat,
    "fetch-configs": Session._fetch_configs,
    "switch-config": Session._switch_config,
    "text-input": Session._text_input,
    "mic-audio-data": Session._mic_audio_data,
    "mic-audio-end": Session._mic_audio_end,
    "ai-speak-signal": Session._ai_speak_signal,
    "raw-audio-data": Session._raw_audio_data,
    "frontend-playback-complete": Session._playback_complete,
    "interrupt-signal": Session._interrupt,
    **handlers.HANDLERS,
}


def _decode(data: str | bytes) -> Any:
    if isinstance(data, bytes):
        raise KeyError("text")  # a binary frame has no text
    return json.loads(data)

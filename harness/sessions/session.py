"""One WebSocket session: what a scenario's script acts on, every action timed and counted."""

from __future__ import annotations

import asyncio
import json
import socket
import struct
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Container, Coroutine, Mapping
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING, Any, TypeVar

from websockets.asyncio.client import ClientConnection
from websockets.exceptions import ConnectionClosed, InvalidStatus

from harness.errors import (
    ConnectionLost,
    HandshakeRefused,
    HarnessError,
    NoReply,
    ProtocolViolation,
    UsageError,
)
from harness.record.record import Turn
from harness.redaction import url_without_secrets
from harness.sessions.contract import (
    Character,
    ChatProtocol,
    Data,
    Exchange,
    Mark,
    Receive,
    Reply,
    Send,
    Stage,
)
from harness.sessions.decoding import Arrived, shown
from harness.sessions.handshake import Address, lost_connection, open_tcp, shake_hands
from harness.sessions.scenario import Scenario
from harness.sessions.script_errors import (
    Calls,
    action,
    explained,
    in_words,
    line_in,
    near,
    of_script,
)

if TYPE_CHECKING:
    import httpx

T = TypeVar("T")
Trace = Callable[[str, Data], None]
"""Is told of every message: "->" sent or "<-" received, and the data."""


class _Left(Exception):
    """The script leaves an exchange where it is."""


class Session:
    """One user's life on one connection. Its limits are the scenario's."""

    def __init__(
        self, address: Address, protocol: ChatProtocol, limits: Scenario, trace: Trace | None = None
    ) -> None:
        self.characters: tuple[Character, ...] = ()
        """What the user may switch to; known once connected."""
        self.client_id = ""
        """What the server calls this session, once it is connected."""
        self.counts: Counter[str] = Counter()
        self.turns: list[Turn] = []
        self.switches_s: list[float] = []
        self.connect_s: float | None = None
        self._address = address
        self._protocol = protocol
        self._limits = limits
        self._trace = trace
        self._connection: ClientConnection | None = None
        self._tcp: asyncio.StreamWriter | None = None
        self._vanished = False
        self.calls = Calls()
        """What the script has asked for and not awaited yet; shared by the sessions of one
        script.
        """

    @property
    def playback(self) -> bool:
        """Whether the client says that it has played what it was sent."""
        return self._protocol.playback

    @playback.setter
    def playback(self, value: bool) -> None:
        self._protocol.playback = value

    @property
    def is_connected(self) -> bool:
        """Whether there is a connection to close."""
        return self._connection is not None

    @property
    def raw(self) -> ClientConnection:
        """The `websockets` connection.

        Raises:
            ConnectionLost: the session is not connected.
        """
        if self._connection is None:
            raise ConnectionLost(
                "the session is not connected",
                hint="call connect() first in a connect=False script",
            )
        return self._connection

    def another(self) -> Session:
        """One more user of the same server, not connected yet; the script itself has to close
        it.
        """
        other = Session(self._address, type(self._protocol)(), self._limits, self._trace)
        other.calls = self.calls
        return other

    @action
    async def connect(
        self,
        path: str | None = None,
        *,
        expect_status: int | Container[int] | None = None,
        greet: bool = True,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        """Shake hands, and wait for the application's greeting unless `greet` is off.

        Args:
            path: another path than the run's.
            expect_status: the handshake must be refused with this HTTP status, or one of these.
            greet: False leaves before the server's greeting was read.
            headers: sent besides the run's.

        Raises:
            HandshakeRefused: refused, or not refused as expected.
            NoReply: not done within the scenario's limit.
        """
        self.counts["connect"] += 1
        began_s = time.monotonic()
        url = self._address.url if path is None else self._address.at(path)
        limit_s = self._limits.connect_limit_s
        try:
            self._connection = await shake_hands(
                self._address, url=url, headers=headers, limit_s=limit_s
            )
        except HandshakeRefused as refused:
            cause = refused.__cause__
            expected = (expect_status,) if isinstance(expect_status, int) else expect_status or ()
            if isinstance(cause, InvalidStatus) and cause.response.status_code in expected:
                return
            raise
        if expect_status is not None:
            raise HandshakeRefused(
                f"{url_without_secrets(url)} accepted a handshake that was to be refused with "
                f"{expect_status}"
            )
        if hasattr(self._protocol, "subprotocol"):
            self._protocol.subprotocol = self._connection.subprotocol or ""
        if greet:
            greeting = await self._perform("greeting", self._protocol.open(), limit_s)
            self.characters, self.client_id = greeting.characters, greeting.client_id
        self.connect_s = time.monotonic() - began_s

    @action
    async def tcp(self) -> None:
        """Open a bare TCP connection that says nothing."""
        self.counts["tcp"] += 1
        self._tcp = await open_tcp(self._address)

    @action  # type: ignore[arg-type]  # no request has an argument `self`
    async def http(self, method: str, path: str, **request: Any) -> httpx.Response:
        """A plain HTTP request to the same server, for instance before the WebSocket; arguments as
        of httpx.

        Raises:
            ConnectionLost: the server did not answer.
        """
        import httpx  # noqa: PLC0415 - slow to import, and few scripts ask over HTTP

        self.counts["http"] += 1
        url = self._address.at(
            path, scheme="https" if self._address.url.startswith("wss:") else "http"
        )
        try:
            transport = httpx.AsyncHTTPTransport(
                verify=self._address.tls or True,
                uds=str(self._address.unix) if self._address.unix else None,
            )
            async with httpx.AsyncClient(
                transport=transport, timeout=self._limits.reply_limit_s
            ) as client:
                return await client.request(method, url, **request)
        except httpx.HTTPError as error:
            raise ConnectionLost(f"{method} {url_without_secrets(url)}: {error}") from error

    def __getattr__(self, name: str) -> Callable[..., Coroutine[Any, Any, Any]]:
        """The protocol's own actions."""
        protocol: Any = self.__dict__.get("_protocol")
        if protocol is None or name not in protocol.actions:
            known = (
                f"; protocol '{protocol.name}' has {', '.join(sorted(protocol.actions))}"
                if protocol
                else ""
            )
            own = [word for word in dir(type(self)) if not word.startswith("_")]
            question = near(name, [*own, *(protocol.actions if protocol else ())])
            raise AttributeError(
                f"the session has no '{name}'{f': {question}' if question else ''}{known}"
            )

        def act(*arguments: Any, **named: Any) -> Coroutine[Any, Any, Any]:
            exchange = self._exchange(name, *arguments, **named)
            if name in getattr(protocol, "turns", ()):
                coroutine = self._turn(name, exchange)
            else:
                coroutine = self._perform(name, exchange, self._limits.reply_limit_s)
            self.calls.add(name, coroutine, sys._getframe(1))
            return coroutine

        return act

    @action
    async def chat(self, text: str, *, leave_at: Stage | str | None = None) -> Reply:
        """One turn: the user's message and the complete reply, timed.

        Args:
            text: what the user says.
            leave_at: `first_text` or `first_audio` ends the turn there, the rest unread; it is not
                timed then.
        """
        exchange: Exchange[Reply] = self._exchange("chat", text)
        if leave_at is None:
            return await self._turn("chat", exchange)
        leaving = Stage(leave_at)

        def reached(stage: Stage) -> None:
            if stage is leaving:
                raise _Left

        with suppress(_Left):
            await self._perform("chat", exchange, self._limits.reply_limit_s, reached)
        return Reply("")

    @action
    async def request(
        self, message: Any, until: Callable[[Data], bool] | str | None = None
    ) -> Data:
        """One message and the answer that `until` accepts, timed as a turn (protocol `plain`)."""
        answer: Data = await self._turn("request", self._exchange("request", message, until))
        return answer

    @action
    async def switch_character(self, character: Character, *, answered: bool = True) -> None:
        """Switch, until the server says that it has; `answered=False` asks, and waits for
        nothing.
        """
        began_s = time.monotonic()
        exchange = self._exchange("switch_character", character)
        if not answered:
            self.counts["switch_character"] += 1
            asked = next(exchange)
            assert isinstance(asked, Send), "a switch begins with what the user asks for"
            await self._send(asked.data)
            return
        await self._perform("switch_character", exchange, self._limits.switch_limit_s)
        self.switches_s.append(time.monotonic() - began_s)

    @action
    async def interrupt(self) -> None:
        """Stop the reply that is under way."""
        await self._perform("interrupt", self._exchange("interrupt"), self._limits.reply_limit_s)

    @action
    async def heartbeat(self) -> None:
        """Wait until the server has seen everything sent before."""
        await self._perform("heartbeat", self._exchange("heartbeat"), self._limits.reply_limit_s)

    @action
    async def send(self, message: Any) -> None:
        """Send text or bytes as they are, anything else as JSON."""
        self.counts["send"] += 1
        await self._send(
            message if isinstance(message, str | bytes) else json.dumps(message, ensure_ascii=False)
        )

    @action
    async def receive(self) -> Data:
        """Return the next message.

        Raises:
            NoReply: none within the scenario's limit for a reply.
        """
        async with self._limited("receive", self._limits.reply_limit_s):
            return await self._receive()

    @action
    async def idle(self, seconds: float) -> None:
        """Stay connected and read whatever comes; pings are answered."""
        self.counts["idle"] += 1
        answer = getattr(self._protocol, "answer", lambda _: None)
        try:
            async with asyncio.timeout(seconds):
                while True:
                    heard = await self._receive()
                    try:
                        said = answer(heard)
                    except Exception as error:
                        raise self._misread(error, heard) from error
                    if said is not None:
                        await self._send(said)
        except TimeoutError:
            return

    @action
    async def drop(self) -> None:
        """Reset the TCP connection: no close frame."""
        self.counts["drop"] += 1
        self._abort()

    @action
    async def vanish(self) -> None:
        """Stop reading and never answer, not even pings, until the script ends; then the
        connection is reset.
        """
        self.counts["vanish"] += 1
        self.raw.transport.pause_reading()
        self._vanished = True

    @action
    async def close(self) -> None:
        """Leave properly; a session that has vanished is reset."""
        if self._tcp is not None:
            self._tcp.close()
            with suppress(OSError):
                await self._tcp.wait_closed()
            self._tcp = None
        if self._vanished:
            self._abort()
        if self._connection is not None:
            await self._connection.close()
            self._connection = None

    def _abort(self) -> None:
        transport = self.raw.transport
        transport.get_extra_info("socket").setsockopt(
            socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0)
        )
        transport.abort()
        self._connection = None

    def _exchange(self, action: str, *arguments: Any, **named: Any) -> Exchange[Any]:
        make = getattr(self._protocol, action, None)
        if make is None:
            raise UsageError(
                f"protocol '{self._protocol.name}' has no action '{action}'",
                hint=f"it has: {', '.join(sorted(self._protocol.actions))}",
            )
        given = [of_script(argument) for argument in arguments]
        try:
            exchange: Exchange[Any] = make(
                *given, **{key: of_script(value) for key, value in named.items()}
            )
        except TypeError as error:
            raise explained(error, make) from None
        return exchange

    def _misread(self, error: Exception, heard: Data) -> Exception:
        """What a protocol raised while it read a message: the server's fault, unless it is said
        whose.
        """
        if isinstance(
            error, HarnessError | NameError
        ):  # a name that is not there has nothing to do with the message
            return error
        where = line_in(error.__traceback__, "")
        why = f"{in_words(error)}{f' at {where}' if where else ''}"
        return ProtocolViolation(
            f"the server sent what protocol '{self._protocol.name}' cannot read ({why}): "
            f"{shown(heard)}",
            hint="see every message with --once --trace",
        )

    async def _turn(self, action: str, exchange: Exchange[T]) -> T:
        began_s = time.monotonic()
        stages: dict[Stage, float] = {}

        def reached(stage: Stage) -> None:
            stages.setdefault(stage, time.monotonic() - began_s)

        result = await self._perform(action, exchange, self._limits.reply_limit_s, reached)
        complete_s = time.monotonic() - began_s
        self.turns.append(
            Turn(complete_s, stages.get(Stage.FIRST_TEXT), stages.get(Stage.FIRST_AUDIO))
        )
        return result

    async def _perform(
        self,
        action: str,
        exchange: Exchange[T],
        limit_s: float,
        reached: Callable[[Stage], None] = lambda _: None,
    ) -> T:
        self.counts[action] += 1
        answer: Data | None = None
        arrived = Arrived()
        async with self._limited(action, limit_s, arrived):
            while True:
                try:
                    step = exchange.send(answer)
                except StopIteration as done:
                    result: T = done.value
                    return result
                except Exception as error:
                    if arrived.last is None:
                        raise
                    raise self._misread(error, arrived.last) from error
                answer = None
                match step:
                    case Send():
                        await self._send(step.data)
                    case Receive():
                        answer = await self._receive()
                        arrived.add(answer)
                    case Mark():
                        reached(step.stage)

    @asynccontextmanager
    async def _limited(
        self, action: str, limit_s: float, arrived: Arrived | None = None
    ) -> AsyncIterator[None]:
        try:
            async with asyncio.timeout(limit_s) as limit:
                yield
        except TimeoutError as error:
            if not limit.expired():  # raised by what the script has handed over
                raise
            told = f": {arrived.in_words()}" if arrived is not None else ""
            what = f"{action}: not done within {limit_s:g}s{told}"
            raise NoReply(what, hint="see server.log, or raise the limit") from error

    async def _send(self, data: Data) -> None:
        self._note("->", data)
        try:
            await self.raw.send(data)
        except ConnectionClosed as error:
            raise lost_connection(error) from error

    async def _receive(self) -> Data:
        try:
            data = await self.raw.recv()
        except ConnectionClosed as error:
            raise lost_connection(error) from error
        self._note("<-", data)
        return data

    def _note(self, direction: str, data: Data) -> None:
        if self._trace is not None:
            self._trace(direction, data)

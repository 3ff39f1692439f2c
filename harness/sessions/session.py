"""One session: what a scenario's script acts on. Every action is timed, counted, and has to be
awaited.

`BaseSession` holds what every session can do. Each protocol adds a subclass with a typed method per
action; `Session` stands for any of them where types do not matter.
"""

from __future__ import annotations

import asyncio
import inspect
import json
import sys
import time
import warnings
from collections import Counter
from collections.abc import Awaitable, Callable, Container, Coroutine, Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Concatenate, ParamSpec, Self, TypeVar, cast

from websockets.asyncio.client import ClientConnection
from websockets.exceptions import InvalidStatus

from ..errors import HandshakeRefused
from ..record.record import Turn
from .connection import Connection, Trace
from .contract import (
    ChatProtocol,
    Data,
    Exchange,
    Greeting,
    Send,
    Stage,
    Timing,
    declared,
)
from .decoding import Arrived
from .exchanges import (
    Left,
    carry_out,
    exchange_of,
    limited,
    misread,
    no_mark,
    unknown_action,
)
from .handshake import Address
from .http_request import answer_over_http
from .limits import Limits
from .script_errors import Calls, tracked

if TYPE_CHECKING:
    import httpx

P = ParamSpec("P")
T = TypeVar("T")


class BaseSession:
    """One user's life on one connection: what a session of every protocol can do."""

    def __init_subclass__(cls, **options: Any) -> None:
        """Track each action of a protocol's session: it has to be awaited, like those here."""
        super().__init_subclass__(**options)
        for name, method in list(vars(cls).items()):
            if not name.startswith("_") and inspect.iscoroutinefunction(method):
                setattr(cls, name, tracked(method))

    def __init__(
        self,
        address: Address,
        protocol: ChatProtocol,
        limits: Limits | None = None,
        trace: Trace | None = None,
    ) -> None:
        self.client_id = ""
        """What the server calls this session, once it is connected."""
        self.counts: Counter[str] = Counter()
        """How often each action happened."""
        self.replies: list[Turn] = []
        """The times of each complete reply."""
        self.switches_s: list[float] = []
        """How long each complete switch took, in seconds."""
        self.connect_s: float | None = None
        """Handshake and greeting, in seconds; None before."""
        self.calls = Calls()
        """What the script has asked for and not awaited yet; shared by all sessions of a script."""
        self._address = address
        self._protocol = protocol
        self._declared = declared(protocol)
        self._limits = limits or Limits()
        self._trace = trace
        self._connection = Connection(address, trace)

    @property
    def is_connected(self) -> bool:
        """Whether there is a connection to close."""
        return self._connection.is_open

    @property
    def raw(self) -> ClientConnection:
        """The `websockets` connection.

        Raises:
            ConnectionLost: the session is not connected.
        """
        return self._connection.websocket

    def another(self) -> Self:
        """One more user of the same server, not connected yet; the script has to close it."""
        other = self._sibling()
        other.calls = self.calls
        return other

    def _sibling(self) -> Self:
        return type(self)(self._address, type(self._protocol)(), self._limits, self._trace)

    @tracked
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
        try:
            await self._connection.open(path, headers, self._limits.connect_s)
        except HandshakeRefused as refused:
            if _is_expected(refused, expect_status):
                return
            raise
        if expect_status is not None:
            raise HandshakeRefused(f"the handshake was to be refused with {expect_status}")
        if hasattr(self._protocol, "subprotocol"):
            self._protocol.subprotocol = self._connection.subprotocol
        if greet:
            opening = self._protocol.open()
            self.greeted(await self._perform("greeting", opening, self._limits.connect_s))
        self.connect_s = time.monotonic() - began_s

    def greeted(self, greeting: Greeting) -> None:
        """Keep what the server said of itself. A protocol's session may keep more."""
        self.client_id = greeting.client_id

    @tracked
    async def tcp(self) -> None:
        """Open a bare TCP connection that says nothing."""
        self.counts["tcp"] += 1
        await self._connection.open_tcp()

    @tracked
    async def http(self, /, method: str, path: str, **request: Any) -> httpx.Response:
        """A plain HTTP request to the same server, for instance before the WebSocket; arguments as
        of httpx.

        Raises:
            ConnectionLost: the server did not answer, or its answer was not over within the limits.
        """
        self.counts["http"] += 1
        return await answer_over_http(self._address, method, path, self._limits.reply_s, **request)

    @tracked
    async def send(self, message: Any) -> None:
        """Send text or bytes as they are, anything else as JSON."""
        self.counts["send"] += 1
        is_text = isinstance(message, str | bytes)
        data = message if is_text else json.dumps(message, ensure_ascii=False)
        await self._connection.send(data)

    @tracked
    async def receive(self) -> Data:
        """Return the next message.

        Raises:
            NoReply: none within the scenario's limit for a reply.
        """
        async with limited("receive", self._limits.reply_s):
            return await self._connection.receive()

    @tracked
    async def dwell(self, seconds: float) -> None:
        """Stay connected for that long and read whatever comes; pings are answered."""
        self.counts["dwell"] += 1
        answer = getattr(self._protocol, "answer", lambda _: None)
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                while True:
                    heard = await self._connection.receive()
                    try:
                        reply = answer(heard)
                    except Exception as error:
                        raise misread(error, self._protocol, heard) from error
                    if reply is not None:
                        await self._connection.send(reply)

    def idle(self, seconds: float) -> Coroutine[Any, Any, None]:
        """Older name of `dwell`, until 0.4."""
        warnings.warn(
            "session.idle is now called session.dwell; idle goes away in 0.4",
            FutureWarning,
            stacklevel=2,
        )
        return self.dwell(seconds)

    @tracked
    async def drop(self) -> None:
        """Reset the TCP connection: no close frame."""
        self.counts["drop"] += 1
        self._connection.reset()

    @tracked
    async def vanish(self) -> None:
        """Stop reading and never answer, not even pings, until the script ends; then the
        connection is reset.
        """
        self.counts["vanish"] += 1
        self._connection.vanish()

    @tracked
    async def close(self) -> None:
        """Leave properly; a session that has vanished is reset."""
        await self._connection.close()

    async def _act(
        self,
        action: Callable[Concatenate[Any, P], Exchange[T]],
        /,
        *arguments: P.args,
        **named: P.kwargs,
    ) -> T:
        """Carry out an action of the protocol, timed as it is declared; its result.

        Args:
            action: the adapter's method, such as `Adapter.chat`. Its name decides, so that a
                subclass of the adapter may have another method of that name.
            arguments: those of the method.
            named: those of the method.
        """
        return cast(T, await self._done(action.__name__, arguments, named))

    async def _act_until(
        self,
        stage: Stage | str | None,
        action: Callable[Concatenate[Any, P], Exchange[T]],
        /,
        *arguments: P.args,
        **named: P.kwargs,
    ) -> T:
        """Carry out an action up to a stage, the rest unread. It is not timed then; what comes back
        is the result that is declared for that. Without a stage, as `_act`.
        """
        if stage is None:
            return await self._act(action, *arguments, **named)
        return cast(T, await self._left(action.__name__, Stage(stage), arguments, named))

    async def _begin(
        self,
        action: Callable[Concatenate[Any, P], Exchange[Any]],
        /,
        *arguments: P.args,
        **named: P.kwargs,
    ) -> None:
        """Send the first message of an action, and wait for nothing. It is not timed."""
        name = action.__name__

        async def begin() -> None:
            self.counts[name] += 1
            asked = next(exchange_of(self._protocol, name, arguments, named))
            assert isinstance(asked, Send), "the action begins with what the user asks for"
            await self._connection.send(asked.data)

        await self._each_time(name, begin)

    async def _each_time(self, _name: str, do: Callable[[], Awaitable[Any]]) -> Any:
        """Do it as often as the action of that name is to happen: once, except in varied runs."""
        return await do()

    async def _done(self, name: str, arguments: tuple[Any, ...], named: dict[str, Any]) -> Any:
        return await self._each_time(name, lambda: self._timed(name, arguments, named))

    async def _left(
        self, name: str, stage: Stage, arguments: tuple[Any, ...], named: dict[str, Any]
    ) -> Any:
        def reached(now: Stage) -> None:
            if now is stage:
                raise Left

        exchange = exchange_of(self._protocol, name, arguments, named)
        with suppress(Left):
            await self._perform(name, exchange, self._limit_s(name), reached)
        return self._declared[name].if_left_out

    async def _timed(self, name: str, arguments: tuple[Any, ...], named: dict[str, Any]) -> Any:
        timing = self._declared[name].timing
        exchange = exchange_of(self._protocol, name, arguments, named)
        began_s = time.monotonic()
        stages: dict[Stage, float] = {}

        def reached(stage: Stage) -> None:
            stages.setdefault(stage, time.monotonic() - began_s)

        result = await self._perform(name, exchange, self._limit_s(name), reached)
        took_s = time.monotonic() - began_s
        if timing is Timing.REPLY:
            first_text_s, first_audio_s = map(stages.get, (Stage.FIRST_TEXT, Stage.FIRST_AUDIO))
            self.replies.append(Turn(took_s, first_text_s, first_audio_s))
        elif timing is Timing.SWITCH:
            self.switches_s.append(took_s)
        return result

    async def _perform(
        self,
        name: str,
        exchange: Exchange[T],
        limit_s: float,
        reached: Callable[[Stage], None] = no_mark,
    ) -> T:
        self.counts[name] += 1
        arrived = Arrived()
        async with limited(name, limit_s, arrived):
            return await carry_out(exchange, self._connection, self._protocol, arrived, reached)

    def _limit_s(self, name: str) -> float:
        return self._limits.of(self._declared[name].timing)

    if not TYPE_CHECKING:  # a typed session has no more than it declares

        def __getattr__(self, name: str) -> Callable[..., Coroutine[Any, Any, Any]]:
            """An action that the protocol declares and its session does not type."""
            protocol = self.__dict__.get("_protocol")
            if protocol is None:  # not made yet: asked by something like copy
                raise AttributeError(name)
            if name not in protocol.actions:
                raise unknown_action(protocol, type(self), name)
            return _untyped(self, name)


class Session(BaseSession):
    """A session of any protocol. Editors and mypy accept every action, and check none."""

    if TYPE_CHECKING:

        def __getattr__(self, name: str) -> Any: ...
        def __setattr__(self, name: str, value: Any) -> None: ...


def _untyped(session: BaseSession, name: str) -> Callable[..., Coroutine[Any, Any, Any]]:
    """The action of that name, looked up in the adapter."""

    def act(
        *arguments: Any, leave_at: Stage | str | None = None, **named: Any
    ) -> Coroutine[Any, Any, Any]:
        if leave_at is None:
            coroutine = session._done(name, arguments, named)
        else:
            coroutine = session._left(name, Stage(leave_at), arguments, named)
        session.calls.add(name, coroutine, sys._getframe(1))
        return coroutine

    return act


def _is_expected(refused: HandshakeRefused, wanted: int | Container[int] | None) -> bool:
    """Whether the handshake was refused with the status, or one of those, that the script wants."""
    cause = refused.__cause__
    if wanted is None or not isinstance(cause, InvalidStatus):
        return False
    expected = (wanted,) if isinstance(wanted, int) else wanted
    return cause.response.status_code in expected

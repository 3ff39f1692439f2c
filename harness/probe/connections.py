"""Which session each task belongs to: the accepted connection in whose context it was made.

A loop calls the protocol factory of a server for each connection that it accepts. asyncio does so
in a context that is the connection's own, and all that follows inherits it. uvloop runs all
connections of a server in one context, so that the session is set again at the entry of each call
that brings something from its transport. There is no table of sessions: one lives as long as
something of it does, and holds nothing itself.

Without an owner remain tasks made in an empty context (uvicorn 0.40 starts each plain HTTP request
in one, WebSockets not), and by servers whose sockets no loop accepts, but for Tornado's.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from contextvars import ContextVar
from types import FunctionType
from typing import Any, Optional
from weakref import ref

MAX_AWAITED = 1024
"""Accepted connections that are not made yet; a TLS handshake that fails leaves one behind."""
_MARK = "_leak_harness"
"""Of a method that is wrapped."""


class Session:
    """One accepted connection."""

    __slots__ = ("_closed_s", "_connection", "_is_closed", "protocol")

    def __init__(self) -> None:
        self._connection: Optional[ref[Any]] = None
        self._is_closed: Callable[[Any], bool] = _is_closing
        self._closed_s: Optional[float] = None
        self.protocol: Optional[_Protocol] = None
        """While its protocol shares a context with others."""

    def bind(self, connection: Any, is_closed: Callable[[Any], bool]) -> None:
        """What tells whether the session is closed.

        Raises:
            TypeError: that cannot be referred to weakly.
        """
        self._connection = ref(connection)
        self._is_closed = is_closed

    def closed_for_s(self, now_s: float) -> Optional[float]:
        """Seconds since it was first seen closed, by whoever asked; None where it is open, or
        that cannot be told.
        """
        if self._closed_s is None:
            if self._connection is None:
                return None
            connection = self._connection()
            if connection is not None and not self._is_closed(connection):
                return None
            self._closed_s = now_s
        return now_s - self._closed_s


class _Protocol(ref):  # type: ignore[type-arg]
    """A protocol that shares a context, and the number under which its session is found for as
    long as it lives.
    """

    __slots__ = ("number",)
    number: int


CURRENT: ContextVar[Optional[Session]] = ContextVar("leak_harness_session", default=None)
_awaited: dict[int, tuple[Session, bool]] = {}
"""By the identity of a protocol: the session whose connection is still to be made, and whether
it shares a context.
"""
_NOBODY: tuple[Optional[Session], bool] = (None, False)
_shared: dict[int, Session] = {}
"""By the identity of a protocol that shares a context with others."""


def serving(create: Any) -> Any:
    """A `create_server` of a loop in which each connection has a context of its own."""

    async def create_server(self: Any, protocol_factory: Any, *args: Any, **kwargs: Any) -> Any:
        def accept() -> Any:
            session = Session()
            CURRENT.set(session)
            protocol = protocol_factory()
            _expect(protocol, session, shares=False)
            return protocol

        return await create(self, accept, *args, **kwargs)

    return create_server


def serving_in_one_context(create: Any) -> Any:
    """A `create_server` of a loop in which all connections of a server have the same context."""

    async def create_server(self: Any, protocol_factory: Any, *args: Any, **kwargs: Any) -> Any:
        def accept() -> Any:
            protocol = protocol_factory()
            _expect(protocol, Session(), shares=True)
            return protocol

        return await create(self, accept, *args, **kwargs)

    return create_server


def handling(handle: Any) -> Any:
    """Tornado's `TCPServer._handle_connection`, which is called with each socket that it has
    accepted.
    """

    def handle_connection(self: Any, connection: Any, *args: Any, **kwargs: Any) -> Any:
        session = Session()
        token = CURRENT.set(session)
        try:
            return handle(self, connection, *args, **kwargs)
        finally:
            CURRENT.reset(token)
            if not _has_no_descriptor(
                connection
            ):  # else it is closed already, or has become part of a TLS socket
                session.bind(connection, _has_no_descriptor)

    return handle_connection


def _expect(protocol: Any, session: Session, *, shares: bool) -> None:
    """Have the session know its transport once the connection is made.

    A protocol object that is given out again before that serves several connections, and tells none
    of them.
    """
    try:
        if len(_awaited) >= MAX_AWAITED:
            _awaited.clear()
        if _awaited.pop(id(protocol), None) is not None:
            return
        _hook(type(protocol), "connection_made", _made)
        if shares:
            _hook(type(protocol), "data_received", _entered)
            _hook(type(protocol), "buffer_updated", _entered)
        _awaited[id(protocol)] = session, shares
    except Exception:  # noqa: BLE001 - the server has its connection, whatever becomes of our note
        pass


def _hook(kind: Any, name: str, wrap: Callable[[Any], Any]) -> None:
    """Wrap a method of a protocol class where it is defined; asyncio's own empty ones are left as
    they are.

    Raises:
        TypeError: the class cannot be changed.
    """
    method = getattr(kind, name, None)
    if type(method) is not FunctionType or _MARK in method.__dict__:
        return
    definer = next(base for base in kind.__mro__ if name in vars(base))
    if vars(definer)[name] is not method:
        return
    wrapper = wrap(method)
    for attribute in ("__name__", "__qualname__", "__module__", "__doc__"):
        setattr(wrapper, attribute, getattr(method, attribute))
    wrapper.__dict__.update(method.__dict__, **{_MARK: True})
    type.__setattr__(kind if definer.__module__ == "asyncio.protocols" else definer, name, wrapper)


def _made(original: Any) -> Any:
    def connection_made(self: Any, *args: Any, **kwargs: Any) -> Any:
        session, shares = _awaited.pop(id(self), _NOBODY)
        if session is None or not args:
            return original(self, *args, **kwargs)
        try:  # noqa: SIM105 - a context manager is three calls, at each connection
            session.bind(args[0], _is_closing)
        except (
            TypeError
        ):  # uvloop's TLS transport cannot be referred to weakly, and is never seen to close
            pass
        if not shares:
            return original(self, *args, **kwargs)
        with suppress(TypeError):  # nor can aiohttp's protocol, which makes its one task here
            session.protocol = _Protocol(self, _forget)
            session.protocol.number = id(self)
            _shared[id(self)] = session
        return _within(session, original, self, args, kwargs)

    return connection_made


def _entered(original: Any) -> Any:
    def enter(self: Any, *args: Any, **kwargs: Any) -> Any:
        session = _shared.get(id(self))
        return (
            original(self, *args, **kwargs)
            if session is None
            else _within(session, original, self, args, kwargs)
        )

    return enter


def _within(session: Session, method: Any, protocol: Any, args: Any, kwargs: Any) -> Any:
    """Back to no session at the end: what the server does for itself must not be the last
    session's.
    """
    token = CURRENT.set(session)
    try:
        return method(protocol, *args, **kwargs)
    finally:
        CURRENT.reset(token)


def _forget(protocol: _Protocol) -> None:
    _shared.pop(protocol.number, None)


def _is_closing(transport: Any) -> bool:
    try:
        return bool(transport.is_closing())
    except AttributeError:  # of a TLS transport whose own one is gone, in CPython 3.10 and before
        return True
    except Exception:  # noqa: BLE001 - somebody's own transport
        return False


def _has_no_descriptor(socket: Any) -> bool:
    return bool(socket.fileno() < 0)

"""The transport of one session: a WebSocket or a bare TCP connection, opened, used and ended in
every way that a page may.
"""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import Callable, Mapping
from contextlib import suppress

from websockets.asyncio.client import ClientConnection
from websockets.exceptions import ConnectionClosed

from ..errors import ConnectionLost
from .contract import Data
from .handshake import Address, lost_connection, open_tcp, shake_hands

Trace = Callable[[str, Data], None]
"""Is told of every message: "->" sent or "<-" received, and the data."""
_RESET_AT_CLOSE = struct.pack("ii", 1, 0)
"""SO_LINGER on, 0 s: the kernel answers the close with a reset instead of a FIN (socket(7))."""


class Connection:
    """One session's connection; not open yet when it is made."""

    def __init__(self, address: Address, trace: Trace | None = None) -> None:
        self.address = address
        self._trace = trace
        self._websocket: ClientConnection | None = None
        self._tcp: asyncio.StreamWriter | None = None
        self._vanished = False

    @property
    def is_open(self) -> bool:
        """Whether there is a WebSocket to close."""
        return self._websocket is not None

    @property
    def websocket(self) -> ClientConnection:
        """The `websockets` connection.

        Raises:
            ConnectionLost: it is not open.
        """
        if self._websocket is None:
            raise ConnectionLost(
                "the session is not connected",
                hint="call connect() first in a connect=False script",
            )
        return self._websocket

    @property
    def subprotocol(self) -> str:
        """The subprotocol that the server chose; empty where it chose none."""
        return self.websocket.subprotocol or ""

    async def open(
        self, path: str | None, headers: Mapping[str, str] | None, limit_s: float
    ) -> None:
        """Shake hands, at another path of the server where one is given.

        Raises:
            HandshakeRefused: refused.
            NoReply: not done within the limit.
        """
        url = self.address.url if path is None else self.address.at(path)
        self._websocket = await shake_hands(self.address, url=url, headers=headers, limit_s=limit_s)

    async def open_tcp(self) -> None:
        """Open a bare TCP connection that says nothing.

        Raises:
            HandshakeRefused: nobody listens there.
        """
        self._tcp = await open_tcp(self.address)

    async def send(self, data: Data) -> None:
        """Send one message.

        Raises:
            ConnectionLost, ProtocolViolation: the connection has ended, and why.
        """
        self._note("->", data)
        try:
            await self.websocket.send(data)
        except ConnectionClosed as error:
            raise lost_connection(error) from error

    async def receive(self) -> Data:
        """Wait for the next message.

        Raises:
            ConnectionLost, ProtocolViolation: the connection has ended, and why.
        """
        try:
            data = await self.websocket.recv()
        except ConnectionClosed as error:
            raise lost_connection(error) from error
        self._note("<-", data)
        return data

    def vanish(self) -> None:
        """Stop reading, so that not even pings are answered; `close` then resets the connection."""
        self.websocket.transport.pause_reading()
        self._vanished = True

    def reset(self) -> None:
        """Reset the TCP connection: no close frame. Nothing is left to reset where the server has
        closed it already.
        """
        transport = self.websocket.transport
        with suppress(OSError):
            transport.get_extra_info("socket").setsockopt(
                socket.SOL_SOCKET, socket.SO_LINGER, _RESET_AT_CLOSE
            )
        transport.abort()
        self._websocket = None

    async def close(self) -> None:
        """End what is open, with a close frame unless it has vanished."""
        if self._tcp is not None:
            self._tcp.close()
            with suppress(OSError):
                await self._tcp.wait_closed()
            self._tcp = None
        if self._vanished and self.is_open:
            self.reset()
        if self._websocket is not None:
            await self._websocket.close()
            self._websocket = None

    def _note(self, direction: str, data: Data) -> None:
        if self._trace is not None:
            self._trace(direction, data)

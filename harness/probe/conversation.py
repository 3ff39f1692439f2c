"""One connection of the probe, from the greeting to its end. A bad peer takes its own thread's
time, and no more.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from socket import MSG_NOSIGNAL, SO_PEERCRED, SOL_SOCKET, socket
from struct import Struct
from time import monotonic

from . import gauges, wire
from .handlers import answer

IDLE_LIMIT_S = 600.0
"""A peer that asks nothing for so long is let go; the harness connects again when it needs to."""
MESSAGE_LIMIT_S = 5.0
"""From the first byte of a message to its last, either way."""
_PEER = Struct("3i")


def converse(connection: socket) -> None:
    """Greet, then answer requests until the peer leaves.

    Raises:
        OSError: the connection broke, or the peer fell silent.
        BadMessage: the peer does not speak this wire.
    """
    if not _is_same_user(connection):
        return
    _send(connection, greeting())
    while True:
        request = _receive(connection)
        if request is None:
            return
        _send(connection, answer(request))


def greeting() -> wire.Greeting:
    """What the probe says first."""
    return {
        "wire": wire.WIRE_VERSION,
        "pid": os.getpid(),
        "python": ".".join(map(str, sys.version_info[:3])),
        "implementation": sys.implementation.name,
        "argv": [str(word) for word in getattr(sys, "argv", ())],
        "gauges": list(gauges.table()),
    }


def _is_same_user(connection: socket) -> bool:
    """Root counts: a server that gives up root's rights goes on talking to a harness that has
    them.
    """
    _, uid, _ = _PEER.unpack(connection.getsockopt(SOL_SOCKET, SO_PEERCRED, _PEER.size))
    return uid in (os.geteuid(), 0)


def _send(connection: socket, message: Mapping[str, object]) -> None:
    try:
        data = wire.pack(message, wire.MAX_ANSWER_BYTES)
    except wire.BadMessage as error:
        data = wire.pack({"error": f"the answer is too long: {error}"}, wire.MAX_ANSWER_BYTES)
    connection.settimeout(MESSAGE_LIMIT_S)
    # A peer that is gone must not raise SIGPIPE in a server that has given it its default meaning
    # back.
    connection.sendall(data, MSG_NOSIGNAL)


def _receive(connection: socket) -> dict[str, object] | None:
    """The next request; None when the peer has closed."""
    connection.settimeout(IDLE_LIMIT_S)
    first = connection.recv(1)
    if not first:
        return None
    until = monotonic() + MESSAGE_LIMIT_S
    header = first + _read(connection, wire.HEADER_BYTES - 1, until)
    return wire.unpack(_read(connection, wire.body_bytes(header, wire.MAX_REQUEST_BYTES), until))


def _read(connection: socket, size_bytes: int, until: float) -> bytes:
    data = b""
    while len(data) < size_bytes:
        left_s = until - monotonic()
        if left_s <= 0:
            raise wire.BadMessage("the rest of the message did not come in time")
        connection.settimeout(left_s)
        received = connection.recv(size_bytes - len(data))
        if not received:
            raise wire.BadMessage("the peer left in the middle of a message")
        data += received
    return data

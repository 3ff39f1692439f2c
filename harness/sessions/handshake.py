"""Where sessions connect, and the WebSocket handshake: headers, TLS, sockets, and what each
refusal means.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import (
    ConnectionClosed,
    InvalidHandshake,
    InvalidMessage,
    InvalidStatus,
    InvalidURI,
    NegotiationError,
)
from websockets.typing import Origin, Subprotocol

from ..errors import (
    ConnectionLost,
    HandshakeRefused,
    NoReply,
    ProtocolViolation,
    SessionError,
    UsageError,
)
from ..redaction import url_without_secrets

READY_ATTEMPT_S = 2.0
MAX_MESSAGE_BYTES: Final = 16 * 2**20
_TOO_BIG: Final = 1009
"""The close code for a message that is longer than allowed."""
_NOT_YET = range(500, 600)
"""Statuses of a server, or of a proxy before it, that is still starting."""

_BROKEN_RULES: Final = (1002, 1003, 1007)
"""Close codes with which a client answers frames that are not allowed, and text that is no
UTF-8.
"""


@dataclass(frozen=True, slots=True)
class Address:
    """Where sessions connect, and how."""

    url: str
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    """For the handshake; they may hold secrets."""
    subprotocols: tuple[str, ...] = ()
    compression: bool = True
    origin: str | None = None
    unix: Path | None = None
    """A Unix socket to connect to; the URL still names host and path."""
    ca: Path | None = None
    """Certificates to trust instead of the system's."""
    insecure: bool = False
    """Trust any certificate."""

    max_message_bytes: int = MAX_MESSAGE_BYTES
    """A longer message breaks the connection; after it was decompressed, too."""

    def at(self, path: str, scheme: str = "") -> str:
        """Another path of this server; with another scheme where one is given."""
        parts = urlsplit(self.url)
        return f"{scheme or parts.scheme}://{parts.netloc}{path}"

    @property
    def port(self) -> int:
        """The TCP port."""
        parts = urlsplit(self.url)
        return parts.port or (443 if parts.scheme == "wss" else 80)

    @property
    def tls(self) -> ssl.SSLContext | None:
        """How to trust the server; None where the URL asks for no TLS.

        Raises:
            UsageError: the file of certificates cannot be read.
        """
        if not self.url.startswith("wss:"):
            return None
        try:
            context = ssl.create_default_context(cafile=self.ca)
        except (OSError, ssl.SSLError) as error:
            what = f"--ca {self.ca} holds no certificates: {error}"
            raise UsageError(what, hint="give a file in PEM format") from error
        if self.insecure:
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        return context


class _Connect(connect):
    """Follows no redirect: another address is another server."""

    def process_redirect(self, exc: Exception) -> Exception | str:
        return exc


async def shake_hands(
    address: Address,
    *,
    url: str = "",
    headers: Mapping[str, str] | None = None,
    limit_s: float = READY_ATTEMPT_S,
) -> ClientConnection:
    """Open a connection.

    Args:
        address: where, and how.
        url: another one of the same server.
        headers: sent besides the address's.
        limit_s: seconds that the handshake may take.

    Raises:
        HandshakeRefused: refused; `from` the cause, an `InvalidStatus` where that was an HTTP
            status.
        NoReply: not done within the limit.
        UsageError: the URL is none.
    """
    url = url or address.url
    shown = url_without_secrets(url)
    transport: dict[str, Any] = {"path": str(address.unix), "unix": True} if address.unix else {}
    try:
        return await _Connect(
            url,
            additional_headers={**address.headers, **(headers or {})},
            subprotocols=[Subprotocol(name) for name in address.subprotocols] or None,
            origin=Origin(address.origin) if address.origin else None,
            compression="deflate" if address.compression else None,
            ssl=address.tls,
            max_size=address.max_message_bytes,
            proxy=None,
            ping_interval=None,
            close_timeout=5,
            open_timeout=limit_s,
            **transport,
        )
    except InvalidURI as error:
        raise UsageError(
            f"'{shown}' is not a WebSocket address", hint="give one such as ws://127.0.0.1:8000/ws"
        ) from error
    except TimeoutError as error:
        raise NoReply(f"{shown}: no handshake within {limit_s:g}s") from error
    except (OSError, InvalidHandshake, InvalidMessage, EOFError) as error:
        raise _refused(shown, error) from error


async def why_not_ready(address: Address, *, any_answer: bool = False) -> str:
    """Why a handshake does not succeed there now, empty when it does; with `any_answer` when it is
    answered at all.

    Raises:
        HandshakeRefused: it is refused in a way that waiting does not mend.
        UsageError: the URL is none.
    """
    try:
        connection = await shake_hands(address)
    except NoReply as silent:
        return str(silent)
    except HandshakeRefused as refused:
        cause = refused.__cause__
        if isinstance(cause, InvalidStatus) and any_answer:
            return ""
        if _may_pass(cause):
            return str(refused)
        raise
    await connection.close()
    return ""


def _may_pass(cause: BaseException | None) -> bool:
    """A server that is still starting refuses, resets or does not speak; one that answers has
    made up its mind.
    """
    if isinstance(cause, InvalidStatus):
        return cause.response.status_code in _NOT_YET
    decided = isinstance(cause, ssl.SSLCertVerificationError | InvalidHandshake)
    return not decided or (isinstance(cause, InvalidMessage) and not _speaks_old_http(cause))


def _speaks_old_http(error: InvalidMessage) -> bool:
    """A WebSocket needs HTTP/1.1; the simplest of web servers speak HTTP/1.0."""
    return "HTTP/1.0" in str(error.__cause__)


def _refused(url: str, error: Exception) -> HandshakeRefused:
    match error:
        case InvalidStatus():
            status = error.response.status_code
            what = f"answered the handshake with status {status}"
            hint = _hint_of_status(status, error.response.headers.get("Location", ""))
        case ssl.SSLCertVerificationError():
            what = f"its certificate is not trusted: {error.verify_message}"
            hint = (
                "name the authority that signed it with --ca FILE, or trust any certificate with "
                "--insecure"
            )
        case ssl.SSLError():
            what, hint = f"no TLS there: {error}", "is it ws:// rather than wss://?"
        case NegotiationError():
            what, hint = (
                f"no common subprotocol: {error}",
                "name one that the server speaks with --subprotocol",
            )
        case InvalidMessage() if _speaks_old_http(error):
            what, hint = f"no WebSocket: {error.__cause__}", _hint_of_status(HTTPStatus.OK, "")
        case InvalidMessage() | EOFError():
            what, hint = (
                f"no HTTP answer: {error}",
                "is it a WebSocket server, and is it wss:// rather than ws://?",
            )
        case InvalidHandshake():
            what, hint = (
                f"an answer that is not a WebSocket handshake: {error}",
                "check the path of --url",
            )
        case _:
            what, hint = str(error), "is the server listening there?"
    return HandshakeRefused(f"{url}: {what}", hint=hint)


def _hint_of_status(status: int, location: str) -> str:
    who = "the server wants to know who asks: see --auth, --header, --cookie and --origin"
    if status == 403:
        return (
            f"check the path of --url, as FastAPI answers so to one that it does not know; or {who}"
        )
    if status == 401:
        return who
    if location:
        return f"it redirects to {location}: give that as --url, with ws:// or wss://"
    if status == HTTPStatus.OK:
        return "an HTTP server without a WebSocket at that path: check the path of --url"
    return "check the path of --url, and what the server expects (--header, --subprotocol)"


async def open_tcp(address: Address) -> asyncio.StreamWriter:
    """A bare connection that says nothing.

    Raises:
        HandshakeRefused: nobody listens there.
    """
    try:
        if address.unix:
            _, writer = await asyncio.open_unix_connection(address.unix)
        else:
            _, writer = await asyncio.open_connection(urlsplit(address.url).hostname, address.port)
    except OSError as error:
        raise HandshakeRefused(
            f"{url_without_secrets(address.url)}: {error}", hint="is the server listening there?"
        ) from error
    return writer


def lost(error: BaseException) -> SessionError | None:
    """What an exception of the connection says of the server; None of any other."""
    return lost_connection(error) if isinstance(error, ConnectionClosed) else None


def lost_connection(error: ConnectionClosed) -> SessionError:
    """Why a connection has ended: the server closed it, or it broke the rules of WebSocket."""
    if error.rcvd is None and error.sent is not None and error.sent.code == _TOO_BIG:
        return ProtocolViolation(
            f"the server sent a message that is too long: {error.sent.reason or 'over the limit'}",
            hint="allow longer ones with --max-message",
        )
    if error.rcvd is None and error.sent is not None and error.sent.code in _BROKEN_RULES:
        said = error.sent.reason or str(error)
        return ProtocolViolation(
            f"the server broke the WebSocket protocol: {said} (close code {error.sent.code})"
        )
    return ConnectionLost(
        f"the server closed the connection: {error}", hint="see server.log for the reason"
    )

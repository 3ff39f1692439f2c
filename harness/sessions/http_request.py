"""A plain HTTP request to the server whose WebSocket a session uses."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..errors import ConnectionLost
from ..redaction import url_without_secrets
from ..target.bounded_http import AnswerUnbounded, fetch
from .handshake import Address

if TYPE_CHECKING:
    import httpx


async def answer_over_http(
    address: Address, method: str, path: str, limit_s: float, **request: Any
) -> httpx.Response:
    """The server's answer.

    Args:
        address: of the WebSocket; host, TLS and Unix socket are taken from it.
        method: `GET` and so on.
        path: of the page.
        limit_s: seconds for the whole answer.
        request: arguments as of `httpx.AsyncClient.request`.

    Raises:
        ConnectionLost: the server did not answer, or its answer was not over within the limits.
    """
    import httpx  # noqa: PLC0415 - slow to import, and few scripts ask over HTTP

    url = address.at(path, scheme="https" if address.url.startswith("wss:") else "http")
    uds = str(address.unix) if address.unix else None
    try:
        transport = httpx.AsyncHTTPTransport(verify=address.tls or True, uds=uds)
        async with httpx.AsyncClient(transport=transport, timeout=limit_s) as client:
            return await fetch(
                client,
                method,
                url,
                max_bytes=address.max_message_bytes,
                limit_s=limit_s,
                **request,
            )
    except (httpx.HTTPError, AnswerUnbounded) as error:
        raise ConnectionLost(f"{method} {url_without_secrets(url)}: {error}") from error

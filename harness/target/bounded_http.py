"""HTTP answers of bounded size, in bounded time: a page may drip for ever, or never end."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from ..units import format_size, format_time

if TYPE_CHECKING:
    import httpx


class AnswerUnbounded(Exception):
    """The answer passed a limit, which the text names."""


async def fetch(
    client: httpx.AsyncClient,
    method: str,
    url: str,
    *,
    max_bytes: int,
    limit_s: float,
    **request: Any,
) -> httpx.Response:
    """The whole answer to a request.

    Args:
        client: who asks.
        method: the HTTP method.
        url: the address.
        max_bytes: of the body, after it was decompressed.
        limit_s: seconds from the first byte sent to the last byte received.
        request: what else httpx takes.

    Raises:
        AnswerUnbounded: it is larger, or takes longer.
        httpx.HTTPError: there is no answer.
    """
    redirects = request.pop("follow_redirects", None)
    asked = client.build_request(method, url, **request)
    options = {} if redirects is None else {"follow_redirects": redirects}
    try:
        async with asyncio.timeout(limit_s):
            response = await client.send(asked, stream=True, **options)
            try:
                await _read(response, max_bytes)
            finally:
                await response.aclose()
    except TimeoutError as error:
        raise AnswerUnbounded(f"the answer was not over within {format_time(limit_s)}") from error
    return response


async def _read(response: httpx.Response, max_bytes: int) -> None:
    """The body of an answer, as `Response.aread` reads it, up to a limit of size and time."""
    parts, size = [], 0
    async for part in response.aiter_bytes():
        parts.append(part)
        size += len(part)
        if size > max_bytes:
            raise AnswerUnbounded(f"the answer is larger than {format_size(max_bytes)}")
    response._content = b"".join(parts)

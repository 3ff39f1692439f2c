"""The listening end: HTTP answers, WebSocket pages, signals."""

from __future__ import annotations

import asyncio
import logging
import signal
import sys
from collections.abc import Callable
from contextlib import suppress
from http import HTTPStatus
from typing import Final
from urllib.parse import urlsplit

from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.http11 import Request, Response

from .context import Services
from .page import Session

PATH: Final = "/client-ws"
MESSAGE_LIMIT_BYTES: Final = 64 * 2**20
CLOSE_LIMIT_S: Final = 1.0
"""How long a page is given to answer a close frame."""
STOP_LIMIT_S: Final = 1.2
"""How long the pages are given when the server stops; what is left is cancelled."""


class CannotListen(Exception):
    """The address is taken, forbidden or unknown."""


async def run_server(
    services: Services, host: str, port: int, listening: Callable[[str], None]
) -> None:
    """Serve until SIGTERM or SIGINT, then close every page; `listening` is told the address.

    Raises:
        CannotListen: the address cannot be had.
    """
    stopped = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stopped.set)
    server = await _listen(services, host, port)
    services.lateness.start()
    listening(_address(server))
    await stopped.wait()
    services.lateness.stop()
    server.close()
    with suppress(TimeoutError):
        await asyncio.wait_for(server.wait_closed(), STOP_LIMIT_S)
    services.histories.close()


async def _listen(services: Services, host: str, port: int) -> Server:
    async def handle(websocket: ServerConnection) -> None:
        await Session(websocket, services).run()

    # Its errors are those of clients that leave in the middle of a handshake.
    logger = logging.getLogger("websockets.server")
    logger.setLevel(logging.CRITICAL)
    try:
        return await serve(
            handle,
            host,
            port,
            process_request=_answer_http,
            max_size=MESSAGE_LIMIT_BYTES,
            close_timeout=CLOSE_LIMIT_S,
            logger=logger,
        )
    except (OSError, OverflowError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise CannotListen(
            f"cannot listen on {host} port {port}: {reason.lower()}; try --port 0"
        ) from error


def _answer_http(connection: ServerConnection, request: Request) -> Response | None:
    path = urlsplit(request.path).path
    upgrade = request.headers.get("Upgrade", "").lower() == "websocket"
    if path == PATH and upgrade:
        return None
    if path == "/" and not upgrade:
        return connection.respond(HTTPStatus.OK, "The chat server is ready.\n")
    return connection.respond(
        HTTPStatus.NOT_FOUND, f"There is nothing here; pages connect to {PATH}.\n"
    )


def _address(server: Server) -> str:
    host, port = server.sockets[0].getsockname()[:2]
    return f"ws://[{host}]:{port}{PATH}" if ":" in host else f"ws://{host}:{port}{PATH}"


def watch_children_by_descriptor() -> None:
    """Spare CPython 3.11 the thread that it otherwise starts for each child process."""
    if sys.version_info < (3, 12) and hasattr(signal, "pidfd_send_signal"):
        asyncio.set_child_watcher(asyncio.PidfdChildWatcher())

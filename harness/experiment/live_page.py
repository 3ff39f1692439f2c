"""The report while the run goes on: one page on loopback, at an address that nobody can guess."""

from __future__ import annotations

import secrets
import threading
from collections.abc import Callable
from contextlib import suppress
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final

REFRESH_S: Final = 5


class _Server(ThreadingHTTPServer):
    def handle_error(self, request: Any, client_address: Any) -> None:
        """A browser that leaves is nobody's news."""


class LivePage:
    """Serves what `draw` makes, each time that somebody asks; the browser asks again every few
    seconds.

    A page that cannot be drawn just now, because the run is adding to its record, is the one from
    before.
    """

    def __init__(self, draw: Callable[[], bytes]) -> None:
        self._draw = draw
        self._last = (
            b"<!doctype html><title>running</title><p>The run has begun. The first sample is not "
            b"there yet."
        )
        self._path = f"/{secrets.token_urlsafe(16)}/"
        page = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                if not secrets.compare_digest(self.path.encode(), page._path.encode()):
                    self.send_error(HTTPStatus.NOT_FOUND)
                    return
                body = page._drawn()
                self.send_response(HTTPStatus.OK)
                for name, value in (
                    ("Content-Type", "text/html; charset=utf-8"),
                    ("Content-Length", str(len(body))),
                    ("Refresh", str(REFRESH_S)),
                    ("Cache-Control", "no-store"),
                    ("Referrer-Policy", "no-referrer"),
                ):
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *args: object) -> None:
                """Nobody wants to know."""

        self._server = _Server(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, daemon=True, name="live page").start()

    @property
    def url(self) -> str:
        """The address of the page."""
        return f"http://127.0.0.1:{self._server.server_port}{self._path}"

    def close(self) -> None:
        """The run is over."""
        self._server.shutdown()
        self._server.server_close()

    def _drawn(self) -> bytes:
        with suppress(Exception):  # the record is being added to: the next asking will do
            self._last = self._draw()
        return self._last

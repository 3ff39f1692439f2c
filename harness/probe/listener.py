"""The probe's place in a process: one thread asleep in accept(), on a socket that bears the
process's id.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import suppress
from socket import AF_UNIX, SHUT_RDWR, socket
from time import sleep

from . import own_threads, wire
from .lazy_loading import converse
from .owned_socket import OwnedSocket

Report = Callable[[BaseException], None]

MAX_CONNECTIONS = 16
PAUSE_S = 1.0
"""After a failed accept(): the server is out of descriptors or threads, and the probe is in no
hurry.
"""


class Listener:
    """Listens in the private folder, in this process and again in each that is forked from it."""

    def __init__(self, folder: str, report: Report) -> None:
        self._folder = folder
        self._report = report
        self._listener: OwnedSocket | None = None
        self._connections: set[OwnedSocket] = set()
        self._has_left = False

    def open(self) -> None:
        """Listen, unless another interpreter of this very process does so already.

        Raises:
            OSError: the folder is gone, or there are no more descriptors.
        """
        path = f"{self._folder}/{os.getpid()}{wire.SOCKET_SUFFIX}"
        if not _is_answered(path):
            listener = self._listener = OwnedSocket(_listen(path))
            own_threads.start(lambda: self._accept(listener))

    def reopen_in_child(self) -> None:
        """After a fork: leave the parent's sockets to the parent, and listen under the child's own
        id.

        Raises:
            OSError: as for `open`.
        """
        own_threads.forget()
        for inherited in (self._listener, *self._connections):
            if inherited is not None:
                inherited.let_go()
        self._listener = None
        self._connections = set()
        if not self._has_left:
            self.open()

    def _accept(self, listener: OwnedSocket) -> None:
        while not self._has_left and listener.is_ours():
            try:
                self._admit(_accepted(listener.socket))
            except (OSError, RuntimeError):
                sleep(PAUSE_S)
        listener.let_go()
        if self._has_left:
            return
        try:
            self.open()
        except OSError as error:
            self._report(error)

    def _admit(self, accepted: socket) -> None:
        connection = OwnedSocket(accepted)
        if len(self._connections) >= MAX_CONNECTIONS:
            connection.let_go()
            return
        self._connections.add(connection)
        try:
            own_threads.start(lambda: self._talk(connection))
        except RuntimeError:
            self._end(connection)
            raise

    def _talk(self, connection: OwnedSocket) -> None:
        try:
            converse(connection.socket, self._folder)
        except (OSError, wire.BadMessage):
            return  # the peer is gone, or no friend
        except Exception as error:  # noqa: BLE001 - the probe's own defects are the harness's to hear of
            self._report(error)
        finally:
            self._end(connection)
            if not os.path.isdir(self._folder):  # noqa: PTH112
                self._leave()

    def _leave(self) -> None:
        """The harness is gone, and the server is not, for it ran before: nothing of ours stays
        awake in it.
        """
        self._has_left = True
        if self._listener is not None and self._listener.is_ours():
            with suppress(OSError):
                self._listener.socket.shutdown(SHUT_RDWR)  # ends accept()

    def _end(self, connection: OwnedSocket) -> None:
        connection.let_go()
        self._connections.discard(connection)


def _accepted(listener: socket) -> socket:
    """Accept as the interpreter does: `socket.accept` makes what the server's libraries have put in
    the place of its class, and gevent's serves one thread alone.
    """
    descriptor, _ = listener._accept()  # type: ignore[attr-defined]
    return socket(fileno=descriptor)


def _is_answered(path: str) -> bool:
    """A socket that a dead process of the same id has left behind is not."""
    with socket(AF_UNIX) as caller:
        caller.setblocking(False)
        return caller.connect_ex(path) == 0


def _listen(path: str) -> socket:
    """A listening socket that appears under its name when it can be connected to, in place of a
    stale one.

    Without pathlib, whose import would be a fifth of what the probe adds to the start of a small
    process.
    """
    draft = f"{path}.new"
    with suppress(FileNotFoundError):
        os.unlink(draft)  # noqa: PTH108
    listener = socket(AF_UNIX)
    try:
        listener.bind(draft)
        listener.listen()
        os.replace(draft, path)  # noqa: PTH105
    except OSError:
        listener.close()
        raise
    return listener

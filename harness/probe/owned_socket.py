"""A socket of ours in a process that is not."""

from __future__ import annotations

import os
from socket import socket


class OwnedSocket:
    """A socket that knows its inode.

    A server may close all descriptors, as daemons do when they start, and get our number for a
    socket of its own: that one must be neither used nor closed.
    """

    def __init__(self, own: socket) -> None:
        self.socket = own
        self._inode = os.fstat(own.fileno()).st_ino

    def is_ours(self) -> bool:
        """Whether the descriptor still is what was opened."""
        try:
            return os.fstat(self.socket.fileno()).st_ino == self._inode
        except OSError:
            return False

    def let_go(self) -> None:
        """Close it if it is still ours."""
        if self.is_ours():
            self.socket.close()
        else:
            self.socket.detach()

"""Most of the probe, loaded when a peer first connects: a process that nobody asks, say a tool,
starts the sooner.

A fork in the middle of an import would leave the child with a lock that nobody opens, so that forks
wait for this one.
"""

from __future__ import annotations

from _thread import allocate_lock, get_ident
from socket import socket

MAX_WAITED_S = 2.0
"""By a fork: it takes some 50 ms, but may itself wait for a module that the forking thread is in
the middle of.
"""
_loading = allocate_lock()
_forking = [0]
"""The thread that keeps others from loading."""


def converse(connection: socket, folder: str) -> None:
    """One connection from its greeting to its end.

    Raises:
        OSError: the connection broke, or the peer fell silent.
        BadMessage: the peer does not speak this wire.
    """
    with _loading:
        from . import conversation, handlers  # noqa: PLC0415 - the point of this module
    handlers.use_folder(folder)
    conversation.converse(connection)


def before_fork() -> None:
    """Let no import of ours be under way."""
    if _loading.acquire(timeout=MAX_WAITED_S):
        _forking[0] = get_ident()


def after_fork() -> None:
    """In the parent, and in the child."""
    if _forking[0] == get_ident():
        _forking[0] = 0
        _loading.release()

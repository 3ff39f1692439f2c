"""Most of the probe, loaded when a peer first connects: a process that nobody asks, say a tool,
starts the sooner.

A fork in the middle of an import would leave the child with a lock that nobody opens, so that forks
wait for this one.
"""

from __future__ import annotations

from _thread import allocate_lock, get_ident
from importlib import import_module
from socket import socket
from types import ModuleType

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
        from . import conversation, gauges, handlers  # noqa: PLC0415 - the point of this module

        gauges.table()  # loads the file of each gauge
    handlers.use_folder(folder)
    conversation.converse(connection)


def load(name: str) -> ModuleType:
    """A module that is loaded later still: only a request that needs it does so.

    Raises:
        ImportError: there is none of this name.
    """
    with _loading:
        return import_module(name)


def before_fork() -> None:
    """Let no import of ours be under way."""
    if _loading.acquire(timeout=MAX_WAITED_S):
        _forking[0] = get_ident()


def after_fork() -> None:
    """In the parent, and in the child."""
    if _forking[0] == get_ident():
        _forking[0] = 0
        _loading.release()

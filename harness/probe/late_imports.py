"""Imports of the probe while the server runs.

A fork in the middle of an import would leave the child with a lock that nobody opens, so that forks
wait for these.
"""

from __future__ import annotations

from _thread import allocate_lock, get_ident
from importlib import import_module
from types import ModuleType

MAX_WAITED_S = 2.0
"""By a fork: an import takes some 50 ms, but may itself wait for a module that the forking thread
is in the middle of.
"""
under_way = allocate_lock()
"""Held by whoever imports."""
_forking = [0]
"""The thread that keeps others from importing."""


def load(name: str) -> ModuleType:
    """A module that only some requests need.

    Raises:
        ImportError: there is none of this name.
    """
    with under_way:
        return import_module(name)


def before_fork() -> None:
    """Let no import of ours be under way."""
    if under_way.acquire(timeout=MAX_WAITED_S):
        _forking[0] = get_ident()


def after_fork() -> None:
    """In the parent, and in the child."""
    if _forking[0] == get_ident():
        _forking[0] = 0
        under_way.release()

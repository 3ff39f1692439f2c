"""Starts the probe in this process, and in all that are forked from it."""

from __future__ import annotations

import os

from . import connections, late_imports, loops, method_hooks, task_origins
from .listener import Listener, Report

_WRAPPED = (
    ("asyncio.base_events", "BaseEventLoop", "create_task", task_origins.noting),
    ("asyncio.base_events", "BaseEventLoop", "create_server", connections.serving),
    ("asyncio.unix_events", "_UnixSelectorEventLoop", "create_unix_server", connections.serving),
    ("uvloop", "Loop", "create_task", task_origins.noting),
    ("uvloop", "Loop", "create_server", connections.serving_in_one_context),
    ("uvloop", "Loop", "create_unix_server", connections.serving_in_one_context),
    ("tornado.tcpserver", "TCPServer", "_handle_connection", connections.handling),
)
_listeners: list[Listener] = []
"""The latest: a server that runs already may be given to one harness after another."""


def start(folder: str, report: Report) -> None:
    """Listen in `folder`. Called once per process, before any code of the server runs, or by each
    that attaches to it.

    Args:
        folder: the harness's private folder.
        report: told what goes wrong later.

    Raises:
        OSError: nobody can listen there.
    """
    listener = Listener(folder, report)
    listener.open()
    is_first = not _listeners
    _listeners[:] = [listener]
    if not is_first:
        return
    method_hooks.watch(_WRAPPED)

    def before_fork() -> None:
        loops.before_fork()
        late_imports.before_fork()

    def after_fork_in_child() -> None:
        late_imports.after_fork()
        try:
            loops.after_fork_in_child()
            _listeners[0].reopen_in_child()
        except Exception as error:  # noqa: BLE001 - the child must live, whatever is wrong with the probe
            report(error)

    os.register_at_fork(
        before=before_fork,
        after_in_parent=late_imports.after_fork,
        after_in_child=after_fork_in_child,
    )

"""Starts the probe in this process, and in all that are forked from it."""

from __future__ import annotations

import os

from . import loops, requests, sites
from .listener import Listener, Report

_listeners: list[Listener] = []
"""The latest: a server that runs already may be given to one harness after another."""


def start(folder: str, report: Report) -> None:
    """Listen in `folder`. Called once per process, before any code of the server runs, or by each that attaches to it.

    Args:
        folder: the harness's private folder.
        report: told what goes wrong later.

    Raises:
        OSError: nobody can listen there.
    """
    requests.use_folder(folder)
    listener = Listener(folder, report)
    listener.open()
    is_first = not _listeners
    _listeners[:] = [listener]
    if not is_first:
        return
    sites.watch()

    def after_fork() -> None:
        try:
            loops.after_fork_in_child()
            _listeners[0].reopen_in_child()
        except Exception as error:  # noqa: BLE001 - the child must live, whatever is wrong with the probe
            report(error)

    os.register_at_fork(before=loops.before_fork, after_in_child=after_fork)

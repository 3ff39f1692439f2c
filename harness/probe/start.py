"""Starts the probe in this process, and in all that are forked from it."""

from __future__ import annotations

import os

from . import loops, requests, sites
from .listener import Listener, Report


def start(folder: str, report: Report) -> None:
    """Listen in `folder`. Called once per process, before any code of the server runs.

    Args:
        folder: the harness's private folder.
        report: told what goes wrong later.

    Raises:
        OSError: nobody can listen there.
    """
    sites.watch()
    requests.use_folder(folder)
    listener = Listener(folder, report)
    listener.open()

    def after_fork() -> None:
        try:
            loops.after_fork_in_child()
            listener.reopen_in_child()
        except Exception as error:  # noqa: BLE001 - the child must live, whatever is wrong with the probe
            report(error)

    os.register_at_fork(before=loops.before_fork, after_in_child=after_fork)

"""A short look at what C code allocates, by memray where the server's Python has it, after all
has been measured.
"""

from __future__ import annotations

import os
from typing import Any

from . import late_imports

_running: list[Any] = []


def start(path: str) -> str:
    """Write what is allocated from now on, with its native stacks, to a file; why that cannot be,
    or nothing.

    memray is the server's own, and is loaded only now.
    """
    try:
        memray = late_imports.load("memray")
    except ImportError:
        return "memray is not installed in the server's Python"
    if os.path.exists(path):  # noqa: PTH110 - nothing but what the server has loaded anyway
        os.unlink(path)  # noqa: PTH108
    tracker = memray.Tracker(path, native_traces=True)
    tracker.__enter__()
    _running.append(tracker)
    return ""


def stop() -> None:
    """End it; the file is whole then."""
    while _running:
        _running.pop().__exit__(None, None, None)

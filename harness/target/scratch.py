"""Temporary folders of a run, and those that runs which were killed have left.

A folder is named for the process that owns it, and locked by that process for as long as it lives.
One whose process is gone, and whose lock is free, belongs to nobody: the next run removes it.
"""

from __future__ import annotations

import fcntl
import os
import re
import shutil
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import Final

PREFIX: Final = "leak-harness-"
_KEPT: Final = ".kept"
"""A file in a folder that a message to the user names."""
_NAME: Final = re.compile(rf"{PREFIX}(?P<pid>\d+)-(?P<start>\d+)-\w+")
_START_FIELD: Final = 19
"""Of /proc/PID/stat, counted from the state, which follows the name."""


class ScratchFolder:
    """A new temporary folder, readable by its owner alone.

    Raises:
        OSError: it cannot be made.
    """

    def __init__(self, base: str | None = None) -> None:
        base = base or tempfile.gettempdir()
        remove_stale(base)
        owner = os.getpid()
        while True:
            prefix = f"{PREFIX}{owner}-{_start_of(owner)}-"
            self.path = Path(tempfile.mkdtemp(prefix=prefix, dir=base))
            self._lock = os.open(self.path, os.O_RDONLY)
            if _is_locked_here(self._lock) and self.path.exists():
                return
            os.close(self._lock)  # another run took it for a stale one before it was locked

    def keep(self) -> None:
        """A message names it: no run removes it."""
        (self.path / _KEPT).touch()
        self._unlock()

    def remove(self) -> None:
        """Remove it with all that is in it."""
        shutil.rmtree(self.path, ignore_errors=True)
        self._unlock()

    def _unlock(self) -> None:
        if self._lock >= 0:
            os.close(self._lock)
        self._lock = -1


def remove_stale(base: str | None = None) -> None:
    """Remove the folders of runs that were killed; others may do so at the same time."""
    with suppress(OSError), os.scandir(base or tempfile.gettempdir()) as entries:
        for entry in entries:
            name = _NAME.fullmatch(entry.name)
            if name is None or not entry.is_dir(follow_symlinks=False):
                continue
            if _start_of(int(name["pid"])) != name["start"]:
                _remove_unlocked(Path(entry.path))


def _remove_unlocked(folder: Path) -> None:
    with suppress(OSError):
        if folder.stat().st_uid != os.geteuid() or (folder / _KEPT).exists():
            return
        descriptor = os.open(folder, os.O_RDONLY | os.O_NOFOLLOW)
        try:
            if _is_locked_here(descriptor):  # else its process lives in another PID namespace
                shutil.rmtree(folder, ignore_errors=True)
        finally:
            os.close(descriptor)


def _is_locked_here(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def _start_of(pid: int) -> str:
    """When a process started, in ticks, as text; empty where there is none."""
    with suppress(OSError, IndexError):
        text = Path(f"/proc/{pid}/stat").read_text(errors="replace")
        return text.rpartition(")")[2].split()[_START_FIELD]
    return ""

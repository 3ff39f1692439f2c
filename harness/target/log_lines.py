"""A log in lines of bounded length, in bounded memory: a server may write gigabytes, and no
newline.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Final

from ..redaction import SECRETS

MAX_LINE_BYTES: Final = 1 << 16
"""What comes after it in a line is not looked at."""
_PIECE_BYTES: Final = 1 << 20
MAX_TAIL_BYTES: Final = 1 << 15
MAX_TAIL_LINE: Final = 500
"""Characters of a line that an error shows."""


class LogLines:
    """Reads on in a log from where it was left."""

    def __init__(self, path: Path, *, from_end: bool) -> None:
        """A reader that begins at the start of the file, or at its present end."""
        self._path = path
        self._read_to = path.stat().st_size if from_end and path.exists() else 0
        self._half = b""

    def new(self) -> Iterator[str]:
        """Lines that have been finished since the last call.

        Raises:
            OSError: the file cannot be read.
        """
        with self._path.open("rb") as log:
            if log.seek(0, 2) < self._read_to:  # it was rotated or emptied
                self._read_to, self._half = 0, b""
            end = log.tell()
            log.seek(self._read_to)
            while self._read_to < end:
                piece = log.read(min(_PIECE_BYTES, end - self._read_to))
                if not piece:
                    return
                self._read_to += len(piece)
                *whole, rest = piece.split(b"\n")
                if whole:
                    whole[0] = self._half + whole[0]
                    self._half = b""
                self._half = (self._half + rest)[:MAX_LINE_BYTES]
                for line in whole:
                    yield line[:MAX_LINE_BYTES].decode(errors="replace")


def tail(path: Path, lines: int) -> list[str]:
    """The last lines of a log, cut to a length that can be read."""
    with path.open("rb") as log:
        size = log.seek(0, 2)
        log.seek(max(0, size - MAX_TAIL_BYTES))
        text = log.read(MAX_TAIL_BYTES).decode(errors="replace")
    return [
        line if len(line) <= MAX_TAIL_LINE else f"{line[:MAX_TAIL_LINE]} ..."
        for line in text.splitlines()[-lines:]
    ]


def mask_log(path: Path) -> None:
    """Take secrets out of a log that nobody writes to any more; a log without any stays as it is.

    A line that is longer than the bound is masked in pieces of that length.
    """
    part = path.with_name(f".{path.name}.part")
    try:
        has_secrets = False
        with (
            path.open(errors="surrogateescape", newline="") as log,
            part.open("w", errors="surrogateescape", newline="") as masked,
        ):
            while line := log.readline(MAX_LINE_BYTES):
                text = SECRETS.masked(line)
                has_secrets |= text != line
                masked.write(text)
        if has_secrets:
            part.replace(path)
        else:
            part.unlink()
    except OSError:
        part.unlink(missing_ok=True)

"""Standard output and standard error that may be closed or full."""

from __future__ import annotations

import errno
import io
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any, TextIO, cast

from .errors import OutputLost
from .redaction import SECRETS


class _Stream:
    """A text stream that outlives what it writes to. Only a pipe that nobody reads is an error, as
    for any stream.
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def write(self, text: str) -> int:
        """Write, as a text stream does."""
        try:
            self._stream.write(SECRETS.masked(text))
            return len(text)
        except BrokenPipeError:
            raise
        except OSError as error:
            self._fail(error)
            return len(text)
        except ValueError as error:  # a script has closed the stream below this one
            self._fail(OSError(errno.EBADF, str(error)))
            return len(text)

    def isatty(self) -> bool:
        """Whether a person looks at it."""
        return not self._stream.closed and self._stream.isatty()

    def close(self) -> None:
        """Nothing: a script or a library that closes it would take it from all others."""

    def flush(self) -> None:
        """Flush, as a text stream does."""
        try:
            self._stream.flush()
        except BrokenPipeError:
            raise
        except OSError as error:
            self._fail(error)
        except ValueError as error:
            self._fail(OSError(errno.EBADF, str(error)))

    def _fail(self, _: OSError) -> None:
        """Send what the buffer holds to nowhere. Python would flush it at the end, fail, and end
        with a status of its own.
        """
        with suppress(OSError, ValueError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), self._stream.fileno())


class _Output(_Stream):
    """Standard output.

    Raises:
        OutputLost: it cannot be written.
    """

    def _fail(self, error: OSError) -> None:
        super()._fail(error)
        raise OutputLost(
            f"standard output cannot be written: {error.strerror or error}",
            hint="what was measured is in the run folder; draw it again with `leak-harness report`",
        ) from error


class _Closed(io.TextIOBase):
    """Stands for standard output that was closed before the start."""

    def write(self, text: str) -> int:
        """Nothing can be written."""
        if text:
            raise OSError(errno.EBADF, "it is closed")
        return 0


@contextmanager
def usable_streams() -> Iterator[None]:
    """A block in which writing to standard error never fails, and to standard output raises
    OutputLost where it fails.
    """
    before = sys.stdout, sys.stderr
    if None in (sys.stdin, *before):
        _occupy_descriptors()
    for stream in filter(None, before):
        if hasattr(stream, "reconfigure"):  # a terminal or a locale may know no arrows
            stream.reconfigure(errors="backslashreplace")
    out = cast(TextIO, _Closed()) if sys.stdout is None else sys.stdout
    with open(os.devnull, "w", encoding="utf-8") as nowhere:  # noqa: PTH123 - a path object takes no devnull
        err = nowhere if sys.stderr is None else sys.stderr
        sys.stdout, sys.stderr = cast(TextIO, _Output(out)), cast(TextIO, _Stream(err))
        try:
            yield
        finally:
            with suppress(OSError, AttributeError):  # a script may have put nothing in its place
                sys.stderr.flush()
            sys.stdout, sys.stderr = before


@contextmanager
def kept_streams() -> Iterator[None]:
    """A block after which standard output and error are what they were before: a script may put
    others in their places.
    """
    before = sys.stdout, sys.stderr
    try:
        yield
    finally:
        sys.stdout, sys.stderr = before


def _occupy_descriptors() -> None:
    """Open the null device where a standard stream is closed: the next file that is opened would
    become that stream.
    """
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.set_inheritable(os.open(os.devnull, os.O_RDWR), True)

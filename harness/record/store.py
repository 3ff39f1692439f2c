"""Run folders: the record appended line by line, every other file written whole or not at all."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import UTC, datetime
from itertools import chain, count
from pathlib import Path

from ..errors import NotARun, RecordDamaged, RecordError, RecordLost, RecordNotWritable
from .intake import fit
from .record import (
    CycleDone,
    FastSample,
    Line,
    RunRecord,
    RunStarted,
    Values,
    decode_line,
    encode_line,
)

RECORD_FILE = "run.jsonl"
BLAME_FILE = "blame.json"
"""Lies next to the record of a blame. Its cycles all differ, so no run is compared with it."""

Actions = dict[tuple[tuple[str, int], ...], dict[str, int]]
"""Counts of actions by their items, so that equal ones are kept once."""


class RunFolder:
    """A folder that takes one run."""

    def __init__(self, path: Path) -> None:
        """Make the folder.

        Raises:
            RecordNotWritable: it cannot be made, or holds a run already.
        """
        self.path = path
        self._has_begun = False
        made(path)
        try:
            self._lines = (path / RECORD_FILE).open("xb", buffering=0)
        except FileExistsError as error:
            raise RecordNotWritable(
                f"{path} holds a run already", hint="give another --out"
            ) from error
        except OSError as error:
            raise _not_writable(path, error) from error
        with suppress(OSError):  # some file systems have no locks
            fcntl.flock(self._lines, fcntl.LOCK_EX | fcntl.LOCK_NB)

    def append(self, line: Line) -> None:
        """Write one line at once.

        Raises:
            RecordNotWritable: the disk is full, or the like.
        """
        data = encode_line(fit(line))
        try:
            if self._lines.write(data) != len(data):
                raise OSError("no room for the whole line")
        except OSError as error:
            lost = _not_writable(self.path, error)
            raise (RecordLost(lost.what, hint=lost.hint) if self._has_begun else lost) from error
        self._has_begun = True

    def write(self, name: str, data: bytes) -> Path:
        """Write a file of the folder whole, or leave it as it was."""
        return write_whole(self.path / name, data)

    def close(self) -> None:
        """Take no more lines."""
        self._lines.close()


def is_being_written(folder: Path) -> bool:
    """Whether a run that goes on writes its record there, or in a folder of its own in it."""
    for record in (*folder.glob(RECORD_FILE), *folder.glob(f"*/{RECORD_FILE}")):
        with suppress(OSError), record.open("rb") as lines:
            try:
                fcntl.flock(lines, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except BlockingIOError:
                return True
    return False


@contextmanager
def alone_in(folder: Path) -> Iterator[None]:
    """A block in which no other command that asks for it writes to the folder.

    Raises:
        RecordNotWritable: one does already, or a run writes its record there.
    """
    made(folder)
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise _taken(folder) from error
        except OSError:  # some file systems have no locks
            pass
        if is_being_written(folder):
            raise _taken(folder)
        yield
    finally:
        os.close(descriptor)


def _taken(folder: Path) -> RecordNotWritable:
    return RecordNotWritable(
        f"another run is writing to {folder}", hint="wait for its end, or give another --out"
    )


def dated(name: str, folder: Path = Path("reports")) -> Path:
    """A new folder in that one, by the second, for a run that names none: made at once, so that no
    other takes it.

    Raises:
        RecordNotWritable: it cannot be made.
    """
    first = made(folder) / f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}-{name}"
    others = (first.with_name(f"{first.name}-{number}") for number in count(2))
    return next(path for path in chain([first], others) if _is_new(path))


def made(folder: Path) -> Path:
    """The folder, with those above it.

    Raises:
        RecordNotWritable: it cannot be made.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except FileExistsError as error:
        raise RecordNotWritable(
            f"{folder} is a file, not a folder", hint="give another --out"
        ) from error
    except OSError as error:
        raise _not_writable(folder, error) from error
    return folder


def _is_new(folder: Path) -> bool:
    """Whether it was not there; now it is."""
    try:
        folder.mkdir()
    except FileExistsError:
        return False
    except OSError as error:
        raise _not_writable(folder, error) from error
    return True


def write_whole(path: Path, data: bytes, mode: int | None = None) -> Path:
    """Never half a file: written under another name, then renamed.

    Raises:
        RecordNotWritable: the disk is full, or the like; or a device, a pipe or a folder is there.
    """
    if path.exists() and not path.is_file():
        raise RecordNotWritable(f"{path} is not a regular file", hint="name another file")
    part = path.with_name(f".{path.name}.part")
    try:
        part.write_bytes(data)
        if mode is not None:
            part.chmod(mode)
        part.replace(path)
    except OSError as error:
        with suppress(OSError):
            part.unlink(missing_ok=True)
        raise _not_writable(path, error) from error
    return path


def runs_in(path: Path) -> list[Path]:
    """The runs at a place: the folder itself, the several that one call made in it, or those of all
    folders in it.

    Raises:
        NotARun: there is none.
    """
    if path.is_file() or (path / RECORD_FILE).exists():
        return [path]
    records = [
        record for depth in ("*", "*/run-*") for record in path.glob(f"{depth}/{RECORD_FILE}")
    ]
    found = sorted(record.parent for record in records if record.parent.name != "control")
    if not found:
        raise NotARun(
            f"{path} holds no run", hint="give a folder that `run` wrote, or one of such folders"
        )
    return found


def records_in(places: Iterable[Path]) -> Iterator[tuple[Path, RunRecord | RecordError]]:
    """All runs at these places, one after another; instead of a record that cannot be had, why."""
    for place in places:
        try:
            runs = runs_in(place)
        except NotARun as error:
            yield place, error
            continue
        yield from ((run, _record_or_problem(run)) for run in runs)


def _record_or_problem(run: Path) -> RunRecord | RecordError:
    try:
        return load_record(run)
    except RecordError as error:
        return error


def load_record(run: Path) -> RunRecord:
    """The record of a run folder, or of a run.jsonl; a last line that was cut short is left out.

    Raises:
        NotARun: there is no record.
        RecordError: it cannot be read.
        RecordDamaged: a line before the last is none.
        UnknownSchema: another version wrote it.
    """
    path = run / RECORD_FILE if run.is_dir() else run
    try:
        with path.open("rb") as file:
            if not _begins_a_run(file.readline()):
                raise NotARun("it holds no record of a run", hint="give a folder that `run` wrote")
            file.seek(0)
            return RunRecord.from_lines(_compact(_whole_lines(file)))
    except OSError as error:
        what = f"{path} cannot be read: {os.strerror(error.errno or 0)}"
        if isinstance(error, FileNotFoundError):
            raise NotARun(what, hint="give a folder that `run` wrote") from error
        raise RecordError(what, hint="who wrote it, and may others read it?") from error
    except RecordError as error:
        raise type(error)(f"{path}: {error.what}", why=error.why, hint=error.hint) from error


def _begins_a_run(data: bytes) -> bool:
    try:
        return isinstance(decode_line(data), RunStarted)
    except RecordDamaged:
        return False


def _whole_lines(file: Iterable[bytes]) -> Iterator[Line]:
    damaged: RecordDamaged | None = None
    for data in file:
        if damaged is not None:  # it was not the last
            raise damaged
        try:
            if data.strip():
                yield decode_line(data)
        except RecordDamaged as error:
            damaged = error


def _compact(lines: Iterable[Line]) -> Iterator[Line]:
    """The lines in little memory, for a run of hours: of fast samples only new highs and the last
    one, and equal counts of actions only once.
    """
    highs: Values = {}
    actions: Actions = {}
    skipped: FastSample | None = None
    for line in lines:
        match line:
            case FastSample() if not _is_high(line, highs):
                skipped = line
            case FastSample():
                _raise(highs, line.values)
                yield line
            case CycleDone():
                yield _sharing(line, actions)
            case _:
                yield line
    if skipped is not None:
        yield skipped


def _is_high(sample: FastSample, highs: Values) -> bool:
    return any(value > highs.get(name, 0.0) for name, value in sample.values.items())


def _raise(highs: Values, values: Values) -> None:
    for name, value in values.items():
        highs[name] = max(value, highs.get(name, 0.0))


def _sharing(cycle: CycleDone, actions: Actions) -> CycleDone:
    """The cycle, whose sessions share one dict where they did the same."""
    sessions = []
    for session in cycle.sessions:
        known = actions.setdefault(tuple(session.actions.items()), session.actions)
        sessions.append(replace(session, actions=known))
    return replace(cycle, sessions=tuple(sessions))


def _not_writable(path: Path, error: OSError) -> RecordNotWritable:
    return RecordNotWritable(
        f"{path} cannot be written: {error.strerror or error}",
        hint="make room, or give another --out",
    )

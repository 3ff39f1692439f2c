"""Files that are judged without a run: tables of a series, and stored runs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from ..errors import RecordError
from ..record.record import RunRecord
from ..record.store import load_record
from ..units import format_size
from ..verdict.judge import judge
from ..verdict.outcome import Verdict
from ..verdict.stored_series import judge_series, read_series

MAX_SERIES_BYTES: Final = 64 * 2**20


def series_in(paths: Sequence[Path]) -> Iterator[tuple[str, RunRecord | RecordError]]:
    """Each table by its label, and what it holds, or why it cannot be judged.

    The label is the file's name, with its folder where two names are alike.
    """
    counts = Counter(path.name for path in paths)
    for path in paths:
        label = path.name if counts[path.name] == 1 else str(path)
        try:
            yield label, read_series(_text(path), str(path))
        except RecordError as error:
            yield label, error


def verdict_of(path: Path) -> Verdict:
    """The verdict of a table, a run folder, or its `run.jsonl`.

    Raises:
        RecordError: it cannot be read, or holds neither.
    """
    if path.suffix == ".csv":
        return judge_series(read_series(_text(path), str(path)))[0].verdict
    return judge(load_record(path)).verdict


def _text(path: Path) -> str:
    try:
        if path.stat().st_size > MAX_SERIES_BYTES:
            raise RecordError(
                f"{path} is larger than {format_size(MAX_SERIES_BYTES)}: no series is so long"
            )
        return path.read_text(encoding="utf-8-sig")  # spreadsheets put a mark in front
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is not text"
        raise RecordError(f"{path} cannot be read: {reason}") from error

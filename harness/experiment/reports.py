"""The files of a run folder that are drawn from its record: the result, the page, the plots."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import msgspec

from ..blame.blame import Blame
from ..errors import RecordLost, RecordNotWritable
from ..record.record import RunRecord
from ..record.store import BLAME_FILE, write_whole
from ..reporters import REPORTERS, html, plots
from ..verdict.outcome import Verdict
from .graphviz import draw as draw_graph

RESULT: Final = "result.json"
PAGE: Final = "report.html"


def blamed_in(folder: Path) -> Blame | None:
    """What `blame` has found out in this run folder; None where it was not asked, or its file is
    damaged.
    """
    try:
        return msgspec.json.decode((folder / BLAME_FILE).read_bytes(), type=Blame)
    except (OSError, msgspec.DecodeError, RecursionError):
        return None


def write_reports(
    folder: Path, record: RunRecord, verdict: Verdict, language: str = "en"
) -> dict[str, str]:
    """Write the result, then every report into the folder.

    Returns:
        The reports that could not be drawn or written, each with the reason.

    Raises:
        RecordLost: the result cannot be written.
    """
    pictures: dict[str, bytes] = {}

    def page(record: RunRecord, verdict: Verdict) -> bytes:
        return html.render(
            record, verdict, language, blamed_in(folder), pictures, draw_graph=draw_graph
        )

    draws = dict(REPORTERS)
    try:
        write_whole(folder / RESULT, draws.pop(RESULT)(record, verdict))
    except RecordNotWritable as error:
        raise RecordLost(
            error.what, why=f"the verdict is {verdict.summary}", hint=error.hint
        ) from error
    unwritten: dict[str, str] = {}
    # Pictures come first, for the page holds them.
    for name, draw in {**plots.FILES, **draws, PAGE: page}.items():
        try:
            drawn = draw(record, verdict)
            if name in plots.FILES:
                pictures[name] = drawn
            write_whole(folder / name, drawn)
        except RecordNotWritable as error:
            unwritten[name] = error.what
        except Exception as error:  # noqa: BLE001 - a report takes no verdict with it
            unwritten[name] = f"{type(error).__name__}: {error}"
    return unwritten

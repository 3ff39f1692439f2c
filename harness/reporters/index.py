"""A page over many runs: when, what, the verdict, how much, and a link to each report."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from ..record.facts import duration_s
from ..record.record import RunRecord
from ..units import format_time
from ..verdict.outcome import Verdict
from .contract import Report
from .facts import rows, sentence
from .templates import draw_page, page_file, raw


@dataclass(frozen=True, slots=True)
class Entry:
    """One run and its folder."""

    folder: str
    record: RunRecord
    verdict: Verdict


@dataclass(frozen=True, slots=True)
class Index:
    """The runs of a page, and the folder that the page lies in: links are relative to it."""

    entries: Sequence[Entry]
    folder: Path


def render(index: Index) -> bytes:
    """The whole page, the latest run first."""
    latest_first = sorted(
        index.entries, key=lambda entry: entry.record.started.started_at, reverse=True
    )
    return draw_page(
        "index.html.j2",
        runs=[_row(entry, index.folder) for entry in latest_first],
        styles=raw(page_file("report.css")),
    )


def _row(entry: Entry, folder: Path) -> dict[str, str]:
    record, verdict = entry.record, entry.verdict
    memory = next((row for row in rows(verdict) if row.gate == "memory"), None)
    return {
        "link": Path(os.path.relpath(Path(entry.folder) / "report.html", folder)).as_posix(),
        "started": record.started.started_at,
        "scenario": record.started.scenario,
        "verdict": verdict.name,
        "sentence": sentence(verdict),
        "growth": memory.growth if memory else "",
        "sessions": f"{record.sessions:,}",
        "time": format_time(duration_s(record)),
        "finding": verdict.findings[0].summary if verdict.findings else "",
    }


REPORTS: Final[dict[str, Report[Index]]] = {"index.html": render}

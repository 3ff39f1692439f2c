"""summary.md: the verdict for the summary page of a CI job or a comment on a change."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Final

from ..record.record import RunRecord
from ..verdict.accounted import accounted_words
from ..verdict.consequences import nested
from ..verdict.outcome import Verdict
from .contract import RunReports
from .escaping import markdown
from .facts import (
    account,
    failures,
    incidents,
    kept_with,
    not_read,
    rows,
    sentence,
)
from .places import with_short_paths

_COLUMNS: Final = (
    "gate",
    "outcome",
    "growth per session",
    "bounds",
    "limit",
    "first → last",
    "why",
)
_PLAIN_COMMAND: Final = re.compile(r"leak-harness [\w ./:=,'\"{}+?&%-]+")
"""Nothing that Markdown or HTML would read: in a block it is shown as it is, and can be copied."""


def render(record: RunRecord, verdict: Verdict) -> bytes:
    """The bytes of the whole file."""
    verdict = with_short_paths(record, verdict)
    lines = [f"## leak-harness: {verdict.name}", "", markdown(sentence(verdict)), ""]
    findings = [
        ". ".join(filter(None, (nest.finding.summary, kept_with(nest), nest.finding.advice)))
        for nest in nested(verdict.findings)
    ]
    lines += _list("Cause", findings)
    if words := accounted_words(verdict):
        lines += [f"{words}.", ""]
    lines += _list("Why there is no finding", [verdict.unexplained] if verdict.unexplained else [])
    lines += _list("Failed sessions", failures(record))
    lines += _list("Incidents", incidents(record))
    lines += _list("Doubts", verdict.doubts)
    lines += _list("Not read", not_read(record, verdict))
    if verdict.gates:
        lines += ["### Gates", "", *_table(verdict), ""]
    lines += [markdown(account(record)), ""]
    command = record.started.target.get("command_line", "")
    if verdict.name != "flat" and _PLAIN_COMMAND.fullmatch(command):
        lines += ["### Run it again", "", f"    {command}", ""]
    return "\n".join(lines).encode()


def _table(verdict: Verdict) -> Iterator[str]:
    yield _table_line(_COLUMNS)
    yield _table_line(["---"] * len(_COLUMNS))
    for row in rows(verdict):
        cells = (
            row.gate,
            row.finding,
            row.growth,
            row.bounds,
            row.limit,
            ", ".join(row.changes),
            row.reason,
        )
        yield _table_line([markdown(cell) for cell in cells])


def _table_line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _list(title: str, items: Sequence[str]) -> list[str]:
    return [f"### {title}", "", *(f"- {markdown(item)}" for item in items), ""] if items else []


FILES: Final[RunReports] = {"summary.md": render}

"""The last lines of a run on the terminal: the verdict, how much, and the table of gates."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from io import StringIO
from operator import attrgetter
from typing import TYPE_CHECKING, Final

from ..errors import ExitStatus
from ..record.record import RunRecord
from ..units import format_time
from ..verdict.accounted import accounted_words
from ..verdict.advice import next_step
from ..verdict.consequences import Nest, nested
from ..verdict.outcome import Status, Verdict, VerdictName
from ..verdict.rows import Row
from .contract import ScreenText
from .escaping import code_line, log_lines, one_line
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

if TYPE_CHECKING:
    from rich.table import Table

_STYLES: Final = {
    VerdictName.FLAT: "bold green",
    VerdictName.LEAK: "bold red",
    VerdictName.DEGRADED: "bold red",
    Status.FLAT: "green",
    Status.LEAK: "bold red",
    Status.DRIFT: "bold red",
    Status.INCONCLUSIVE: "yellow",
    Status.NOT_MEASURED: "dim",
}
_PLAIN: Final = str.maketrans({"→": "->", "×": "x"})
_MIN_WIDTH: Final = 80
_WIDE: Final = 100
_MAX_LINES: Final = 5
"""Of each list under the table; the report has them all."""


def render(record: RunRecord, verdict: Verdict, width: int = 100, terminal: bool = False) -> str:
    """The verdict in colour for a terminal, or in plain characters that any log takes; at least
    80 columns wide.
    """
    from rich.console import Console
    from rich.text import Text

    verdict = with_short_paths(record, verdict)
    out = StringIO()
    console = Console(
        file=out,
        width=max(width, _MIN_WIDTH),
        force_terminal=terminal,
        color_system="standard" if terminal else None,
    )
    name = (verdict.name.upper(), _STYLES.get(verdict.name, "bold yellow"))
    console.print(Text.assemble(name, "  ", one_line(sentence(verdict))))
    nests = nested(verdict.findings)
    for line in _cause(verdict, nests):
        console.print(Text(line))
    console.print(Text(one_line(account(record)), style="dim"))
    if _is_measured(verdict):
        console.print(_table(rows(verdict), width, terminal))
    for line in _notes(record, verdict, nests[1:]):
        console.print(Text(one_line(line)))
    return log_lines(out.getvalue())


def _is_measured(verdict: Verdict) -> bool:
    """Whether any gate has readings. A server may fail before the first sample."""
    return any(gate.outcome is not Status.NOT_MEASURED for gate in verdict.gates.values())


def _table(gates: list[Row], width: int, terminal: bool) -> Table:
    """One line a gate; the bounds are left to the report where there is little room."""
    from rich import box
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.SIMPLE_HEAD if terminal else box.ASCII2, pad_edge=False)
    numbers = {
        "per session": attrgetter("growth"),
        "bounds": attrgetter("bounds"),
        "limit": attrgetter("limit"),
    }
    if width < _WIDE:
        del numbers["bounds"]
    table.add_column("gate", no_wrap=True)
    table.add_column("outcome", min_width=14)
    for header in numbers:
        table.add_column(header, justify="right", no_wrap=True)
    table.add_column("first, last")
    for row in gates:
        words = [*(read(row) for read in numbers.values()), "\n".join(row.changes)]
        cells = [Text("\n".join(map(one_line, word.splitlines()))) for word in words]
        if not terminal:
            cells = [Text(cell.plain.translate(_PLAIN)) for cell in cells]
        table.add_row(Text(row.gate), Text(row.finding, style=_style(row)), *cells)
    return table


def _cause(verdict: Verdict, nests: Sequence[Nest]) -> Iterator[str]:
    """What most says why, directly below the headline, with its source and what to do."""
    for nest in nests[:1]:
        word = "cause" if nest.finding.severity == "leak" else "notice"
        yield one_line(f"{word}: {nest.finding.summary}")
        if kept := kept_with(nest):
            yield f"  {one_line(kept)}"
        yield from map(code_line, nest.finding.source)
    advice = next_step(verdict)
    if verdict.exit_status is ExitStatus.LEAK and advice and advice != verdict.unexplained:
        yield one_line(f"what to do: {advice}")


def _style(row: Row) -> str:
    return "yellow" if row.allowed else _STYLES[row.outcome]


def _notes(record: RunRecord, verdict: Verdict, others: Sequence[Nest]) -> Iterator[str]:
    """What the table leaves open, and what makes its numbers doubtful."""
    by_reason: dict[str, list[str]] = {}
    for row in rows(verdict):
        if row.reason and row.outcome != Status.FLAT and _is_measured(verdict):
            by_reason.setdefault(row.reason, []).append(row.gate)
    yield from (f"{', '.join(gates)}: {reason}" for reason, gates in by_reason.items())
    yield from (
        f"{run.folder}: {run.verdict}, {run.sessions} sessions, {format_time(run.duration_s)}"
        for run in verdict.runs
    )
    if verdict.control:
        yield f"control: {verdict.control}"
    summaries = (
        ". ".join(filter(None, (nest.finding.summary, kept_with(nest)))) for nest in others
    )
    yield from _shortened("finding", list(summaries))
    if words := accounted_words(verdict):
        yield f"growth: {words[0].lower()}{words[1:]}"
    if verdict.unexplained:
        yield f"no finding: {verdict.unexplained}"
    yield from _shortened("doubt", verdict.doubts)
    yield from _shortened("not read", not_read(record, verdict))
    yield from _shortened("failed", failures(record))
    yield from _shortened("incident", incidents(record))


def _shortened(label: str, lines: Sequence[str]) -> Iterator[str]:
    yield from (f"{label}: {line}" for line in lines[:_MAX_LINES])
    if len(lines) > _MAX_LINES:
        yield f"{label}: and {len(lines) - _MAX_LINES} more, see the report"


SCREEN: Final[ScreenText[Verdict]] = render

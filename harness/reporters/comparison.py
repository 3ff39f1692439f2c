"""compare.md, compare.png, compare.json: two runs side by side."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

import msgspec
import numpy as np

from harness.across_runs.compare import Comparison, Figure, Row
from harness.record.record import RunRecord
from harness.reporters import canvas
from harness.reporters.facts import clean
from harness.units import format_size, format_time
from harness.verdict.outcome import Finding
from harness.verdict.rows import format_percent

_WRITE: Final = {"bytes": format_size, "seconds": format_time, "percent": format_percent}


def text(comparison: Comparison) -> str:
    """The tables in Markdown, which a terminal shows as well."""
    parts: list[str] = []
    for title, rows in (
        ("memory", (*comparison.memory, comparison.growth)),
        ("reply latency", comparison.latency),
        ("CPU", comparison.cpu),
    ):
        if rows:
            parts += [*_table(title, rows), ""]
    for title, findings in (
        ("gone", comparison.gone),
        ("stayed", comparison.stayed),
        ("came", comparison.came),
    ):
        if findings:
            parts += [
                f"Findings that {'have ' if title == 'gone' else ''}{title}:",
                *_list(findings),
                "",
            ]
    end = (
        "worse: it grows by more than the limit beyond the first"
        if comparison.is_worse
        else "not worse"
    )
    told = f"The second run is {end} (limit {format_size(comparison.limit)} a session)."
    if not comparison.is_worse and comparison.unseen > comparison.limit:
        told += (
            f"\n{format_size(comparison.unseen)} a session more might not have been seen: more "
            f"--cycles see less."
        )
    if comparison.unknown:
        told = f"Whether the second run is worse is not known: {comparison.unknown}"
    return clean("\n".join([*parts, told]) + "\n")


def _table(title: str, rows: Sequence[Row]) -> Iterator[str]:
    cells = [(title, "before", "after", "improvement"), ("---", "---:", "---:", "---:")]
    for row in rows:
        share = row.improvement
        cells.append(
            (
                row.what,
                _figure(row.before, row.unit),
                _figure(row.after, row.unit),
                "" if share is None else f"{share:.0%}",
            )
        )
    widths = [max(len(line[column]) for line in cells) for column in range(4)]
    for line in cells:
        filled = [
            line[0].ljust(widths[0]),
            *(cell.rjust(width) for cell, width in zip(line[1:], widths[1:], strict=True)),
        ]
        yield f"| {' | '.join(filled)} |"


def _figure(figure: Figure, unit: str) -> str:
    write = _WRITE[unit]
    if figure.value is None:
        return "–"
    around = (
        ""
        if figure.low is None or figure.high is None
        else f" ({write(figure.low)} … {write(figure.high)})"
    )
    return f"{write(figure.value)}{around}"


def _list(findings: Sequence[Finding]) -> Iterator[str]:
    yield from (f"- {one.kind} {one.type} ({one.fingerprint})" for one in findings)


def as_json(comparison: Comparison) -> bytes:
    """All numbers."""
    data = {**msgspec.to_builtins(comparison), "worse": comparison.is_worse}
    return msgspec.json.format(msgspec.json.encode(data), indent=2) + b"\n"


def plot(before: RunRecord, after: RunRecord) -> bytes:
    """Both courses of memory at rest in one picture."""
    drawn, axes = canvas.figure(4.5)
    (axis,) = axes
    canvas.title(axis, "Memory at rest", None, "")
    series = [
        one.series("uss") if len(one.series("uss").x) else one.series("rss")
        for one in (before, after)
    ]
    unit, size = canvas.size_unit(max(one.x.max(initial=0) for one in series))
    for one, color, label in zip(
        series, (canvas.VERMILION, canvas.GREEN), ("before", "after"), strict=True
    ):
        canvas.line(axis, one.t, one.x / size, color, label)
    axis.set_ylabel(f"memory ({unit})", color=canvas.INK)
    axis.set_ylim(bottom=0)
    return canvas.finish(drawn, axes, int(max(np.max(one.t, initial=1) for one in series)))

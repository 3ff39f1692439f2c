"""compare.md, compare.png, compare.json: two runs side by side."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final

import msgspec
import numpy as np

from ..across_runs.compare import Comparison, Figure, Row
from ..record.metrics import METRICS, names
from ..record.record import RunRecord
from ..units import format_percent, format_size, format_time
from ..verdict.outcome import Finding
from . import canvas
from .contract import Report
from .escaping import clean, markdown

_WRITE: Final = {"bytes": format_size, "seconds": format_time, "percent": format_percent}


@dataclass(frozen=True, slots=True)
class Compared:
    """Two runs, and what was made of them."""

    comparison: Comparison
    before: RunRecord
    after: RunRecord


def text(comparison: Comparison) -> str:
    """The tables in Markdown, which a terminal shows as well."""
    parts: list[str] = []
    tables = {
        "memory": (*comparison.memory, _growth(comparison)),
        "reply latency": comparison.latency,
        "CPU": comparison.cpu,
    }
    for title, rows in tables.items():
        if rows:
            parts += [*_table(title, rows), ""]
    lists = {
        "Findings that have gone:": comparison.gone,
        "Findings that stayed:": comparison.stayed,
        "Findings that came:": comparison.came,
    }
    for title, findings in lists.items():
        if findings:
            parts += [title, *_list(findings), ""]
    return clean("\n".join([*parts, _answer(comparison)]) + "\n")


def _answer(comparison: Comparison) -> str:
    """Whether the second run is worse, and how much worse it could be unseen."""
    if comparison.unknown:
        return f"Whether the second run is worse is not known: {comparison.unknown}"
    limit = f"(limit {format_size(comparison.limit)} per session)"
    if comparison.is_worse:
        return f"The second run is worse: it grows by more than the limit beyond the first {limit}."
    answer = f"The second run is not worse {limit}."
    if comparison.is_better:
        before, after = comparison.growth.before.value, comparison.growth.after.value
        less = format_size((before or 0.0) - (after or 0.0))
        answer = f"The second run is better: it grows by {less} per session less {limit}."
    if comparison.unseen > comparison.limit:
        answer += (
            f"\nDifferences under {format_size(comparison.unseen)} per session would be missed. "
            f"Use --cycles {comparison.cycles_needed}."
        )
    return answer


def _growth(comparison: Comparison) -> Row:
    """With the metric that it is of."""
    metric = METRICS.get(comparison.metric)
    if metric is None:
        return comparison.growth
    return replace(comparison.growth, what=f"{comparison.growth.what} ({metric.label})")


def _table(title: str, rows: Sequence[Row]) -> Iterator[str]:
    cells = [(title, "before", "after", "improvement"), ("---", "---:", "---:", "---:")]
    for row in rows:
        share = row.improvement
        cells.append(
            (
                markdown(row.what),
                _figure(row.before, row.unit),
                _figure(row.after, row.unit),
                "" if share is None else f"{share:.0%}",
            )
        )
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
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
    if figure.low is None or figure.high is None:
        return write(figure.value)
    return f"{write(figure.value)} ({write(figure.low)} … {write(figure.high)})"


def _list(findings: Sequence[Finding]) -> Iterator[str]:
    for finding in findings:
        yield f"- {markdown(finding.summary.partition('. ')[0])} ({finding.fingerprint})"


def as_json(comparison: Comparison) -> bytes:
    """All numbers, as JSON."""
    answers = {"worse": comparison.is_worse, "better": comparison.is_better}
    data = {**msgspec.to_builtins(comparison), **answers}
    return msgspec.json.format(msgspec.json.encode(data), indent=2) + b"\n"


def plot(compared: Compared) -> bytes:
    """Both courses of memory at rest in one picture."""
    drawn, axes = canvas.figure(4.5)
    (axis,) = axes
    canvas.title(axis, "Memory at rest", None, "")
    runs = {"before": compared.before, "after": compared.after}
    metric = compared.comparison.metric or names.USS
    series = {name: run.series(metric) for name, run in runs.items()}
    unit, size = canvas.size_unit(max(course.x.max(initial=0) for course in series.values()))
    colors = (canvas.VERMILION, canvas.GREEN)
    for (name, course), color in zip(series.items(), colors, strict=True):
        canvas.line(axis, course.t, course.x / size, color, name)
    axis.set_ylabel(f"{METRICS[metric].label} ({unit})", color=canvas.INK)
    axis.set_ylim(bottom=0)
    sessions = max(np.max(course.t, initial=1) for course in series.values())
    return canvas.finish(drawn, axes, int(sessions))


REPORTS: Final[dict[str, Report[Compared]]] = {
    "compare.md": lambda compared: text(compared.comparison).encode(),
    "compare.json": lambda compared: as_json(compared.comparison),
    "compare.png": plot,
}

"""history.md, history.html and history.png: runs over time, their steps, and what is new."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import cycle
from typing import TYPE_CHECKING, Final, Protocol

import numpy as np

from ..across_runs.change_points import Change, by_target, findings_since
from ..units import SIZE_UNITS, TIME_UNITS_S, format_percent, format_size, format_time
from . import canvas
from .contract import Report
from .escaping import clean, log_lines, markdown, one_line
from .templates import draw_page, page_file, raw

if TYPE_CHECKING:
    from collections.abc import Callable

_WRITE: Final[Mapping[str, Callable[[float], str]]] = {
    "growth_bytes": format_size,
    "rest_bytes": format_size,
    "reply_s": format_time,
    "idle_cpu_percent": format_percent,
}
_COLORS: Final = (canvas.BLUE, canvas.ORANGE, canvas.GREEN, canvas.PURPLE, canvas.INK)
_MAX_LEGEND: Final = 40
_MAX_SUMMARY: Final = 160
"""Characters of a summary that are shown."""
_LATEST: Final = 20
"""Runs in the table of history.md."""
_COLUMNS: Final = 80
_HEADERS: Final = ("started", "commit", "verdict", "growth", "at rest", "reply", "CPU")
_WIDTHS: Final = (16, 7, 13, 9, 8, 7, 6)
"""Of the columns on a terminal: with two blanks between them, 78."""
_MAX_DIGITS: Final = 6
NAMES: Final = {
    "growth_bytes": "memory per session",
    "rest_bytes": "memory at rest",
    "reply_s": "reply latency",
    "idle_cpu_percent": "CPU at rest",
}


class Run(Protocol):
    """What the history needs of a run."""

    @property
    def started_at(self) -> str: ...  # noqa: D102
    @property
    def revision(self) -> str: ...  # noqa: D102
    @property
    def scenario(self) -> str: ...  # noqa: D102
    @property
    def target(self) -> str: ...  # noqa: D102
    @property
    def verdict(self) -> str: ...  # noqa: D102
    @property
    def findings(self) -> Mapping[str, str]: ...  # noqa: D102


@dataclass(frozen=True, slots=True)
class Runs:
    """Runs over time, the oldest first, and the steps of each figure in `NAMES`."""

    runs: Sequence[Run]
    steps: Mapping[str, Sequence[Change]]


def text(history: Runs) -> bytes:
    """In Markdown: steps first, then findings, then the latest runs."""
    lines = [f"- {markdown(line)}" for line in _lines(history)]
    lines += [
        "",
        f"| started | commit | scenario | target | verdict | {' | '.join(NAMES.values())} |",
        "|---|---|---|---|---|---:|---:|---:|---:|",
    ]
    for run in history.runs[-_LATEST:]:
        lines.append(f"| {' | '.join(map(markdown, _cells(run)))} |")
    return (clean("\n".join(lines)) + "\n").encode()


def screen(history: Runs) -> str:
    """For a terminal of 80 columns: steps and findings, then the latest runs of each server."""
    lines = [
        part
        for line in _lines(history)
        for part in textwrap.wrap(one_line(line), _COLUMNS, initial_indent="- ",
                                  subsequent_indent="  ")
    ]  # fmt: skip
    groups: dict[tuple[str, str], list[Run]] = {}
    for run in history.runs:
        groups.setdefault((run.scenario, run.target), []).append(run)
    for (scenario, target), runs in groups.items():
        title = textwrap.shorten(one_line(f"{scenario}, {target}"), _COLUMNS, placeholder=" ...")
        lines += ["", title, _screen_row(_HEADERS)]
        for run in runs[-_LATEST:]:
            started = run.started_at[:16].replace("T", " ")
            figures = [_cell(run, name) for name in NAMES]
            lines.append(_screen_row((started, run.revision[:7], run.verdict, *figures)))
    return log_lines("\n".join(lines) + "\n")


def _screen_row(cells: Sequence[str]) -> str:
    words = [one_line(cell).ljust(width) for cell, width in zip(cells, _WIDTHS, strict=False)]
    numbers = [cell.rjust(width) for cell, width in zip(cells[3:], _WIDTHS[3:], strict=True)]
    return "  ".join([*words[:3], *numbers]).rstrip()


def page(history: Runs) -> bytes:
    """One file for a browser, with the picture in it, the latest run first."""
    from base64 import b64encode

    return draw_page(
        "history.html.j2",
        runs=[_cells(run) for run in history.runs],
        lines=list(_lines(history)),
        names=list(NAMES.values()),
        picture=b64encode(plot(history)).decode(),
        styles=raw(page_file("report.css")),
    )


def _cells(run: Run) -> list[str]:
    words = [run.started_at, run.revision[:10], run.scenario, run.target, run.verdict]
    return words + [_cell(run, name) for name in NAMES]


def _lines(history: Runs) -> Iterator[str]:
    """What a reader should know first: steps, then findings."""
    yield from _steps(history)
    yield from _findings(history.runs)


def _beginning(runs: Sequence[Run], target: str) -> str:
    """Which server a line is about, where there are several."""
    return f"{target}: " if any(run.target != target for run in runs) else ""


def _steps(history: Runs) -> Iterator[str]:
    runs = history.runs
    for name, changes in history.steps.items():
        for change in changes:
            write, run = _WRITE[name], runs[change.at]
            step = f"{NAMES[name]}: {write(change.before)} → {write(change.after)}"
            step = f"{_beginning(runs, run.target)}{step}"
            commit = f", commit {run.revision[:10]}" if run.revision else ""
            if change.confirmed:
                yield f"{step} from {run.started_at} on{commit}"
            else:
                yield f"suspected: {step} in its last run; run again to confirm"
    if not any(history.steps.values()):
        yield f"no step in {len(runs)} runs"


def _findings(runs: Sequence[Run]) -> Iterator[str]:
    for target, places in by_target(runs).items():
        for title, findings in findings_since([runs[at].findings for at in places]).items():
            for fingerprint, summary in findings.items():
                shortened = summary[:_MAX_SUMMARY]
                yield f"{_beginning(runs, target)}{title}: {shortened} ({fingerprint})"


def _cell(run: Run, name: str) -> str:
    value = getattr(run, name)
    return "" if value is None else _WRITE[name](value)


def ticks(values: Sequence[float], write: Callable[[float], str]) -> list[str]:
    """Labels that differ where the values do: with as many more digits as that takes."""
    labels = [write(value) for value in values]
    if len(set(labels)) == len(labels):
        return labels
    unit = re.sub(r"^[-\d.,]+", "", write(max(values, key=abs)))
    factor = {**SIZE_UNITS, **TIME_UNITS_S}.get(unit, 1)
    for digits in range(1, _MAX_DIGITS):
        labels = [f"{value / factor:.{digits}f}{unit}" for value in values]
        if len(set(labels)) == len(labels):
            break
    return labels


def plot(history: Runs) -> bytes:
    """Each figure over the runs, a line for each server, with its steps."""
    runs, targets = history.runs, by_target(history.runs)
    colors = dict(zip(targets, cycle(_COLORS), strict=False))
    drawn, axes = canvas.figure(8, panel_heights=(1,) * len(NAMES))
    canvas.title(axes[0], "History", None, "")
    for axis, (name, label) in zip(axes, NAMES.items(), strict=True):
        for target, places in targets.items():
            values = ((at, getattr(runs[at], name)) for at in places)
            points = [(at, value) for at, value in values if value is not None]
            if points:
                t, y = np.array(points, dtype=np.float64).T
                legend = target[:_MAX_LEGEND] if len(targets) > 1 and axis is axes[0] else "_"
                canvas.line(axis, t, y, colors[target], legend)
        for change in history.steps.get(name, ()):
            color = colors[runs[change.at].target] if len(targets) > 1 else canvas.VERMILION
            axis.axvline(change.at, color=color, linestyle="--", linewidth=1)
        axis.set_ylabel(label, color=canvas.INK, fontsize=8)
        places = axis.get_yticks().tolist()
        axis.set_yticks(places, labels=ticks(places, _WRITE[name]))
    axes[-1].set_xlabel("runs, the oldest first", color=canvas.INK)
    return canvas.finish(drawn, axes, max(1, len(runs) - 1))


REPORTS: Final[dict[str, Report[Runs]]] = {
    "history.md": text,
    "history.html": page,
    "history.png": plot,
}

"""history.md and history.png: runs over time, their steps, and what is new."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import cycle
from typing import TYPE_CHECKING, Final, Protocol

import numpy as np

from harness.across_runs.change_points import Change, by_target, findings_since
from harness.reporters import canvas
from harness.reporters.facts import clean
from harness.reporters.html import page_file
from harness.units import format_size, format_time
from harness.verdict.rows import format_percent

if TYPE_CHECKING:
    from collections.abc import Callable

_WRITE: Final[Mapping[str, Callable[[float], str]]] = {
    "growth_bytes": format_size,
    "rest_bytes": format_size,
    "reply_s": format_time,
    "idle_cpu_percent": format_percent,
}
_COLORS: Final = (canvas.BLUE, canvas.ORANGE, canvas.GREEN, canvas.PURPLE, canvas.INK)
_LONGEST_LEGEND: Final = 40
NAMES: Final = {
    "growth_bytes": "memory per session",
    "rest_bytes": "memory at rest",
    "reply_s": "reply latency",
    "idle_cpu_percent": "CPU at rest",
}


class Run(Protocol):
    """What is told of a run."""

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


def text(runs: Sequence[Run], steps: Mapping[str, Sequence[Change]]) -> str:
    """Steps first, then findings, then the latest runs."""
    lines = [*_steps(runs, steps), *_findings(runs), ""]
    lines += [
        f"| started | commit | scenario | target | verdict | {' | '.join(NAMES.values())} |",
        "|---|---|---|---|---|---:|---:|---:|---:|",
    ]
    lines += [
        f"| {' | '.join(cell.replace('|', '¦') for cell in _cells(run))} |" for run in runs[-20:]
    ]
    return clean("\n".join(lines)) + "\n"


_TEMPLATE: Final = """<!doctype html>
<html lang="en"><head><meta charset="utf-8">
<meta http-equiv="Content-Security-Policy"
 content="default-src 'none'; style-src 'unsafe-inline'; img-src data:">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>History of {{ runs | length }} runs</title>
<style>{{ styles | safe }}</style></head><body><h1>History</h1>
<ul>{% for line in told %}<li>{{ line }}</li>{% endfor %}</ul>
<img src="data:image/png;base64,{{ picture }}"
 alt="{{ names | join(', ') }} over {{ runs | length }} runs">
<div class="wide"><table><thead><tr>
<th>started</th><th>commit</th><th>scenario</th><th>target</th><th>verdict</th>
{% for name in names %}<th class="number">{{ name }}</th>{% endfor %}</tr></thead><tbody>
{% for cells in runs | reverse %}<tr>{% for cell in cells %}
<td class="{% if loop.index > 5 %}number{% elif loop.index == 5 %}outcome {{ cell }}{% endif %}">
{{- cell -}}</td>
{% endfor %}</tr>{% endfor %}</tbody></table></div></body></html>
"""


def page(runs: Sequence[Run], steps: Mapping[str, Sequence[Change]]) -> bytes:
    """The same as one file for a browser, with the picture in it, the latest run first."""
    from base64 import b64encode

    from jinja2 import Environment, StrictUndefined

    told = [line.removeprefix("- ") for line in (*_steps(runs, steps), *_findings(runs))]
    html = (
        Environment(autoescape=True, undefined=StrictUndefined)
        .from_string(_TEMPLATE)
        .render(
            runs=[_cells(run) for run in runs],
            told=told,
            names=list(NAMES.values()),
            picture=b64encode(plot(runs, steps)).decode(),
            styles=page_file("report.css"),
        )
    )
    return clean(html).encode()


def _cells(run: Run) -> list[str]:
    words = [run.started_at, run.revision[:10], run.scenario, run.target, run.verdict]
    return words + [_cell(run, name) for name in NAMES]


def _beginning(runs: Sequence[Run], target: str) -> str:
    """Which server a line is about, where there are several."""
    return f"{target}: " if any(run.target != target for run in runs) else ""


def _steps(runs: Sequence[Run], steps: Mapping[str, Sequence[Change]]) -> Iterator[str]:
    for name, found in steps.items():
        for one in found:
            write, run = _WRITE[name], runs[one.at]
            words = (
                f"{_beginning(runs, run.target)}{NAMES[name]}: {write(one.before)} → "
                f"{write(one.after)}"
            )
            where = f"from {run.started_at} on" + (
                f", commit {run.revision[:10]}" if run.revision else ""
            )
            yield (
                f"- {words} {where}"
                if one.confirmed
                else f"- suspected: {words} in its last run; run again to confirm"
            )
    if not any(steps.values()):
        yield f"no step in {len(runs)} runs"


def _findings(runs: Sequence[Run]) -> Iterator[str]:
    for target, places in by_target(runs).items():
        for title, found in findings_since([runs[at].findings for at in places]).items():
            for fingerprint, words in found.items():
                yield f"- {_beginning(runs, target)}{title}: {words[:160]} ({fingerprint})"


def _cell(run: Run, name: str) -> str:
    value = getattr(run, name)
    return "" if value is None else _WRITE[name](value)


def _ticks(name: str) -> Callable[[float, float], str]:
    return lambda value, _: _WRITE[name](value)


def plot(runs: Sequence[Run], steps: Mapping[str, Sequence[Change]]) -> bytes:
    """Each figure over the runs, a line for each server, with its steps."""
    targets = by_target(runs)
    colors = dict(zip(targets, cycle(_COLORS), strict=False))
    drawn, axes = canvas.figure(8, panel_heights=(1,) * len(NAMES))
    canvas.title(axes[0], "History", None, "")
    for axis, (name, label) in zip(axes, NAMES.items(), strict=True):
        for target, places in targets.items():
            points = [
                (at, getattr(runs[at], name))
                for at in places
                if getattr(runs[at], name) is not None
            ]
            if points:
                t, y = np.array(points, dtype=np.float64).T
                legend = target[:_LONGEST_LEGEND] if len(targets) > 1 and axis is axes[0] else "_"
                canvas.line(axis, t, y, colors[target], legend)
        for one in steps.get(name, ()):
            color = colors[runs[one.at].target] if len(targets) > 1 else canvas.VERMILION
            axis.axvline(one.at, color=color, linestyle="--", linewidth=1)
        axis.set_ylabel(label, color=canvas.INK, fontsize=8)
        axis.yaxis.set_major_formatter(_ticks(name))
    axes[-1].set_xlabel("runs, the oldest first", color=canvas.INK)
    return canvas.finish(drawn, axes, max(1, len(runs) - 1))

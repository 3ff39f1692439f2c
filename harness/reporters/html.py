"""report.html: one file that opens offline. Everything in it is escaped: names and failures are
a server's words.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from math import isfinite
from typing import Any, Final

import msgspec

from ..blame.blame import Blame, Share
from ..record.metrics import METRICS
from ..record.record import RunRecord
from ..units import format_count, format_percent, format_size, format_time
from ..verdict.accounted import accounted_words
from ..verdict.consequences import nested
from ..verdict.gates.memory import MemoryGate, limit_of_metric
from ..verdict.outcome import Status, Verdict, VerdictName
from . import plots
from .charts import Chart, charts
from .contract import RunReports
from .facts import account, failures, incidents, not_read, rows, sentence
from .kind_words import OF_FINDINGS, explained
from .places import with_short_paths
from .policy_words import policy_words
from .reference_graph import graph_of, svg
from .templates import draw_page, page_file, raw
from .translation import Say, advice_in, say_in, sentence_in
from .why import why

_COMMAND: Final = "command_line"
"""The entry of a target that holds what the user typed."""
_TABLE_ROWS: Final = 12
_CAPTIONS: Final = {
    "growth": "Growth since the warm-up, next to what the limit allows",
    "memory": "Memory at rest",
    "latency": "Time of replies: 5 % to 95 % of them, and the median",
    "cpu": "CPU, in percent of one core",
    "counters": "Counts, as growth since the start",
}
"""Of charts. That of a metric has the metric's name."""
_FORMATS: Final = {
    "bytes": format_size,
    "seconds": format_time,
    "percent": format_percent,
    "count": format_count,
}


def render(
    record: RunRecord,
    verdict: Verdict,
    language: str = "en",
    blamed: Blame | None = None,
    pictures: Mapping[str, bytes] | None = None,
    *,
    draw_graph: Callable[[str], str] = svg,
    progress: str = "",
) -> bytes:
    """The whole file.

    Args:
        record: the run.
        verdict: what was decided.
        language: English (`en`) or Chinese (`zh`).
        blamed: what each action leaves, where that was asked.
        pictures: the plots by file name, where they have been drawn already: drawing them takes
            longest.
        draw_graph: makes SVG of a reference graph in DOT.
        progress: how far a run is that still goes on: it has no verdict yet.
    """
    say = say_in(language)
    dots = {finding.fingerprint: graph_of(record, finding) for finding in verdict.findings}
    graphs = {fingerprint: raw(draw_graph(dot)) for fingerprint, dot in dots.items()}
    drawn = charts(record, verdict)
    verdict = with_short_paths(record, verdict)
    name = "running" if progress else str(verdict.name)
    nests = [] if progress else nested(verdict.findings)
    if pictures is None:
        pictures = {name: draw(record, verdict) for name, draw in plots.FILES.items()}
    return draw_page(
        "report.html.j2",
        record=record,
        verdict=verdict,
        language=language,
        say=say,
        name=name,
        sentence=progress or sentence_in(language, verdict, record.sessions, sentence(verdict)),
        advice="" if progress else advice_in(language, verdict),
        accounted=accounted_words(verdict),
        nests=nests,
        meaning=OF_FINDINGS,
        error=_error(record, verdict),
        scale=None if progress else _scale(verdict),
        rows=rows(verdict),
        explained=explained,
        why=why(verdict, say),
        charts=[_Drawn(chart, say) for chart in drawn],
        plots={name: b64encode(picture).decode() for name, picture in pictures.items()},
        unseen=list(_unseen(record, verdict, say)),
        guilty=_guilty(blamed, say),
        blamed=_blamed(blamed, say),
        graphs=graphs,
        data=raw(_json([_translated(chart, say) for chart in drawn])),
        **_told_of(record),
        **_assets(),
    )


def _told_of(record: RunRecord) -> dict[str, Any]:
    """What the page tells of the run, whatever was decided."""
    target = record.started.target
    return {
        "account": account(record),
        "incidents": incidents(record),
        "failures": failures(record),
        "command": target.get(_COMMAND, ""),
        "target": {name: value for name, value in target.items() if name != _COMMAND},
        "policy": policy_words(record.started.policy),
    }


def _assets() -> dict[str, Any]:
    """The files that the page has in itself."""
    return {
        "styles": raw(page_file("uPlot-1.6.32.min.css") + page_file("report.css")),
        "library": raw(page_file("uPlot-1.6.32.min.js")),
        "script": raw(page_file("report.js")),
    }


def _error(record: RunRecord, verdict: Verdict) -> str:
    """What made the server fail, in full; empty where it did not."""
    if verdict.name is not VerdictName.SERVER_FAILED:
        return ""
    fatal = [incident.what for incident in record.incidents if incident.fatal]
    return fatal[0] if fatal else "\n".join(failures(record)[:1])


def _json(data: Any) -> str:
    """For a script element: nothing in it can end the element."""
    return msgspec.json.encode(data, enc_hook=float).decode().replace("<", "\\u003c")


def _translated(chart: Chart, say: Say) -> dict[str, Any]:
    return {
        **chart.data,
        "labels": {name: say.series(name) for name in chart.series},
        "x": say("sessions"),
    }


class _Drawn:
    """A chart for those who cannot see it, or print it: its course in a few rows."""

    def __init__(self, chart: Chart, say: Say) -> None:
        self.name, self.series, self.hidden = chart.name, chart.series, chart.hidden
        caption = _CAPTIONS.get(chart.name)
        self.caption = say(caption) if caption else say.series(chart.name)
        self.table = [_cells(chart, place) for place in _places(len(chart.t))]
        self.spoken = "; ".join(filter(None, (_course(chart, name, say) for name in chart.series)))


def _places(number: int) -> list[int]:
    """Some of so many places, evenly, the first and the last among them."""
    if number < 2:
        return [0]
    rows = range(_TABLE_ROWS)
    return sorted({round(row * (number - 1) / (_TABLE_ROWS - 1)) for row in rows})


def _cells(chart: Chart, place: int) -> list[str]:
    """A row of a chart's table: sessions, then each series."""
    write = _FORMATS[chart.unit]
    values = [column[place] for column in chart.series.values()]
    cells = ["" if value is None else write(float(value)) for value in values]
    return [f"{chart.t[place]:.0f}", *cells]


def _course(chart: Chart, name: str, say: Say) -> str:
    """A series from its first to its last value; empty where it has none."""
    write = _FORMATS[chart.unit]
    values = [value for value in chart.series[name] if value is not None]
    return f"{say.series(name)} {write(values[0])} → {write(values[-1])}" if values else ""


def _guilty(blamed: Blame | None, say: Say) -> str:
    """Which actions are to blame; empty where that was not asked."""
    if blamed is None:
        return ""
    return ", ".join(blamed.guilty) or say("second" if blamed.with_time else "no action")


def _blamed(blamed: Blame | None, say: Say) -> list[list[str]]:
    """Action, metric, what it leaves each time, the interval; the guilty first."""
    if blamed is None:
        return []
    shares = [share for share in blamed.shares if not (share.more_of and share.may_be_nothing)]
    shares.sort(key=lambda share: (not share.guilty, share.metric, share.action))
    return [_share_cells(share, say) for share in shares]


def _share_cells(share: Share, say: Say) -> list[str]:
    metric = METRICS.get(share.metric)  # entries of a container are not a metric
    write = format_count if metric is None else metric.unit.write
    estimate, lower, upper = (write(value) for value in (share.estimate, share.lower, share.upper))
    guilty = "leak" if share.guilty else ""
    return [share.label, say.series(share.metric), estimate, f"{lower} … {upper}", guilty]


@dataclass(frozen=True, slots=True)
class _Scale:
    """The interval of growth next to the limit, on a line of 640 units."""

    low: float
    width: float
    zero: float
    limit: float
    label: float
    anchor: str
    words: str
    limit_words: str
    caption: str


def _scale(verdict: Verdict) -> _Scale | None:
    gate = verdict.gates.get("memory")
    if not isinstance(gate, MemoryGate) or gate.bounds is None or gate.limit is None:
        return None
    (low, high), limit = gate.bounds, limit_of_metric(gate)
    # Only where it shows what the verdict rests on.
    if gate.outcome is Status.LEAK and verdict.name is VerdictName.LEAK and low > limit:
        caption = "Growth of memory per session: all of the interval is above the limit."
    elif gate.outcome is Status.FLAT and verdict.name is VerdictName.FLAT and high < limit:
        caption = "Growth of memory per session: all of the interval is below the limit."
    else:
        return None
    if not (isfinite(low) and isfinite(high)):
        return None
    start, end = min(0.0, low), max(limit, high) * 1.08
    span = (end - start) or 1.0

    def at(value: float) -> float:
        return round(10 + 620 * (value - start) / span, 1)

    return _Scale(
        low=at(low),
        width=max(3.0, at(high) - at(low)),
        zero=at(0.0),
        limit=at(limit),
        label=min(560.0, max(80.0, (at(low) + at(high)) / 2)),
        anchor=_anchor(at(limit)),
        words=f"{format_size(low)} … {format_size(high)}",
        limit_words=format_size(limit),
        caption=caption,
    )


def _anchor(x: float) -> str:
    """Which end of a text stands at x, so that it does not leave the line."""
    if x < 120:
        return "start"
    return "end" if x > 520 else "middle"


def _unseen(record: RunRecord, verdict: Verdict, say: Say) -> Iterator[str]:
    gate = verdict.gates.get("memory")
    if isinstance(gate, MemoryGate) and gate.smallest_detectable is not None:
        size = format_size(gate.smallest_detectable)
        yield say("leaks of less than {size} per session", size=size)
    yield say("leaks in fewer than one session in ten, and in what the script does not do")
    for row in rows(verdict):
        if row.outcome is Status.NOT_MEASURED:
            yield f"{say(row.gate)}: {say.words(row.reason)}"
    if record.probe_silence:
        reason = " ".join(record.probe_silence.split())
        yield say("what is inside the server: {reason}", reason=reason)
    yield from not_read(record, verdict)


FILES: Final[RunReports] = {"report.html": render}

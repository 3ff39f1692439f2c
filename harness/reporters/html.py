"""report.html: one file that opens offline. Everything in it is escaped: names and failures are
a server's words.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib import resources
from math import isfinite
from typing import TYPE_CHECKING, Any, Final

import msgspec

from harness.blame.blame import Blame
from harness.record.record import RunRecord
from harness.reporters import plots
from harness.reporters.charts import Chart, charts
from harness.reporters.facts import account, clean, failures, incidents, not_read, rows, sentence
from harness.reporters.reference_graph import graph_of, svg
from harness.reporters.translation import say_in, sentence_in
from harness.reporters.why import why
from harness.units import format_size, format_time
from harness.verdict.gates.memory import MemoryGate
from harness.verdict.outcome import Status, Verdict, VerdictName
from harness.verdict.rows import format_count, format_percent

if TYPE_CHECKING:
    from markupsafe import Markup

_COMMAND: Final = "command_line"
"""The entry of a target that holds what the user typed."""
_TABLE_ROWS: Final = 12
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
) -> bytes:
    """The whole file.

    Args:
        record: the run.
        verdict: what was decided.
        language: English (`en`) or Chinese (`zh`).
        blamed: what each action leaves, where that was asked.
        pictures: the plots by file name, where they have been drawn already: drawing them takes
            longest.
    """
    from jinja2 import Environment, StrictUndefined

    environment = Environment(autoescape=True, undefined=StrictUndefined)
    template = environment.from_string(page_file("report.html.j2"))
    say = say_in(language)
    target = record.started.target
    drawn = charts(record, verdict)
    if pictures is None:
        pictures = {name: draw(record, verdict) for name, draw in plots.FILES.items()}
    html = template.render(
        record=record,
        verdict=verdict,
        language=language,
        say=say,
        sentence=sentence_in(language, verdict, record.sessions, sentence(verdict)),
        account=account(record),
        advice=_advice(verdict),
        scale=_scale(verdict),
        rows=rows(verdict),
        why=why(verdict),
        charts=[_Drawn(one) for one in drawn],
        plots={name: b64encode(picture).decode() for name, picture in pictures.items()},
        unseen=list(_unseen(record, verdict)),
        guilty=(", ".join(blamed.guilty) or say("second" if blamed.with_time else "no action"))
        if blamed
        else "",
        blamed=_blamed(blamed),
        graphs={
            finding.fingerprint: _raw(svg(graph_of(record, finding)))
            for finding in verdict.findings
        },
        incidents=incidents(record),
        failures=failures(record),
        command=target.get(_COMMAND, ""),
        target={name: value for name, value in target.items() if name != _COMMAND},
        policy={
            name: value
            for name, value in msgspec.to_builtins(record.started.policy).items()
            if value not in (None, [], {}, ())
        },
        styles=_raw(page_file("uPlot-1.6.32.min.css") + page_file("report.css")),
        library=_raw(page_file("uPlot-1.6.32.min.js")),
        script=_raw(page_file("report.js")),
        data=_raw(_json([_translated(one, say) for one in drawn])),
    )
    return clean(html).encode()


def page_file(name: str) -> str:
    """Text that lies beside the page's template."""
    return resources.files(__package__).joinpath("page", name).read_text(encoding="utf-8")


def _raw(text: str) -> Markup:
    """Our own words, as they are."""
    from markupsafe import Markup

    return Markup(text)


def _json(data: Any) -> str:
    """For a script element: nothing in it can end the element."""
    return msgspec.json.encode(data, enc_hook=float).decode().replace("<", "\\u003c")


def _translated(chart: Chart, say: Any) -> dict[str, Any]:
    return {
        **chart.data,
        "labels": {name: say(name) for name in chart.series},
        "x": say("sessions"),
    }


class _Drawn:
    """A chart for those who cannot see it, or print it: its course in a few rows."""

    def __init__(self, chart: Chart) -> None:
        self.name, self.series, self.hidden = chart.name, chart.series, chart.hidden
        write = _FORMATS[chart.unit]
        last = len(chart.t) - 1
        places = (
            sorted({round(place * last / (_TABLE_ROWS - 1)) for place in range(_TABLE_ROWS)})
            if last > 0
            else [0]
        )
        self.table = [
            [
                f"{chart.t[at]:.0f}",
                *(
                    "" if (value := x[at]) is None else write(float(value))
                    for x in chart.series.values()
                ),
            ]
            for at in places
        ]
        self.spoken = "; ".join(
            f"{name} {write(known[0])} → {write(known[-1])}"
            for name, column in chart.series.items()
            if (known := [x for x in column if x is not None])
        )


def _blamed(found: Blame | None) -> list[list[str]]:
    """Action, metric, what it leaves each time, the interval; the guilty first."""
    if found is None:
        return []
    ranked = sorted(found.shares, key=lambda one: (not one.guilty, one.metric, one.action))
    told = []
    for one in ranked:
        if one.more_of and one.may_be_nothing:
            continue
        write = format_size if one.metric in ("malloc_in_use", "uss") else format_count
        cells = [write(value) for value in (one.estimate, one.lower, one.upper)]
        told.append(
            [
                one.label,
                one.metric,
                cells[0],
                f"{cells[1]} … {cells[2]}",
                "leak" if one.guilty else "",
            ]
        )
    return told


@dataclass(frozen=True, slots=True)
class _Scale:
    """The interval of growth beside the limit, on a line of 640 units."""

    low: float
    width: float
    zero: float
    limit: float
    label: float
    anchor: str
    words: str
    limit_words: str


def _scale(verdict: Verdict) -> _Scale | None:
    gate = verdict.gates.get("memory")
    if not isinstance(gate, MemoryGate) or gate.bounds is None or gate.limit is None:
        return None
    low, high = gate.bounds
    if not (isfinite(low) and isfinite(high)):
        return None
    start, end = min(0.0, low), max(gate.limit, high) * 1.08
    span = (end - start) or 1.0

    def at(value: float) -> float:
        return round(10 + 620 * (value - start) / span, 1)

    words = f"{format_size(low)} … {format_size(high)}"
    middle = min(560.0, max(80.0, (at(low) + at(high)) / 2))
    return _Scale(
        at(low),
        max(3.0, at(high) - at(low)),
        at(0.0),
        at(gate.limit),
        middle,
        "start" if at(gate.limit) < 120 else "end" if at(gate.limit) > 520 else "middle",
        words,
        format_size(gate.limit),
    )


def _advice(verdict: Verdict) -> str:
    worst = verdict.findings[0] if verdict.findings else None
    match verdict.name:
        case VerdictName.LEAK | VerdictName.DEGRADED if worst is not None and worst.created_at:
            return f"open {worst.created_at}; the {worst.kind} {worst.type} is made there and stays"
        case VerdictName.LEAK | VerdictName.DEGRADED if worst is not None:
            return f"look at the {worst.kind} {worst.type}"
        case VerdictName.LEAK:
            return (
                verdict.unexplained
                or "run again with the probe and without --no-explain to see what piles up"
            )
        case VerdictName.INCONCLUSIVE if verdict.sessions_needed:
            return (
                f"run about {verdict.sessions_needed} sessions more, for instance with --max-cycles"
            )
    return ""


def _unseen(record: RunRecord, verdict: Verdict) -> Iterator[str]:
    gate = verdict.gates.get("memory")
    if isinstance(gate, MemoryGate) and gate.smallest_detectable is not None:
        yield f"leaks of less than {format_size(gate.smallest_detectable)} a session"
    yield "leaks in fewer than one session in ten, and in what the script does not do"
    for row in rows(verdict):
        if row.outcome is Status.NOT_MEASURED:
            yield f"{row.gate}: {row.reason}"
    if record.probe_silence:
        yield f"what is inside the server: {' '.join(record.probe_silence.split())}"
    yield from not_read(record, verdict)


FILES: Final = {"report.html": render}

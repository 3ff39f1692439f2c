"""What the page's interactive charts draw: columns over sessions, thinned out to what a screen
can show.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any, Final, TypeVar

import numpy as np

from ..record.facts import reported_metric, sessions_done, warmup_sessions
from ..record.metrics import Chart as Place
from ..record.metrics import Metric, Unit, charted, names
from ..record.record import RestSample, RunRecord, Turn
from ..verdict.gates.memory import MemoryGate, limit_of_metric
from ..verdict.outcome import Verdict

MAX_POINTS: Final = 1500
MAX_STRETCHES: Final = 200
"""Over so many stretches of a run the replies are summed up."""
MIN_REPLIES: Final = 20
"""In each stretch, where there are enough for `MIN_STRETCHES`."""
MIN_STRETCHES: Final = 12
_UNITS: Final = {
    Unit.BYTES: "bytes",
    Unit.COUNT: "count",
    Unit.PERCENT: "percent",
    Unit.MACHINE_PERCENT: "percent",
}
"""The page's own words for units; `seconds` is that of replies, which are no metric."""

Column = list[float | None]


@dataclass(frozen=True, slots=True)
class Chart:
    """One chart: columns that share their sessions, null where there is nothing."""

    name: str
    unit: str
    """`bytes`, `seconds`, `percent` or `count`."""
    t: list[float]
    series: dict[str, Column]
    """By name: that of a metric, or a word of this module."""
    warmup: float = 0.0
    """Sessions before which nothing was judged."""
    dashed: tuple[str, ...] = ()
    hidden: tuple[str, ...] = ()
    """Switched off at first."""
    band: tuple[str, str] | None = None
    """Two series; what is between them is shaded."""
    from_zero: bool = False
    """The axis begins at 0, so that growth does not look flat."""

    @property
    def data(self) -> dict[str, Any]:
        """For the page's script."""
        return {
            "name": self.name,
            "unit": self.unit,
            "t": self.t,
            "series": self.series,
            "warmup": self.warmup,
            "dashed": list(self.dashed),
            "hidden": list(self.hidden),
            "band": list(self.band or ()),
            "from_zero": self.from_zero,
        }


def charts(record: RunRecord, verdict: Verdict) -> list[Chart]:
    """Those that hold anything: growth against the limit, memory, latency, CPU, counters, then each
    metric that has a chart of its own.
    """
    own = [_own(record, metric) for metric in charted(Place.OWN)]
    drawn = [
        _growth(record, verdict),
        _memory(record, verdict),
        _latency(record),
        _cpu(record),
        _counters(record),
        *own,
    ]
    return [chart for chart in drawn if any(map(_holds_values, chart.series.values()))]


def _memory(record: RunRecord, verdict: Verdict) -> Chart:
    rests = _thinned(record.rests)
    t = _sessions(rests)
    series = {metric.name: _column(rests, metric.name) for metric in charted(Place.MEMORY)}
    series["peak"] = _at(t, record, [cycle.peaks.get(names.RSS) for cycle in record.cycles])
    waits = {
        float(rest.sessions): rest.values.get(names.USS, rest.values.get(names.RSS))
        for rest in record.idles
    }
    series["idle"] = [waits.get(sessions) for sessions in t]
    warmup = float(warmup_sessions(record, verdict.warmup_cycles))
    limit = _limit(record, verdict, t, series, warmup)
    if limit is not None:
        series["limit"] = limit
    return Chart(
        "memory",
        "bytes",
        t,
        _measured(series),
        warmup=warmup,
        dashed=("limit",),
        hidden=("peak",),
    )


def _growth(record: RunRecord, verdict: Verdict) -> Chart:
    """What the judged metric has grown by since the warm-up, next to what the limit allows."""
    rests = _thinned(record.rests)
    t = _sessions(rests)
    gate = verdict.gates.get("memory")
    warmup = float(warmup_sessions(record, verdict.warmup_cycles))
    name = reported_metric(record)
    if isinstance(gate, MemoryGate) and gate.metric is not None:
        name = gate.metric
    column = _column(rests, name)
    limit = _limit(record, verdict, t, {name: column}, warmup)
    after = [value for sessions, value in zip(t, column, strict=True) if sessions >= warmup]
    base = next((value for value in after if value is not None), None)
    if limit is None or base is None:
        return Chart("growth", "bytes", t, {})
    series = {name: column, "limit": limit}
    grown = {key: _above(values, base, t, warmup) for key, values in series.items()}
    return Chart("growth", "bytes", t, grown, warmup, ("limit",), from_zero=True)


def _above(column: Column, base: float, t: Sequence[float], warmup: float) -> Column:
    """Growth since the warm-up."""
    return [
        None if value is None or sessions < warmup else value - base
        for sessions, value in zip(t, column, strict=True)
    ]


def _limit(
    record: RunRecord, verdict: Verdict, t: list[float], series: dict[str, Column], warmup: float
) -> Column | None:
    """How far the judged metric may have grown since the warm-up; None where nothing is judged."""
    gate = verdict.gates.get("memory")
    if not isinstance(gate, MemoryGate) or gate.limit is None:
        return None
    judged = series.get(gate.metric or reported_metric(record), [])
    after = (
        value
        for sessions, value in zip(t, judged, strict=False)
        if sessions >= warmup and value is not None
    )
    base = next(after, None)
    if base is None:
        return None
    return [
        base + limit_of_metric(gate) * (sessions - warmup) if sessions >= warmup else None
        for sessions in t
    ]


def _latency(record: RunRecord) -> Chart:
    """Percentiles of the complete replies, and the medians of the stages before. Each point stands
    for as many replies as any other: uneven ones draw patterns that are not there.
    """
    sessions = chain.from_iterable(cycle.sessions for cycle in record.cycles)
    turns = [(number, turn) for number, session in enumerate(sessions, 1) for turn in session.turns]
    t: list[float] = []
    series: dict[str, Column] = {
        name: [] for name in ("p5", "p50", "p95", "max", "first text", "first audio")
    }
    for part in in_equal_parts(turns):
        t.append(float(np.mean([number for number, _ in part])))
        for name, value in _summed_up([turn for _, turn in part]).items():
            series[name].append(value)
    return Chart("latency", "seconds", t, _measured(series), hidden=("max",), band=("p95", "p5"))


Item = TypeVar("Item")


def in_equal_parts(items: Sequence[Item]) -> list[Sequence[Item]]:
    """Stretches of equal length, in order. What is left over at the beginning is left out."""
    size = max(1, min(MIN_REPLIES, len(items) // MIN_STRETCHES), -(-len(items) // MAX_STRETCHES))
    start = len(items) % size
    return [items[place : place + size] for place in range(start, len(items), size)]


def _summed_up(turns: Sequence[Turn]) -> dict[str, float | None]:
    complete_s = [turn.complete_s for turn in turns]
    return {
        "p5": float(np.percentile(complete_s, 5)),
        "p50": float(np.median(complete_s)),
        "p95": float(np.percentile(complete_s, 95)),
        "max": max(complete_s),
        "first text": _median([turn.first_text_s for turn in turns]),
        "first audio": _median([turn.first_audio_s for turn in turns]),
    }


def _median(values: Sequence[float | None]) -> float | None:
    """Of those that there are."""
    having = [value for value in values if value is not None]
    return float(np.median(having)) if having else None


def _cpu(record: RunRecord) -> Chart:
    rests = _thinned(record.rests)
    t = _sessions(rests)
    series = {metric.name: _column(rests, metric.name) for metric in charted(Place.CPU)}
    series["talking"] = _at(t, record, [cycle.talking_cpu_percent for cycle in record.cycles])
    return Chart("cpu", "percent", t, _measured(series))


def _counters(record: RunRecord) -> Chart:
    """As growth since the first sample: their levels lie far apart."""
    rests = _thinned(record.rests)
    series = {
        metric.name: _grown(_column(rests, metric.name)) for metric in charted(Place.COUNTERS)
    }
    return Chart("counters", "count", _sessions(rests), _measured(series))


def _own(record: RunRecord, metric: Metric) -> Chart:
    rests = _thinned(record.rests)
    series = _measured({metric.name: _column(rests, metric.name)})
    return Chart(metric.name, _UNITS[metric.unit], _sessions(rests), series)


def _sessions(rests: Sequence[RestSample]) -> list[float]:
    return [float(rest.sessions) for rest in rests]


def _column(rests: Sequence[RestSample], name: str) -> Column:
    return [rest.values.get(name) for rest in rests]


def _at(t: Sequence[float], record: RunRecord, values: Sequence[float | None]) -> Column:
    """One value a cycle, at the sessions of the samples."""
    by_sessions = dict(zip(map(float, sessions_done(record)), values, strict=True))
    return [by_sessions.get(sessions) for sessions in t]


def _grown(column: Column) -> Column:
    """Growth since the first value that there is."""
    first = next((value for value in column if value is not None), 0.0)
    return [None if value is None else value - first for value in column]


def _measured(series: dict[str, Column]) -> dict[str, Column]:
    return {name: column for name, column in series.items() if _holds_values(column)}


def _holds_values(column: Column) -> bool:
    return any(value is not None for value in column)


def _thinned(rests: Sequence[RestSample]) -> list[RestSample]:
    """At most `MAX_POINTS` and one, evenly; the first and the last stay."""
    every = len(rests) // MAX_POINTS + 1
    kept = list(rests[::every])
    if rests and kept[-1] is not rests[-1]:
        kept.append(rests[-1])
    return kept

"""What the page's interactive charts draw: columns over sessions, thinned out to what a screen
can show.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from harness.record.record import RestSample, RunRecord
from harness.verdict.gates.memory import MemoryGate
from harness.verdict.outcome import Verdict

Floats = NDArray[np.float64]

MAX_POINTS: Final = 1500
_COUNTERS: Final = ("gc_objects", "tasks", "threads", "descriptors", "children", "files")


@dataclass(frozen=True, slots=True)
class Chart:
    """One chart: columns that share their sessions, null where there is nothing."""

    name: str
    unit: str
    """`bytes`, `seconds`, `percent` or `count`."""
    t: list[float]
    series: dict[str, list[float | None]]
    warmup: float = 0.0
    """Sessions before which nothing was judged."""
    dashed: tuple[str, ...] = ()
    hidden: tuple[str, ...] = ()
    """Switched off at first."""

    @property
    def data(self) -> dict[str, Any]:
        """For the page."""
        return {
            "name": self.name,
            "unit": self.unit,
            "t": self.t,
            "series": self.series,
            "warmup": self.warmup,
            "dashed": list(self.dashed),
            "hidden": list(self.hidden),
        }


def charts(record: RunRecord, verdict: Verdict) -> list[Chart]:
    """Those that hold anything."""
    found = (_memory(record, verdict), _latency(record), _cpu(record), _counters(record))
    return [
        one
        for one in found
        if one.t and any(any(x is not None for x in xs) for xs in one.series.values())
    ]


def _memory(record: RunRecord, verdict: Verdict) -> Chart:
    rests = _thinned(record.rests)
    t = [float(rest.sessions) for rest in rests]
    series = {name: _column(rests, name) for name in ("rss", "uss", "malloc_in_use")}
    peaks = {
        float(n): cycle.peaks.get("rss")
        for n, cycle in zip(_done(record), record.cycles, strict=True)
    }
    series["peak"] = [peaks.get(at) for at in t]
    left = {
        float(rest.sessions): rest.values.get("uss", rest.values.get("rss"))
        for rest in record.idles
    }
    series["idle"] = [left.get(at) for at in t]
    gate = verdict.gates.get("memory")
    warmup = max(
        (rest.sessions for rest in record.rests if rest.cycle <= verdict.warmup_cycles), default=0
    )
    if isinstance(gate, MemoryGate) and gate.limit is not None:
        judged = series.get(gate.metric or "", [])
        base = next(
            (x for at, x in zip(t, judged, strict=False) if at >= warmup and x is not None), None
        )
        if base is not None:
            series["limit"] = [
                base + gate.limit * (at - warmup) if at >= warmup else None for at in t
            ]
    return Chart("memory", "bytes", t, _known(series), float(warmup), ("limit",), ("peak",))


def _latency(record: RunRecord) -> Chart:
    """Of each stretch of the run: median, 95th percentile and largest; of the stages before, the
    median.
    """
    turns = [
        (number, turn)
        for number, session in enumerate(
            chain.from_iterable(cycle.sessions for cycle in record.cycles), 1
        )
        for turn in session.turns
    ]
    stretches = np.array_split(np.arange(len(turns)), min(len(turns), 200)) if turns else []
    series: dict[str, list[float | None]] = {
        "p50": [],
        "p95": [],
        "max": [],
        "first text": [],
        "first audio": [],
    }
    t = []
    for places in stretches:
        part = [turns[place] for place in places]
        complete = [turn.complete_s for _, turn in part]
        t.append(float(np.mean([number for number, _ in part])))
        series["p50"].append(float(np.median(complete)))
        series["p95"].append(float(np.percentile(complete, 95)))
        series["max"].append(max(complete))
        for name, values in (
            (
                "first text",
                [turn.first_text_s for _, turn in part if turn.first_text_s is not None],
            ),
            (
                "first audio",
                [turn.first_audio_s for _, turn in part if turn.first_audio_s is not None],
            ),
        ):
            series[name].append(float(np.median(values)) if values else None)
    return Chart("latency", "seconds", t, _known(series), hidden=("max",))


def _cpu(record: RunRecord) -> Chart:
    rests = _thinned(record.rests)
    t = [float(rest.sessions) for rest in rests]
    talking = {
        float(n): cycle.talking_cpu_percent
        for n, cycle in zip(_done(record), record.cycles, strict=True)
    }
    series = {"at rest": _column(rests, "idle_cpu"), "talking": [talking.get(at) for at in t]}
    return Chart("cpu", "percent", t, _known(series))


def _counters(record: RunRecord) -> Chart:
    """As growth since the first sample: their levels lie far apart."""
    rests = _thinned(record.rests)
    series: dict[str, list[float | None]] = {}
    for name in _COUNTERS:
        column = _column(rests, name)
        first = next((x for x in column if x is not None), None)
        if first is not None:
            series[name] = [None if x is None else x - first for x in column]
    return Chart("counters", "count", [float(rest.sessions) for rest in rests], series)


def _column(rests: Sequence[RestSample], name: str) -> list[float | None]:
    return [rest.values.get(name) for rest in rests]


def _known(series: dict[str, list[float | None]]) -> dict[str, list[float | None]]:
    return {name: column for name, column in series.items() if any(x is not None for x in column)}


def _done(record: RunRecord) -> list[int]:
    return [int(n) for n in np.cumsum([len(cycle.sessions) for cycle in record.cycles])]


def _thinned(rests: Sequence[RestSample]) -> list[RestSample]:
    """The first and the last stay."""
    every = len(rests) // MAX_POINTS + 1
    kept = list(rests[::every])
    return kept if not rests or kept[-1] is rests[-1] else [*kept, rests[-1]]

"""memory.png, latency.png, cpu.png: the run over its sessions, with what the judge made of it."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain, cycle
from typing import TYPE_CHECKING, Final

import numpy as np

from ..formulas import Floats
from ..record.facts import sessions_done, warmup_sessions
from ..record.metrics import METRICS, Chart, charted, names
from ..record.record import RunRecord
from ..units import format_size
from ..verdict.gates.memory import MemoryGate, limit_of_metric
from ..verdict.outcome import Status, Verdict
from . import canvas
from .canvas import BLUE, GREEN, INK, ORANGE, PURPLE, TWO_PIXELS, VERMILION
from .contract import RunReports
from .facts import rows

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_MEMORY: Final = dict(zip(charted(Chart.MEMORY), cycle((BLUE, GREEN, PURPLE, INK)), strict=False))
"""Metrics of memory, and their colours."""
_STAGES: Final = {
    "complete_s": ("complete", BLUE),
    "first_audio_s": ("first audio", ORANGE),
    "first_text_s": ("first text", GREEN),
}
_STRETCHES: Final = 30
"""Over how many stretches of the run the medians of the replies are drawn."""
_MAX_POINTS: Final = 4000
_ANCHOR_SAMPLES: Final = 3
_MIN_CPU_TOP_PERCENT: Final = 5.0


def memory(record: RunRecord, verdict: Verdict) -> bytes:
    """Above, memory at rest and its peaks; below, the growth that was judged, next to the limit."""
    drawn, axes = canvas.figure(7, panel_heights=(4, 3))
    _title(axes[0], "Memory at rest", verdict, "memory")
    _memory_levels(axes[0], record)
    gate = verdict.gates.get("memory")
    if not isinstance(gate, MemoryGate):
        gate = MemoryGate(Status.NOT_MEASURED)
    warmup = warmup_sessions(record, verdict.warmup_cycles)
    _memory_growth(axes[1], record, gate, warmup)
    return canvas.finish(drawn, axes, record.sessions, warmup)


def _memory_levels(axis: Axes, record: RunRecord) -> None:
    peaks_t, peaks = _per_cycle(record, [done.peaks.get(names.RSS) for done in record.cycles])
    series = {metric: record.series(metric.name) for metric in _MEMORY}
    tops = [course.x.max(initial=0) for course in series.values()]
    largest = max([*tops, peaks.max(initial=0)])
    unit, size = canvas.size_unit(largest)
    for metric, color in _MEMORY.items():
        canvas.line(axis, series[metric].t, series[metric].x / size, color, metric.label)
    waits = [
        (rest.sessions, rest.values[names.RSS] / size)
        for rest in record.idles
        if names.RSS in rest.values
    ]
    canvas.points(axis, peaks_t, peaks / size, "^", color=ORANGE, label="RSS, peak of a cycle")
    canvas.points(axis, *_columns(waits), "D", color=INK, label="RSS, while waiting")
    axis.set_ylabel(f"memory ({unit})", color=INK)
    axis.set_ylim(0, 1.08 * largest / size or 1)


def _memory_growth(axis: Axes, record: RunRecord, gate: MemoryGate, warmup: float) -> None:
    """The judged metric. Limit and interval begin where the warm-up ends."""
    metric = METRICS.get(gate.metric or "", METRICS[names.RSS])
    color = _MEMORY.get(metric, INK)
    series = record.series(metric.name)
    judged = series.t >= warmup
    if not judged.any():
        return
    since = np.array([0.0, max(np.ptp(series.t[judged]), 1.0)])
    start = series.t[judged][0]
    grown = series.x - series.x[judged][:_ANCHOR_SAMPLES].min()
    bounds = gate.bounds if gate.bounds is not None and np.isfinite(gate.bounds).all() else None
    limit = None if gate.limit is None else limit_of_metric(gate)
    slopes = [slope for slope in (limit, *(bounds or ())) if slope is not None]
    ends = np.array([0.0, *grown[judged], *(slope * since[1] for slope in slopes)])
    unit, size = canvas.size_unit(float(np.abs(ends).max()))
    canvas.line(axis, series.t, grown / size, color, f"{metric.label}, judged")
    if bounds is not None:
        legend = f"growth of {format_size(bounds[0])}\nto {format_size(bounds[1])} per session"
        low, high = (bound * since / size for bound in bounds)
        axis.fill_between(
            start + since, low, high, color=color, alpha=0.22, linewidth=0, label=legend
        )
    if limit is not None:
        legend = f"limit, {format_size(limit)} per session"
        axis.plot(
            start + since,
            limit * since / size,
            "--",
            color=INK,
            linewidth=TWO_PIXELS,
            label=legend,
        )
    margin = 0.08 * np.ptp(ends) or size
    axis.set_ylim((ends.min() - margin) / size, (ends.max() + margin) / size)
    axis.set_ylabel(f"growth ({unit})", color=INK)


def latency(record: RunRecord, verdict: Verdict) -> bytes:
    """Every reply as a point, and the course of the median of each stage."""
    drawn, axes = canvas.figure(4.5)
    (axis,) = axes
    _title(axis, "Reply latency", verdict, "latency")
    sessions = list(chain.from_iterable(done.sessions for done in record.cycles))
    turns = [(number, turn) for number, session in enumerate(sessions, 1) for turn in session.turns]
    for stage, (label, color) in _STAGES.items():
        timed = [
            (number, value) for number, turn in turns if (value := getattr(turn, stage)) is not None
        ]
        if timed:
            t, y = _columns(timed)
            every = len(t) // _MAX_POINTS + 1
            axis.plot(
                t[::every], y[::every], ".", color=color, alpha=0.4, markersize=5, markeredgewidth=0
            )
            canvas.line(axis, *_medians(t, y), color, f"{label}, median", marks=False)
    failed = [number for number, session in enumerate(sessions, 1) if not session.ok][:_MAX_POINTS]
    if failed:
        axis.plot(
            failed,
            np.zeros(len(failed)),
            "x",
            color=VERMILION,
            clip_on=False,
            label="session that failed",
        )
    axis.set_ylabel("time from message (s)", color=INK)
    axis.set_ylim(bottom=0)
    return canvas.finish(drawn, axes, record.sessions)


def _medians(t: Floats, y: Floats) -> tuple[Floats, Floats]:
    """Median of y over stretches of the run with as many values each."""
    size = max(1, len(t) // _STRETCHES)
    start = len(t) % size  # what is left over at the beginning is left out
    whole = (len(t) - start) // size
    middles = t[start:].reshape(whole, size).mean(axis=1)
    return middles, np.median(y[start:].reshape(whole, size), axis=1)


def cpu(record: RunRecord, verdict: Verdict) -> bytes:
    """Above, over the time in which sessions talked; below, at rest after each cycle."""
    drawn, axes = canvas.figure(5.5, panel_heights=(1, 1))
    _title(axes[0], "CPU of the server", verdict, "cpu")
    at_rest = record.series(names.CPU_AT_REST)
    talking = _per_cycle(record, [done.talking_cpu_percent for done in record.cycles])
    lines = ((*talking, ORANGE, "while sessions talk"), (at_rest.t, at_rest.x, BLUE, "at rest"))
    for axis, (t, percent, color, when) in zip(axes, lines, strict=True):
        canvas.line(axis, t, percent, color, "_")
        axis.set_ylabel(f"{when}\n(% of one core)", color=INK)
        axis.set_ylim(0, max(1.1 * percent.max(initial=0), _MIN_CPU_TOP_PERCENT))
    return canvas.finish(drawn, axes, record.sessions)


def _title(axis: Axes, what: str, verdict: Verdict, gate: str) -> None:
    row = next((row for row in rows(verdict) if row.gate == gate), None)
    if row is None:
        canvas.title(axis, what, None, "")
    else:
        growth = f", {row.growth}" if row.growth else ""
        unit = " per session" if row.growth and gate == "memory" else ""
        canvas.title(axis, what, row.outcome, row.finding + growth + unit)


def _per_cycle(record: RunRecord, values: list[float | None]) -> tuple[Floats, Floats]:
    """One value a cycle, where there is one, over the sessions that were done when it ended."""
    timed = zip(sessions_done(record), values, strict=True)
    return _columns([(sessions, value) for sessions, value in timed if value is not None])


def _columns(pairs: Sequence[tuple[float, float]]) -> tuple[Floats, Floats]:
    t, y = np.array(pairs, dtype=np.float64).reshape(-1, 2).T
    return t, y


FILES: Final[RunReports] = {"memory.png": memory, "latency.png": latency, "cpu.png": cpu}

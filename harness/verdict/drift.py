"""Does latency or CPU drift? Kendall's test for a trend, Theil and Sen's line for its size: arrays
in, numbers out.

The noise of a reply time is multiplicative, skewed and exchangeable when nothing drifts, where
Kendall's test is exact; memory, with its jumps and ramps, is not so and has an engine of its own. A
trend must be significant (p < 0.01 / 7, for seven looks), large over the run, and better told by a
line than by one step.

Measured for replies of 50 ms, three a session, each with a coefficient of variation (CV) of 10 to
30 %, half of it shared by the session, one reply in ten 2 to 8 times as slow, session-wise AR(1)
noise, a slow first session; 1000 runs a row, at looks up to 112 sessions. A verdict takes the
latest look alone.

    no drift: drift called   CV 10, 20 %: 0 %; CV 30 %: 0 % without correlation, at most 0.5 % at
        any one look and 1.1 % at one of all looks with AR 0.5 or 0.7 flat called    by 20, 40, 80
        sessions: CV 10 % 99, 100, 100 %; 20 % 87, 99, 100 %; 30 % 60, 90, 99 % grows evenly to
        x2, x2.5, x3 within 20 sessions: drift in 59, 96, 99 % (CV 10 %), 43, 76, 88 % (20 %), 25,
        50, 62 % (30 %); the rest is open, and flat in at most 4, 0.5, 0 % step of x3 in mid-run
        drift in 0 % (CV 10 %), 13 to 20 % (CV 30 %); without the rule for steps, in 54 to 98 %

The size is that of the fitted line over the whole run: last against first third of a run that grows
evenly to three times its start is only twice, which found 40 % of those with as many false alarms.
A mean of replies kept apart by their position in the session found no more than the session's plain
median, and far less with outliers (49 % against 73 % for x3 at CV 30 %); nor did a median of them.

CPU, percent of a core, after ten cycles of one session and then cycles of five, 400 to 600 runs a
row: drift is called for a flat 1 % (standard deviation 0.3, AR 0.5) in 1 %, without correlation in
0 %; for a warm-up by 1 % within 5 sessions in 10 % at 20 sessions and 1 to 3 % at 105; for 0.02 % a
session in 100 % at 105, for 1.5 % in 100 % at 20; while talking (CV 20 %) for a flat series in at
most 0.8 %, for 1.5 % a session on top of 30 % in 28 % at 20, 100 % at 105 sessions.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from ..formulas import Floats, kendall_rise_pvalue, theil_sen
from ..record.facts import last_third
from .outcome import Status

LOOKS: Final = (6, 8, 10, 14, 20, 28, 40)
"""Numbers of values at which a run is looked at; beyond, they go on by a factor of the square
root of two.
"""
SIGNIFICANT: Final = 0.01 / len(LOOKS)
"""One look's share of an error of 1 % over all; the later looks repeat what the first ones saw
(measured above).
"""

LATENCY_FACTOR: Final = 1.8
"""The fitted growth over the run from which replies are called slower."""
LATENCY_FLOOR_S: Final = 0.05
"""Half of what a person still feels as instantaneous. A smaller rise over the run is not a
drift.
"""
LATENCY_FLAT_LOG: Final = float(np.log(2.0))
"""Replies are flat where a growth to twice as much over the run can be excluded."""
FLAT_FROM_SESSIONS: Final = 20
"""Sessions below which nothing is called flat (docs/verdict.md#latency-and-cpu, as all here)."""

IDLE_LIMIT_PERCENT: Final = 0.002
"""CPU at rest per session: 20 microseconds a second."""
CPU_FLOOR_PERCENT: Final = 0.5
"""A smaller rise over the run is not a drift: the noise of an idle window of some 300 ms."""
EARLY_CPU_FLOOR_PERCENT: Final = 2.0
"""Percent of a core, in a run of under 20 sessions, which may be all warm-up."""
NO_WARM_UP_PERCENT: Final = 10.0
"""A rise at rest that counts although it slows down: what asks for ever more gets no more of a
busy machine.
"""
HARMLESS_CPU_PERCENT: Final = 1.0
"""A rise over the whole run that matters to nobody, in percent of a core."""
CROWDED_PERCENT: Final = 20.0
"""CPU of others, in percent of all cores, from which on the machine is crowded."""
CROWDED_CPU_FACTOR: Final = 3.0
"""On a crowded machine, growth of the CPU time per session from which on it is the server's own:
shared caches and hyper-threads alone have doubled it (measured).
"""
SESSION_CPU_FLOOR_S: Final = 0.01
"""A smaller rise of the CPU time per session over the run is not a drift: a core still serves a
hundred such sessions per second.
"""
TALKING_LIMIT_SHARE: Final = 0.02
"""CPU while talking per session, as a share of what it was at first."""

_BOUND_CONFIDENCE: Final = 0.98
"""Two-sided, so that each bound holds with 99 %."""
_MAX_POINTS: Final = 200
"""Values that are fitted at most: of thousands, all pairs would take seconds."""
_MIN_LAST: Final = 3
_LAST_SHARE: Final = 6
"""The last sixth of the values tells whether a rise has stayed, three of them at least."""
_MIN_TOP: Final = 10
"""Values of which one may be an outlier: nine of ten are below their median in 1 %."""
_MIN_STEP_SIDE: Final = 3
"""Values on each side of a step at least."""
_STEP_PER_VALUES: Final = 6
"""Each side of a step holds a sixth of the values at least."""
_FIRST_REPLIES: Final = 8
"""Values up to which the first reply, which may be slow, is kept."""
_STEP_TELLS_MORE: Final = 0.8
"""A step is what happened where its deviations are under this share of the line's."""
_RISES_BEFORE_STEP: Final = 0.05
"""Kendall's p below which what precedes a step is a rise: one in twenty steps that would pass is
taken for a drift.
"""


@dataclass(frozen=True, slots=True)
class Line:
    """Theil and Sen's line (median of all pairwise slopes), with bounds that each hold with 99
    %.
    """

    slope: float
    lower: float
    upper: float
    start: float
    end: float


@dataclass(frozen=True, slots=True)
class Drift:
    """What one look at a series says."""

    status: Status
    rise: float
    """Of the fitted line over the series: a factor for latency, percent of a core for CPU."""
    step_at: int | None = None
    """Index of the first value after a step, where that tells more than a line."""
    upper_s: float | None = None
    """Of times: the rise over the series that cannot be excluded, in seconds."""
    fell_back: bool = False
    """Of times: the last ones have left half of the rise or less."""


@dataclass(frozen=True, slots=True)
class Jump:
    """A rise of the CPU at rest within one cycle that no later reading has left."""

    at: int
    """Index of the first value after it."""
    before: float
    """Median of the values before it, in percent of one core."""
    after: float
    """Median of those since."""


def look_length(available: int, *, final: bool = False) -> int:
    """How many values the latest look takes; 0 before the first. A final look takes all."""
    if final and available >= LOOKS[0]:
        return available
    return max((length for length in _lengths(available) if length <= available), default=0)


def next_look(available: int) -> int:
    """How many values the look after the latest one takes."""
    return min(length for length in _lengths(available) if length > available)


def _lengths(available: int) -> list[int]:
    lengths = list(LOOKS)
    while lengths[-1] <= available:
        lengths.append(round(lengths[-1] * 2**0.5))
    return lengths


def latency_drift(y: Floats) -> Drift:
    """Whether replies grow slower.

    Args:
        y: one reply time per session, in seconds and in order; at least six.
    """
    return time_drift(np.arange(1.0, len(y) + 1), y, LATENCY_FLOOR_S)


def time_drift(t: Floats, y: Floats, floor_s: float) -> Drift:
    """Whether times grow with the sessions done, by a factor and by more than a floor.

    Args:
        t: cumulative sessions at each value; at least six.
        y: seconds.
        floor_s: a smaller rise over the series is not a drift.
    """
    first_may_be_slow = len(y) > _FIRST_REPLIES
    t, level = _thinned(t, y)
    if first_may_be_slow:
        t, level = t[1:], level[1:]
    logs = np.log(np.maximum(level, 1e-6))
    line = fit(t, logs)
    start_s, end_s = float(np.exp(line.start)), float(np.exp(line.end))
    factor = end_s / start_s
    bound_s = start_s * (float(np.exp(line.upper * (t[-1] - t[0] + 1))) - 1)
    upper_s = min(bound_s, _top(last_third(level)))
    grows = rises(t, logs) and factor >= LATENCY_FACTOR and end_s - start_s >= floor_s
    step_at = step(t, logs, line)
    if grows and step_at is None:
        last = logs[-max(_MIN_LAST, len(logs) // _LAST_SHARE) :]
        fell_back = float(np.median(last)) <= (line.start + line.end) / 2
        return Drift(Status.DRIFT, factor, upper_s=upper_s, fell_back=fell_back)
    if t[-1] >= FLAT_FROM_SESSIONS and _grows_by_less(t, line, LATENCY_FLAT_LOG):
        return Drift(Status.FLAT, factor, upper_s=upper_s)
    return replace(_after_step(t, logs, step_at, factor, LATENCY_FLAT_LOG), upper_s=upper_s)


def cpu_drift(t: Floats, y: Floats, limit: float, *, warm_up: float = np.inf) -> Drift:
    """Whether CPU grows with the sessions done.

    Args:
        t: cumulative sessions at each value; at least six.
        y: percent of one core.
        limit: growth per session that is still flat.
        warm_up: the most that a warm-up takes, in percent of one core; a smaller rise must go on to
            the end.
    """
    t, y = _thinned(t, y)
    line = fit(t, y)
    rise = line.end - line.start
    long_enough = t[-1] - t[0] >= FLAT_FROM_SESSIONS
    floor = CPU_FLOOR_PERCENT if long_enough else EARLY_CPU_FLOOR_PERCENT
    goes_on = rise > warm_up or _still_grows(t, y, line)
    grows = goes_on and rises(t, y) and line.lower > limit and rise >= floor
    step_at = step(t, y, line)
    if grows and step_at is None:
        return Drift(Status.DRIFT, rise)
    if long_enough and (line.upper < limit or _grows_by_less(t, line, HARMLESS_CPU_PERCENT)):
        return Drift(Status.FLAT, rise)
    return _after_step(t, y, step_at, rise, HARMLESS_CPU_PERCENT)


def _top(last: Floats) -> float:
    """What nine of ten of the last values stay below, or all of few: with 99 %, so does their
    median.
    """
    return float(np.percentile(last, 90) if len(last) >= _MIN_TOP else last.max())


def jump_that_stays(y: Floats) -> Jump | None:
    """Where CPU at rest rose by so much that no warm-up takes it, and has stayed up in every
    reading since.

    Args:
        y: percent of one core at each rest sample, the one before the first session included.
    """
    for at in range(1, len(y) - _MIN_STEP_SIDE + 1):
        before = float(np.median(y[:at]))
        if y[at:].min() >= before + NO_WARM_UP_PERCENT:
            return Jump(at, before, float(np.median(y[at:])))
    return None


def _grows_by_less(t: Floats, line: Line, harmless: float) -> bool:
    """Whether all the growth that the line's upper bound allows over these sessions is harmless."""
    return line.upper * float(t[-1] - t[0] + 1) < harmless


def _after_step(t: Floats, y: Floats, step_at: int | None, rise: float, harmless: float) -> Drift:
    """A step is flat once what follows it is, over sessions enough."""
    if step_at is None:
        return Drift(Status.INCONCLUSIVE, rise)
    after_t, after = t[step_at:], y[step_at:]
    long_enough = len(after) >= LOOKS[0] and after_t[-1] - after_t[0] + 1 >= FLAT_FROM_SESSIONS
    flat = long_enough and _grows_by_less(after_t, fit(after_t, after), harmless)
    return Drift(Status.FLAT if flat else Status.INCONCLUSIVE, rise, step_at)


def rises(t: Floats, y: Floats) -> bool:
    """Kendall's test for a rise, exact for few values."""
    return kendall_rise_pvalue(t, y) < SIGNIFICANT


def fit(t: Floats, y: Floats) -> Line:
    """The line through a series."""
    slope, lower, upper = theil_sen(t, y, _BOUND_CONFIDENCE)
    start = float(np.median(y - slope * t)) + slope * float(t[0])
    return Line(slope, lower, upper, start, start + slope * float(t[-1] - t[0]))


def step(t: Floats, y: Floats, line: Line) -> int | None:
    """Where a series steps, if two levels tell it clearly better than the line does (sums of
    absolute deviations).

    What already rises before it is a drift that has reached its ceiling.
    """
    side = max(_MIN_STEP_SIDE, len(y) // _STEP_PER_VALUES)
    splits = {at: _deviation(y[:at]) + _deviation(y[at:]) for at in range(side, len(y) - side + 1)}
    if not splits:
        return None
    best = min(splits, key=splits.__getitem__)
    beside_line = float(np.abs(y - line.start - line.slope * (t - t[0])).sum())
    if (
        splits[best] >= _STEP_TELLS_MORE * beside_line
        or kendall_rise_pvalue(t[:best], y[:best]) < _RISES_BEFORE_STEP
    ):
        return None
    return best


def _still_grows(t: Floats, y: Floats, line: Line) -> bool:
    """Whether the second half of the sessions rises, too; a warm-up, or larger cycles after
    small ones, do not.
    """
    later = t >= (t[0] + t[-1]) / 2
    if later.sum() < _MIN_STEP_SIDE:
        later[-_MIN_STEP_SIDE:] = True
    return fit(t[later], y[later]).slope >= line.slope / 2


def _deviation(y: Floats) -> float:
    return float(np.abs(y - np.median(y)).sum())


def _thinned(t: Floats, y: Floats) -> tuple[Floats, Floats]:
    """Long series as medians of neighbours: all pairs of thousands of values would take seconds."""
    if len(y) <= _MAX_POINTS:
        return t, y
    groups = zip(np.array_split(t, _MAX_POINTS), np.array_split(y, _MAX_POINTS), strict=True)
    pairs = np.array([(np.median(some_t), np.median(some_y)) for some_t, some_y in groups])
    return pairs[:, 0], pairs[:, 1]


def sessions_to_flat(values: int, sessions_per_value: int) -> int:
    """About how many sessions more until an open series may be called flat.

    Args:
        values: that there are so far.
        sessions_per_value: between two values.
    """
    return max(
        FLAT_FROM_SESSIONS - values * sessions_per_value,
        (next_look(values) - values) * sessions_per_value,
    )

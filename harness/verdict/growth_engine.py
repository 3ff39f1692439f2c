"""Does one metric grow per session? The tail-envelope verdict (TEV): arrays in, numbers out.

A look drops the first half of the samples (warm-up lasts as long as it likes), takes a sliding
minimum (spikes vanish, steps stay), and bounds the growth that is left without its largest single
jump (LEAK) or the growth that is there at all (FLAT). Looks come at sample numbers a third apart; a
status needs two consecutive looks that agree.

Why no regression: growth of a process is a staircase with jumps, a warm-up ramp and collector
saw-teeth, so that t-tests and Mann-Kendall answer "leak" for most flat servers. What keeps false
alarms away is a burn-in in proportion to the run, growth asked of every third of the tail, and a
largest jump that does not count.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import reduce
from itertools import pairwise
from typing import Final

import numpy as np
from numpy.typing import NDArray

from ..formulas import Floats
from .growth_rates import MIN_MEAN_SHARE
from .look_schedule import (
    FLAT_SPAN_SESSIONS,
    STEP_SPAN_SESSIONS,
    first_of_tail,
    look_numbers,
)
from .outcome import Status

NOISE_FACTOR: Final = 2.5
"""Times the noise that a rise must exceed; tuned with the shares below on synthetic series and on
the first repetition of real ones (docs/verdict.md#the-envelope-test, as all that follow).
"""
STEP_SHARE: Final = 0.6
"""Share of a rise that one jump must make up to be cut out as a step."""
_MAD_TO_SIGMA: Final = 1.4826
"""Standard deviations in one median absolute deviation of normal noise."""
_MIN_POINTS: Final = 5
"""Points that an envelope must have: two for each of its ends, and one between."""
_MIN_WINDOW: Final = 2
_MAX_WINDOW: Final = 10
"""Samples of the sliding minimum."""
_TAIL_PER_WINDOW: Final = 6
"""The sliding minimum spans a sixth of the tail."""
_FALL_QUANTA: Final = 4
_FALL_LIMIT_SHARE: Final = 0.25
"""A fall of an envelope counts where it is more than four quanta, and than a quarter of what the
limit allows over the tail.
"""
_SAW_TEETH: Final = 3
"""Falls from which on a saw-tooth is whole; one or two may be an unfinished one."""
_MIN_LIMIT_SHARE: Final = 0.5
"""Share of the limit that each of the first two thirds must exceed, and extrapolated growth."""
_MIN_FADED_SHARE: Final = 0.5
"""Share of the first third's rate that the last third must have."""


@dataclass(frozen=True, slots=True)
class Look:
    """What the samples up to one number say; rates and bounds are per session."""

    sample: int
    sessions: float
    leak: bool
    flat: bool
    rate: float
    lower: float
    """Growth that is there even without the largest jump and the noise."""
    upper: float
    """Growth that cannot be excluded; where a jump was cut out, growth around it."""
    jump: float
    """The largest rise over two neighbours."""
    jump_sessions: float
    """Sessions done when it had happened."""
    step: bool
    """Flat only because the jump was cut out."""
    warmup: int
    """Number of the first sample of the tail."""
    span: float
    """Sessions that the tail's envelope spans."""
    noise: float
    thirds: tuple[float, float, float]
    falls: int
    """Falls of the envelope. One or two may be an unfinished saw-tooth."""

    @property
    def excess_jump(self) -> float:
        """The largest jump, less what two samples in a row grow by on average."""
        own = 2 * max(0.0, self.rate) * self.span / max(1, self.sample - self.warmup)
        return max(0.0, self.jump - own)

    @property
    def rate_without_jump(self) -> float:
        """Growth per session, less a jump that makes up most of it."""
        is_one_jump = self.jump > STEP_SHARE * self.rate * self.span
        return self.rate - self.excess_jump / self.span if is_one_jump else self.rate


@dataclass(frozen=True, slots=True)
class Trend:
    """One metric over all looks so far."""

    status: Status
    """What two consecutive looks agree on."""
    since_sessions: float | None
    """Where the evidence began that the state rests on: the first of the looks that agree
    without a break.
    """
    suspected_sessions: float | None
    """The first look of the unbroken leak evidence that the latest look still has; None without
    one.
    """
    looks: tuple[Look, ...]

    @property
    def latest(self) -> Look | None:
        """The look that the status was taken from."""
        return self.looks[-1] if self.looks else None


def follow(
    t: Floats, x: Floats, limit: float, quantum: float = 0.0, *, final: bool = False
) -> Trend:
    """All looks at one metric up to now, and the status that the latest two agree on.

    Args:
        t: cumulative sessions at each sample, strictly rising.
        x: the metric at each sample.
        limit: growth per session that is still flat.
        quantum: the smallest step in which the metric moves.
        final: no sample will follow, so that the last one gets a look too.
    """
    numbers = look_numbers(len(x) - 1, final=final)
    attempts = [look(t[: n + 1], x[: n + 1], limit, quantum) for n in numbers]
    looks = tuple(look_taken for look_taken in attempts if look_taken is not None)
    leaks, flats = _unbroken(looks, "leak"), _unbroken(looks, "flat")
    suspected = leaks[0].sessions if leaks else None
    if len(leaks) >= 2:
        return Trend(Status.LEAK, leaks[0].sessions, suspected, looks)
    if len(flats) >= 2:
        return Trend(Status.FLAT, flats[0].sessions, suspected, looks)
    return Trend(Status.INCONCLUSIVE, None, suspected, looks)


def _unbroken(looks: tuple[Look, ...], evidence: str) -> tuple[Look, ...]:
    """The latest looks that all have this evidence."""
    start = len(looks)
    while start > 0 and getattr(looks[start - 1], evidence):
        start -= 1
    return looks[start:]


@dataclass(frozen=True, slots=True)
class _Tail:
    """The samples that a look keeps, and their envelope."""

    first: int
    """Number of its first sample."""
    window: int
    """Samples of the sliding minimum."""
    x: Floats
    """The metric at each sample of the tail."""
    samples_span: float
    """Sessions from its first sample to its last."""
    t: Floats
    y: Floats
    """Sessions and metric at each point of the envelope."""

    @classmethod
    def of(cls, t: Floats, x: Floats) -> _Tail | None:
        """The tail of all samples given; None where its envelope has too few points."""
        last = len(x) - 1
        first = first_of_tail(last)
        window = min(_MAX_WINDOW, max(_MIN_WINDOW, (last - first + 1) // _TAIL_PER_WINDOW))
        y = envelope(x[first:], window)
        if len(y) < _MIN_POINTS:
            return None
        return cls(first, window, x[first:], float(t[-1] - t[first]), t[first : first + len(y)], y)

    @property
    def span(self) -> float:
        """Sessions that the envelope spans."""
        return float(self.t[-1] - self.t[0])

    @property
    def rise(self) -> float:
        """From the envelope's first point to its last."""
        return float(self.y[-1] - self.y[0])

    @property
    def ends_of_thirds(self) -> list[int]:
        """Points of the envelope that bound its thirds."""
        count = len(self.y)
        return [0, count // 3, 2 * count // 3, count - 1]

    def thirds(self) -> tuple[float, float, float]:
        """Growth per session in each third."""
        t, y = self.t, self.y
        first, second, third = (
            float((y[end] - y[start]) / (t[end] - t[start]))
            for start, end in pairwise(self.ends_of_thirds)
        )
        return first, second, third

    def noise(self, quantum: float) -> float:
        """How far the envelope is off straight lines through its thirds: a standard deviation."""
        ends = self.ends_of_thirds
        lines = np.interp(self.t, self.t[ends], self.y[ends])
        return _MAD_TO_SIGMA * _median(np.abs(self.y - lines)) + quantum

    def noise_of_samples(self, quantum: float) -> float:
        """How far steps from sample to sample are off their median: a standard deviation."""
        return _MAD_TO_SIGMA * _spread(np.diff(self.x)) + quantum


@dataclass(frozen=True, slots=True)
class _Falls:
    """Where an envelope falls, as after a collection: growth may hide behind a saw-tooth."""

    are_falls: NDArray[np.bool_]
    """For each step of the envelope."""
    count: int
    total: float
    """How far it falls in all of them."""
    sessions_without: float
    """Sessions in which growth shows: the envelope is level for a window before each fall."""

    @classmethod
    def of(cls, tail: _Tail, limit: float, quantum: float) -> _Falls:
        """Those that are too large to be noise, see `_FALL_QUANTA`."""
        steps = np.diff(tail.y)
        are_falls = steps < -smallest_fall(tail.span, limit, quantum)
        count = int(are_falls.sum())
        return cls(
            are_falls,
            count,
            -float(steps[are_falls].sum()),
            tail.span * (1 - tail.window * count / len(tail.y)),
        )

    def may_hide(self, upper: float, span: float, limit: float) -> bool:
        """Whether growth over the limit may hide behind falls that are not a whole saw-tooth.

        Args:
            upper: growth per session that cannot be excluded.
            span: sessions that the envelope spans.
            limit: growth per session that is still flat.
        """
        if self.count == 0 or self.count >= _SAW_TEETH:
            return False
        if self.sessions_without <= 0:
            return True
        return (upper * span + self.total) / self.sessions_without >= limit


def look(t: Floats, x: Floats, limit: float, quantum: float = 0.0) -> Look | None:
    """One look at all samples given; None where the tail is too short to say anything."""
    tail = _Tail.of(t, x)
    if tail is None:
        return None
    span, rise, thirds = tail.span, tail.rise, tail.thirds()
    steps = np.diff(tail.y)
    jump, before, after = _largest_jump(steps)
    falls = _Falls.of(tail, limit, quantum)
    noise = tail.noise(quantum)
    flat_noise = min(noise, tail.noise_of_samples(quantum))
    lower = (rise - jump - NOISE_FACTOR * noise) / span
    upper = (_largest_rise(tail.t, tail.y, span) + NOISE_FACTOR * flat_noise) / span
    is_level = upper < limit and not falls.may_hide(upper, span, limit)
    flat = tail.samples_span >= FLAT_SPAN_SESSIONS and is_level
    is_step = False
    if not flat and tail.samples_span >= STEP_SPAN_SESSIONS and falls.sessions_without > 0:
        growth = _around_jump(np.where(falls.are_falls, 0.0, steps), before, after)
        around = (growth + NOISE_FACTOR * flat_noise) / falls.sessions_without
        is_step = jump > STEP_SHARE * (rise + falls.total) and around < limit
        if is_step:
            flat, upper = True, around
    return Look(
        sample=len(x) - 1,
        sessions=float(t[-1]),
        leak=lower > limit and _grows_in_every_third(*thirds, rise / span, limit),
        flat=flat,
        rate=rise / span,
        lower=lower,
        upper=upper,
        jump=jump,
        jump_sessions=float(tail.t[after]),
        step=is_step,
        warmup=tail.first,
        span=span,
        noise=noise,
        thirds=thirds,
        falls=falls.count,
    )


def envelope(x: Floats, window: int) -> Floats:
    """The minimum of each `window` neighbours: spikes shorter than it are gone, steps stay where
    they were.
    """
    points = max(0, len(x) - window + 1)
    shifted: list[Floats] = [x[shift : shift + points] for shift in range(window)]
    return reduce(np.minimum, shifted)


def smallest_fall(span: float, limit: float, quantum: float) -> float:
    """A smaller fall over a tail is noise.

    Args:
        span: sessions of the tail.
        limit: growth per session that is still flat.
        quantum: the smallest step in which the metric moves.
    """
    return max(_FALL_QUANTA * quantum, _FALL_LIMIT_SHARE * limit * span)


def _grows_in_every_third(s1: float, s2: float, s3: float, rate: float, limit: float) -> bool:
    fading = max(0.0, (s1 + s2) / 2 - s3)
    return (
        min(s1, s2) > max(_MIN_LIMIT_SHARE * limit, MIN_MEAN_SHARE * rate)
        and s3 > max(limit, MIN_MEAN_SHARE * rate)
        and s3 - fading > _MIN_LIMIT_SHARE * limit
        and s3 >= _MIN_FADED_SHARE * s1
    )


def _largest_jump(d: Floats) -> tuple[float, int, int]:
    """The largest rise over two neighbours, and the points before and after it."""
    rises = d.copy()
    rises[:-1] += np.maximum(0.0, d[1:])
    at = int(np.argmax(rises))
    after = at + 2 if at + 1 < len(d) and d[at + 1] > 0 else at + 1
    return max(0.0, float(rises[at])), at, after


def _around_jump(d: Floats, at: int, after: int) -> float:
    """Growth before and after the jump; a fall on one side does not pay for a rise on the other."""
    return max(0.0, float(d[:at].sum())) + max(0.0, float(d[after:].sum()))


def _largest_rise(t: Floats, y: Floats, span: float) -> float:
    """The largest of three estimates of the rise over the tail: ends, and first against last
    third (min, median).
    """
    c = max(1, len(y) // 3)
    head, tail = y[:c], y[-c:]
    scale = span / (_median(t[-c:]) - _median(t[:c]))
    lowest = float(tail.min() - head.min()) * scale
    middle = (_median(tail) - _median(head)) * scale
    return max(lowest, middle, float(y[-1] - y[0]))


def _median(values: Floats) -> float:
    """As `np.median`, five times as fast on the short arrays of a look."""
    ordered = np.sort(values)
    half = len(ordered) // 2
    return float(ordered[half] if len(ordered) % 2 else (ordered[half - 1] + ordered[half]) / 2)


def _spread(values: Floats) -> float:
    return _median(np.abs(values - _median(values)))

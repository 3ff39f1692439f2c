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

from ..formulas import Floats
from .outcome import Status

LOOKS: Final = (12, 16, 22, 30, 40, 54, 72, 96, 120, 150, 200, 260, 330, 400, 500)
"""Sample numbers at which a run is looked at; beyond the last they go on, a third apart."""
_LOOK_RATIO: Final = 4 / 3

FLAT_SPAN_SESSIONS: Final = 36
"""Sessions a tail must span before it can be called flat. Two agreeing tails then hold 60
sessions or more, and a leak of every tenth session shows itself in 44 (0.9 ** 44 < 1 %).
"""
STEP_SPAN_SESSIONS: Final = 64
"""Sessions that it must span where one jump is cut out: two leaking sessions in ten are needed
(binom.cdf(1, 64, 0.1) < 1 %).
"""

NOISE_FACTOR: Final = 2.5
"""Times the noise that a rise must exceed; tuned with the shares below on synthetic series and on
the first repetition of real ones (docs/verdict.md#the-envelope-test, as all that follow).
"""
STEP_SHARE: Final = 0.6
"""Share of a rise that one jump must make up to be cut out as a step."""
MAX_STEADY_SHARE: Final = 0.6
"""Share of all growth that one rise may make up where growth is steady."""
_MAD_TO_SIGMA: Final = 1.4826
"""Standard deviations in one median absolute deviation of normal noise."""
_MIN_POINTS: Final = 5
"""Points that an envelope must have: two for each of its ends, and one between."""
_MIN_WARMUP_SAMPLES: Final = 3
"""Samples that are dropped at least."""
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
_MIN_MEAN_SHARE: Final = 0.3
"""Share of the mean rate that each third must exceed, and each of the last three rises."""
_MIN_FADED_SHARE: Final = 0.5
"""Share of the first third's rate that the last third must have."""
_STEADY_RISES: Final = 3
"""Rises that tell whether growth is steady."""


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


def look_numbers(last: int, *, final: bool = False) -> list[int]:
    """Sample numbers of the looks up to `last`; a final look adds `last` itself."""
    numbers = list(LOOKS)
    while numbers[-1] < last:
        numbers.append(round(numbers[-1] * _LOOK_RATIO))
    reached = [number for number in numbers if number <= last]
    return [*reached, last] if final and last not in reached else reached


def sessions_to_settle(
    t: Floats, per_cycle: float, span: float = FLAT_SPAN_SESSIONS, *, at_least: float = 0.0
) -> float:
    """Sessions more until two consecutive looks have tails of `span` sessions, at so many sessions
    a cycle.

    Args:
        t: cumulative sessions at each sample so far.
        per_cycle: sessions that each further cycle adds.
        span: what a tail must span; growth that has ended needs its rise over the limit.
        at_least: sessions that the second of the looks must have.
    """
    last = len(t) - 1
    further = np.arange(1, 3 * (span + at_least) / per_cycle + 3 * LOOKS[0] + last) * per_cycle
    all_t = np.concatenate([t, t[-1] + further])
    spanning = 0
    for number in look_numbers(len(all_t) - 1):
        spanning = spanning + 1 if all_t[number] - all_t[first_of_tail(number)] >= span else 0
        if spanning >= 2 and number > last and all_t[number] >= at_least:
            return float(all_t[number] - t[-1])
    return float(further[-1])


def first_of_tail(sample: int) -> int:
    """Number of the first sample that a look at `sample` does not drop as warm-up."""
    return max(_MIN_WARMUP_SAMPLES, -(-sample // 2))


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
    taken = (
        look(t[: n + 1], x[: n + 1], limit, quantum) for n in look_numbers(len(x) - 1, final=final)
    )
    looks = tuple(seen for seen in taken if seen is not None)
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


def look(t: Floats, x: Floats, limit: float, quantum: float = 0.0) -> Look | None:
    """One look at all samples given; None where the tail is too short to say anything."""
    n = len(x) - 1
    warmup = first_of_tail(n)
    window = min(_MAX_WINDOW, max(_MIN_WINDOW, (n - warmup + 1) // _TAIL_PER_WINDOW))
    y = envelope(x[warmup:], window)
    k = len(y)
    if k < _MIN_POINTS:
        return None
    ty = t[warmup : warmup + k]
    nodes = [0, k // 3, 2 * k // 3, k - 1]
    span = float(ty[-1] - ty[0])
    s1, s2, s3 = (float((y[b] - y[a]) / (ty[b] - ty[a])) for a, b in pairwise(nodes))
    rise = float(y[-1] - y[0])
    d = np.diff(y)
    jump, before, after = _largest_jump(d)
    noise = _MAD_TO_SIGMA * _median(np.abs(y - np.interp(ty, ty[nodes], y[nodes]))) + quantum
    lower = (rise - jump - NOISE_FACTOR * noise) / span
    flat_noise = min(noise, _MAD_TO_SIGMA * _spread(np.diff(x[warmup:])) + quantum)
    upper = (_largest_rise(ty, y, span) + NOISE_FACTOR * flat_noise) / span
    is_fall = d < -max(_FALL_QUANTA * quantum, _FALL_LIMIT_SHARE * limit * span)
    fallen, drops = -float(d[is_fall].sum()), int(is_fall.sum())
    spanned = float(t[-1] - t[warmup])
    sessions_without_falls = span * (
        1 - window * drops / k
    )  # the envelope is level for a window before each
    hidden = (
        (upper * span + fallen) / sessions_without_falls if sessions_without_falls > 0 else np.inf
    )
    flat = (
        spanned >= FLAT_SPAN_SESSIONS
        and upper < limit
        and (drops == 0 or drops >= _SAW_TEETH or hidden < limit)
    )
    step = False
    if (
        not flat
        and spanned >= STEP_SPAN_SESSIONS
        and jump > STEP_SHARE * (rise + fallen)
        and sessions_without_falls > 0
    ):
        around = (
            _around_jump(np.where(is_fall, 0.0, d), before, after) + NOISE_FACTOR * flat_noise
        ) / sessions_without_falls
        if around < limit:
            flat, step, upper = True, True, around
    return Look(
        sample=n,
        sessions=float(t[-1]),
        leak=lower > limit and _grows_in_every_third(s1, s2, s3, rise / span, limit),
        flat=flat,
        rate=rise / span,
        lower=lower,
        upper=upper,
        jump=jump,
        jump_sessions=float(ty[after]),
        step=step,
        warmup=warmup,
        span=span,
        noise=noise,
        thirds=(s1, s2, s3),
    )


def envelope(x: Floats, window: int) -> Floats:
    """The minimum of each `window` neighbours: spikes shorter than it are gone, steps stay where
    they were.
    """
    points = max(0, len(x) - window + 1)
    shifted: list[Floats] = [x[shift : shift + points] for shift in range(window)]
    return reduce(np.minimum, shifted)


def steady_growth(t: Floats, x: Floats) -> bool:
    """Whether growth since the first sample is spread over the run: the rule of the budget stop.

    At least three samples after the first; each of the last three rose by more than 0.3 of the mean
    rate since the first; and no single rise makes up more than 60 % of all growth.
    """
    rises = np.diff(x)
    growth = float(x[-1] - x[0])
    if len(rises) < _STEADY_RISES or growth <= 0:
        return False
    rates = rises[-_STEADY_RISES:] / np.diff(t)[-_STEADY_RISES:]
    mean = growth / (t[-1] - t[0])
    is_spread = rises.max() <= MAX_STEADY_SHARE * growth
    return bool(np.all(rates > _MIN_MEAN_SHARE * mean) and is_spread)


def tail_rate(t: Floats, x: Floats, first: int | None = None) -> float:
    """Growth per session between sample number `first` and the last; as a rule over the half
    that a look keeps.
    """
    start = min(len(x) - 2, first_of_tail(len(x) - 1)) if first is None else first
    return float((x[-1] - x[start]) / (t[-1] - t[start]))


def remaining_rate(t: Floats, x: Floats, idle: float, since: float = 0.0) -> float:
    """Growth per session over the tail that is still there after idling, where the metric then read
    `idle`.

    What the wait released was held when the tail began, too: in proportion to the sessions done by
    then, as a release that is late by more than the run lasts would have it. Without that share a
    leak behind a late release would look released; where the release is faster, the tail does not
    grow in every third to begin with.

    Args:
        t: cumulative sessions.
        x: the metric at each.
        idle: what it was after the wait.
        since: sessions at the wait before this one: what was held by then is gone already.
    """
    start = min(len(x) - 2, first_of_tail(len(x) - 1))
    released = max(0.0, float(x[-1]) - idle)
    begun = max(since, float(t[0]))
    held_before = released * max(0.0, float(t[start]) - begun) / max(1.0, float(t[-1]) - begun)
    return (idle - float(x[start]) + held_before) / float(t[-1] - t[start])


def _grows_in_every_third(s1: float, s2: float, s3: float, rate: float, limit: float) -> bool:
    fading = max(0.0, (s1 + s2) / 2 - s3)
    return (
        min(s1, s2) > max(_MIN_LIMIT_SHARE * limit, _MIN_MEAN_SHARE * rate)
        and s3 > max(limit, _MIN_MEAN_SHARE * rate)
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

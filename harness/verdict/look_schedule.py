"""When a run is looked at, which samples a look keeps, and how many sessions they must span."""

from __future__ import annotations

from typing import Final

import numpy as np

from ..formulas import Floats

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
_MIN_WARMUP_SAMPLES: Final = 3
"""Samples that are dropped at least."""


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

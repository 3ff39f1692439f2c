"""What sort of flat, or of leak: the kinds and tags of the memory gate, from series and rates."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from ..formulas import Floats
from ..units import format_size
from .growth_engine import Look, envelope
from .growth_rates import tail_rate
from .look_schedule import first_of_tail
from .outcome import Kind, Tag

WARM_FROM_SESSIONS: Final = 20
NOTABLE_RISE_BYTES: Final = 64 * 1024
"""A flat run that rises by less after its first sessions is flat and nothing else."""

SMALL_BLOCK_BYTES: Final = 512
"""Blocks larger than this are malloc's, smaller ones live in Python's own arenas, which malloc
does not count.
"""

_STEP_SHARE: Final = 0.7
"""Share of the rise that one step makes up (docs/verdict.md#kinds-of-the-memory-gate, as all that
follow).
"""
_STEPS_SHARE: Final = 0.8
"""Share of the rise that a few steps make up."""
_FEW_STEPS: Final = 3
_FILLED_SHARE: Final = 0.9
"""Share of the rise at which a plateau counts as reached."""
_RISING_SHARE: Final = 0.6
"""Share of the cycles that rise above which every session is taken to leak."""
_SPARSE_SHARE: Final = 2 / 3
"""Share of the cycles that do not rise in a sparse leak."""
_ACCELERATION: Final = 1.3
"""The last third over the first of a leak that accelerates."""
_HALF: Final = 0.5
"""Share of the growth that explains it."""
_LEFT_AGAIN: Final = 2
"""The latest samples, which only say what was left again."""
_PYTHON_BLOCKS: Final = 2.5
PYTHON_OBJECTS: Final = 0.5
LARGE_BLOCKS: Final = 1.0
"""Blocks per leaking session: measured 0.3 to 0.92 where C code leaks (the server's own creep),
1.4 to 2.0 where one bytes object a session does, 4.6 and more for objects; and 1 tracked object.
"""


@dataclass(frozen=True, slots=True)
class Rates:
    """Growth per session over the tail; None where the metric was not measured."""

    total: float
    """Bytes that the whole process tree grows by."""
    children: float
    """Its share that is in child processes."""
    malloc: float | None
    """Its share that malloc has handed out."""
    blocks: float | None
    objects: float | None
    leaking_share: float = 1.0
    """Share of the sessions that leak."""


def flat_kind(t: Floats, x: Floats) -> tuple[Kind, str]:
    """How a flat series got where it is, and in words.

    What counts is the future minimum (the level that is never left again) from session 20 on: one
    step has 70 % of its rise in two neighbours, a few steps 80 % in three; else it is a plateau, of
    a cache or a warm-up. The last two samples only say what was left again.
    """
    warm = t >= min(WARM_FROM_SESSIONS, t[-1] / 2)
    warm_t = t[warm][:-_LEFT_AGAIN]
    level = np.minimum.accumulate(x[warm][::-1])[::-1][:-_LEFT_AGAIN]
    if len(level) == 0:
        return Kind.FLAT, ""
    rises, total = np.diff(level), float(level[-1] - level[0])
    if len(rises) < 2 or total < NOTABLE_RISE_BYTES:
        return Kind.FLAT, ""
    doubles = rises[:-1] + rises[1:]
    if doubles.max() >= _STEP_SHARE * total:
        at = warm_t[int(np.argmax(doubles)) + 2]
        return Kind.STEP, f"one step of {format_size(float(doubles.max()))} by session {at:.0f}"
    if np.sort(rises)[-_FEW_STEPS:].sum() >= _STEPS_SHARE * total:
        return Kind.STEP, f"a few steps, together {format_size(total)}"
    filled = warm_t[int(np.argmax(level >= level[0] + _FILLED_SHARE * total))]
    return Kind.PLATEAU, f"rose by {format_size(total)}, nine tenths of it by session {filled:.0f}"


def leak_kind(rates: Rates) -> Kind:
    """Where leaked memory lies. Native is what neither malloc nor small blocks hold half of, and
    what no block goes with.
    """
    if rates.children >= _HALF * rates.total > 0:
        return Kind.CHILD_PROCESS
    if rates.blocks is None:
        return Kind.UNATTRIBUTED
    share = rates.leaking_share
    in_malloc = rates.total if rates.malloc is None else rates.malloc
    if in_malloc + rates.blocks * SMALL_BLOCK_BYTES < _HALF * rates.total:
        return Kind.NATIVE
    if rates.blocks >= _PYTHON_BLOCKS * share or (rates.objects or 0.0) >= PYTHON_OBJECTS * share:
        return Kind.PYTHON
    return Kind.LARGE_OBJECT if rates.blocks >= LARGE_BLOCKS * share else Kind.NATIVE


def leaking_share(t: Floats, x: Floats, noise: float) -> float:
    """Share of the sessions of the tail that leak, where most cycles do not rise at all; else 1."""
    start = first_of_tail(len(x) - 1)
    rising = np.diff(x[start:]) > noise
    if len(rising) == 0 or rising.mean() > _RISING_SHARE:
        return 1.0
    return max(1, int(rising.sum())) / float(t[-1] - t[start])


def tags(t: Floats, x: Floats, look: Look) -> tuple[Tag, ...]:
    """`sparse`: two thirds of the tail's cycles do not rise, the others all do. `accelerating`: the
    last third of the tail is over 1.3 times as steep as the first, and the tail as the quarter of
    the run before it.
    """
    d = np.diff(envelope(x[look.warmup :], 2))
    still = np.abs(d) <= look.noise
    shape = []
    if still.mean() >= _SPARSE_SHARE and bool(np.all(d[~still] > 0)) and not bool(np.all(still)):
        shape.append(Tag.SPARSE)
    quarter = (look.warmup + 1) // 2
    before = tail_rate(t[: look.warmup + 1], x[: look.warmup + 1], quarter)
    if look.thirds[2] > _ACCELERATION * look.thirds[0] and look.rate > _ACCELERATION * before:
        shape.append(Tag.ACCELERATING)
    return tuple(shape)


def is_fragmentation(growth: float, free_growth: float | None) -> bool:
    """Whether memory that grows, while what is in use does not, is the heap's own free space.

    Args:
        growth: RSS over the tail, in bytes.
        free_growth: what malloc holds of the system beyond what is in use, over the same tail. None
            where it was
            not measured: heap growth that cannot be told apart is called fragmentation.
    """
    return free_growth is None or free_growth >= _HALF * growth

"""A run whose cycles differ on purpose: how often each action happens in which cycle.

What differs is a list of factors, made from what the protocol declares of its actions. Each factor
has each of its levels equally often, and the factors are as independent of each other as a random
search finds them: only then can a regression tell what each action leaves.
"""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np

from .design_matrix import WARMUP_CYCLES


@dataclass(frozen=True, slots=True)
class Factor:
    """An action whose number of times is varied."""

    action: str
    levels: tuple[int, ...]
    """How often it may happen in place of once. Their number divides `BLOCK`."""


@dataclass(frozen=True, slots=True)
class Variation:
    """What is different in one cycle."""

    sessions: int
    times: Mapping[str, int] = field(default_factory=dict)
    """How often an action happens each time that the script asks for it; 1 where it is not here."""
    leave: bool = True
    """Replies that the script leaves half-way are left; else they are read to their end."""
    drop: bool = False
    """Sessions end with a reset instead of a close."""
    pause_s: float = 0.0
    """The cycle rests for this long after its sessions: what grows with time alone shows by it."""


BLOCK: Final = 6
"""Cycles in which every factor has each of its levels equally often."""
TRIES: Final = 40
"""Random blocks of which the most informative is taken."""
FEW, MANY = (1, 2), (1, 6)
"""Sessions in a cycle: few at first, for each may leave much; more then, for only one in ten
may.
"""
FEW_CYCLES: Final = 12
"""Cycles after the warm-up that have few sessions."""
ENDINGS: Final = ((False, True), (False, True))
"""Levels of `leave` and of `drop`."""
PAUSE_S: Final = (0.0, 0.1, 0.2, 0.3, 0.5, 0.7)
"""Levels of the pause, in seconds."""


def schedule(cycles: int, seed: int, factors: Sequence[Factor]) -> list[Variation]:
    """That many cycles. In each of the first `WARMUP_CYCLES`, one session does everything once.

    Args:
        cycles: how many.
        seed: the same one gives the same schedule.
        factors: what is varied besides sessions, endings and pauses.
    """
    draw = random.Random(seed)
    warmup = [
        Variation(1, leave=number % 4 < 2, drop=number % 2 == 1) for number in range(WARMUP_CYCLES)
    ]
    designed: list[Variation] = []
    while len(warmup) + len(designed) < cycles:
        sessions = FEW if len(designed) < FEW_CYCLES else MANY
        blocks = [_block(draw, sessions, factors) for _ in range(TRIES)]
        designed += max(blocks, key=lambda block: _information([*designed, *block], factors))
    return (warmup + designed)[:cycles]


def _block(
    draw: random.Random, sessions: Sequence[int], factors: Sequence[Factor]
) -> list[Variation]:
    all_levels: list[Sequence[Any]] = [
        sessions,
        *(factor.levels for factor in factors),
        *ENDINGS,
        PAUSE_S,
    ]
    columns = [draw.sample([*levels] * (BLOCK // len(levels)), BLOCK) for levels in all_levels]
    names = [factor.action for factor in factors]
    variations = []
    for number, *times, leave, drop, pause_s in zip(*columns, strict=True):
        often = dict(zip(names, times, strict=True))
        variations.append(Variation(number, often, leave, drop, pause_s))
    return variations


def _information(cycles: Sequence[Variation], factors: Sequence[Factor]) -> float:
    """How well these cycles tell the factors apart: D-optimality, the log of the determinant of the
    information matrix X'X (Atkinson and Donev, Optimum Experimental Designs, 1992).

    What happens in a session counts as often as the cycle has sessions.
    """
    rows = []
    for cycle in cycles:
        often = [cycle.times.get(factor.action, 1) for factor in factors]
        per_session = np.array([1.0, *often, cycle.leave, cycle.drop])
        rows.append([1.0, *(cycle.sessions * per_session), cycle.pause_s])
    x = np.array(rows, dtype=np.float64)
    # The first blocks are too short for all factors: without the ridge their determinant is 0.
    ridge = 1e-6 * np.eye(x.shape[1])
    return float(np.linalg.slogdet(x.T @ x + ridge)[1])

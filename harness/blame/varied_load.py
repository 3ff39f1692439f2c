"""A run whose cycles differ on purpose: how often each action happens in which cycle."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import astuple, dataclass
from typing import Any, Final

import numpy as np

from harness.blame.design_matrix import WARMUP_CYCLES

BLOCK: Final = 6
"""Every factor has each of its levels equally often in so many cycles."""
TRIES: Final = 40


@dataclass(frozen=True, slots=True)
class Variation:
    """What is different in one cycle."""

    sessions: int
    chat: int
    """How often each chat of the script happens; the same for the others."""
    switch_character: int
    interrupt: int
    leave: bool
    """Replies that the script leaves half-way are left; else they are read to their end."""
    drop: bool
    """Sessions end with a reset instead of a close."""
    idle_s: float
    """So long the cycle rests after its sessions: what grows with time alone shows by that."""


FEW, MANY = (1, 2), (1, 6)
"""Sessions in a cycle: few at first, for each may leave much; more then, for only one in ten
may.
"""
FEW_CYCLES: Final = 12
LEVELS: Final[Sequence[Sequence[Any]]] = (
    (0, 1, 2),
    (0, 1, 2),
    (0, 1, 2),
    (False, True),
    (False, True),
)
IDLE_S: Final = (0.0, 0.1, 0.2, 0.3, 0.5, 0.7)


def schedule(cycles: int, seed: int) -> list[Variation]:
    """So many cycles; each factor is as independent of the others as can be, from the first
    block on.
    """
    draw = random.Random(seed)
    done = [
        Variation(1, 1, 1, 1, leave=number % 4 < 2, drop=number % 2 == 1, idle_s=0.0)
        for number in range(WARMUP_CYCLES)
    ]
    designed: list[Variation] = []
    while len(done) + len(designed) < cycles:
        sessions = FEW if len(designed) < FEW_CYCLES else MANY
        blocks = [_block(draw, sessions) for _ in range(TRIES)]
        designed += max(blocks, key=lambda block: _spread([*designed, *block]))
    return (done + designed)[:cycles]


def _block(draw: random.Random, sessions: Sequence[int]) -> list[Variation]:
    columns = [
        draw.sample([*levels] * (BLOCK // len(levels)), BLOCK)
        for levels in (sessions, *LEVELS, IDLE_S)
    ]
    return [Variation(*row) for row in zip(*columns, strict=True)]


def _spread(cycles: Sequence[Variation]) -> float:
    """D-optimality: the log of the determinant of the information on each factor, times the
    sessions, as it counts.
    """
    x = np.array([astuple(one) for one in cycles], dtype=np.float64)
    x[:, 1:-1] *= x[:, :1]
    x = np.column_stack([np.ones(len(x)), x])
    return float(
        np.linalg.slogdet(x.T @ x + 1e-6 * np.eye(x.shape[1]))[1]
    )  # the first block alone is too short

"""Which action leaves how much: a regression of what each cycle added on how often each action happened in it.

Model: from one rest sample to the next a metric changes by the sum of each action's count times what that action
leaves, plus the seconds that passed times what a second leaves. Ordinary least squares (Draper and Smith, Applied
Regression Analysis); intervals by Student's t.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

import numpy as np
from numpy.typing import NDArray

from harness.errors import UsageError
from harness.record import CycleDone, RestSample, RunRecord

Floats = NDArray[np.float64]

CONFIDENCE: Final = 0.9995
"""Two-sided: of the sixty intervals of a run, fewer than one in thirty runs has one that misses by chance."""
WARMUP_CYCLES: Final = 6
LEAST_CYCLES: Final = 12
SECOND: Final = "second"
LIMITS: Final[Mapping[str, float]] = {
    "malloc_in_use": 512.0,
    "uss": 4096.0,
    "blocks": 0.6,
    "gc_objects": 0.6,
    "tasks": 0.02,
    "threads": 0.02,
    "descriptors": 0.02,
    "children": 0.02,
    "idle_cpu": 0.2,
}
"""What an action may leave without being to blame, by metric; of memory, malloc's count is preferred."""
FOLLOWING: Final = ("greeting", "playback", "send", "receive", "heartbeat")
"""Actions that come with others, and never alone."""


@dataclass(frozen=True, slots=True)
class Share:
    """What one action leaves of one metric, each time."""

    action: str
    metric: str
    estimate: float
    lower: float
    upper: float
    guilty: bool
    """The whole interval is above the metric's limit."""

    @property
    def is_calm(self) -> bool:
        """Whether it may well be nothing."""
        return self.lower <= 0 <= self.upper


@dataclass(frozen=True, slots=True)
class Blame:
    """What a run says of its scenario's actions."""

    shares: tuple[Share, ...]
    cycles: int
    sessions: int
    inseparable: tuple[str, ...] = ()
    """Actions that always came together, so that what they leave cannot be told apart."""

    @property
    def guilty(self) -> tuple[str, ...]:
        """Actions to blame, the one that is farthest above its limit first; a second is none."""
        worst: dict[str, float] = {}
        for share in self.shares:
            if share.guilty and share.action != SECOND:
                worst[share.action] = max(worst.get(share.action, 0.0), share.lower / LIMITS[share.metric])
        return tuple(sorted(worst, key=lambda action: -worst[action]))


def blame(record: RunRecord) -> Blame:
    """What each action leaves.

    Raises:
        UsageError: too few cycles to tell.
    """
    steps = _steps(record)
    if len(steps) < LEAST_CYCLES:
        raise UsageError(
            f"{len(steps)} cycles after the warm-up are too few to tell actions apart, {LEAST_CYCLES} are needed",
            hint=f"give --cycles {LEAST_CYCLES + WARMUP_CYCLES} or more, or a smaller --agent-size",
        )
    names = sorted({name for cycle, _, _ in steps for name in _counts(cycle)} - set(FOLLOWING))
    x = np.array([[_counts(cycle).get(name, 0) for name in names] for cycle, _, _ in steps], dtype=np.float64)
    kept, inseparable = _independent(x, names)
    x = np.column_stack([x[:, kept], [after.at_s - before.at_s for _, before, after in steps]])
    actions = [names[one] for one in kept] + [SECOND]
    metrics = [name for name in LIMITS if all(name in after.values for _, _, after in steps)]
    if "malloc_in_use" in metrics and "uss" in metrics:
        metrics.remove("uss")
    shares = [
        share
        for metric in metrics
        for share in _fit(x, np.array([b.values[metric] - a.values[metric] for _, a, b in steps]), actions, metric)
    ]
    return Blame(tuple(shares), len(steps), sum(len(cycle.sessions) for cycle, _, _ in steps), inseparable)


def _steps(record: RunRecord) -> list[tuple[CycleDone, RestSample, RestSample]]:
    """Cycles after the warm-up, with the rest samples around them."""
    by_number = {cycle.cycle: cycle for cycle in record.cycles}
    return [
        (by_number[after.cycle], before, after)
        for before, after in pairwise(record.rests)
        if after.cycle > WARMUP_CYCLES and after.cycle in by_number and after.cycle == before.cycle + 1
    ]


def _counts(cycle: CycleDone) -> dict[str, int]:
    total: dict[str, int] = {}
    for session in cycle.sessions:
        for action, count in session.actions.items():
            total[action] = total.get(action, 0) + count
    return total


def _independent(x: Floats, names: Sequence[str]) -> tuple[list[int], tuple[str, ...]]:
    """Columns that none before them makes up, and the names of the others."""
    order = sorted(range(len(names)), key=lambda one: (names[one] != "connect", names[one]))
    kept: list[int] = []
    left: list[str] = []
    for one in order:
        if np.linalg.matrix_rank(x[:, [*kept, one]]) > len(kept):
            kept.append(one)
        else:
            left.append(names[one])
    return kept, tuple(left)


def _fit(x: Floats, y: Floats, actions: Sequence[str], metric: str) -> list[Share]:
    from scipy import stats  # noqa: PLC0415 - half a second, for this alone

    coefficients, _, _, _ = np.linalg.lstsq(x, y, rcond=None)
    free = len(y) - x.shape[1]
    residual = y - x @ coefficients
    variance = float(residual @ residual) / free
    errors = np.sqrt(np.diag(np.linalg.pinv(x.T @ x)) * variance)
    reach = float(stats.t.ppf((1 + CONFIDENCE) / 2, free)) * errors + 1e-9
    return [
        Share(action, metric, float(b), float(b - r), float(b + r), bool(b - r > LIMITS[metric]))
        for action, b, r in zip(actions, coefficients, reach, strict=True)
    ]

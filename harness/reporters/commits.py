"""bisect.png: growth per session over commits."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from . import canvas
from .contract import Report

_COLORS: Final = {"good": canvas.GREEN, "bad": canvas.VERMILION, "skip": canvas.INK}


@dataclass(frozen=True, slots=True)
class Tried:
    """One commit that was tried."""

    number: int
    """Its place among the commits, the oldest first."""
    growth_bytes: float | None
    """Per session; None where it was not measured."""
    answer: str
    """`good`, `bad` or `skip`."""


@dataclass(frozen=True, slots=True)
class Commits:
    """The commits that were tried, and the number of the first bad one."""

    tried: Sequence[Tried]
    first_bad: int


def render(commits: Commits) -> bytes:
    """A picture of what each commit grows by, with a line at the first bad one."""
    drawn, axes = canvas.figure(4)
    (axis,) = axes
    canvas.title(axis, "Growth per session, by commit", None, "")
    growths = [abs(commit.growth_bytes or 0.0) for commit in commits.tried]
    unit, size = canvas.size_unit(max(growths, default=0.0) or 1.0)
    for answer, color in _COLORS.items():
        points = [
            (commit.number, commit.growth_bytes / size)
            for commit in commits.tried
            if commit.answer == answer and commit.growth_bytes is not None
        ]
        if points:
            t, y = np.array(points, dtype=np.float64).T
            canvas.points(axis, t, y, "o", color=color, label=answer)
    axis.axvline(commits.first_bad, color=canvas.VERMILION, linestyle="--", linewidth=1)
    axis.set_ylabel(f"growth ({unit})", color=canvas.INK)
    last = max([commits.first_bad, *(commit.number for commit in commits.tried)])
    return canvas.finish(drawn, axes, last)


REPORTS: Final[dict[str, Report[Commits]]] = {"bisect.png": render}

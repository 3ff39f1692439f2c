"""Growth per session over commits."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from harness.reporters import canvas


def plot(points: Sequence[tuple[int, float | None, str]], first_bad: int) -> bytes:
    """A picture of what each commit that was tried grows by, and where the first bad one is.

    Args:
        points: number of the commit, bytes a session, and `good`, `bad` or `skip`.
        first_bad: number of the commit that is marked.
    """
    drawn, axes = canvas.figure(4)
    (axis,) = axes
    canvas.title(axis, "Growth per session, by commit", None, "")
    known = [(at, growth, answer) for at, growth, answer in points if growth is not None]
    unit, size = canvas.size_unit(max((abs(growth) for _, growth, _ in known), default=1.0))
    for answer, color in (("good", canvas.GREEN), ("bad", canvas.VERMILION), ("skip", canvas.INK)):
        of = [(at, growth / size) for at, growth, one in known if one == answer]
        if of:
            t, y = np.array(of, dtype=np.float64).T
            canvas.points(axis, t, y, "o", color=color, label=answer)
    axis.axvline(first_bad, color=canvas.VERMILION, linestyle="--", linewidth=1)
    axis.set_ylabel(f"growth ({unit})", color=canvas.INK)
    return canvas.finish(drawn, axes, max([first_bad, *(at for at, *_ in points)], default=1))

"""What the plots share: figure, colours, axes. Drawn on figures of their own: nothing global is
touched.
"""

from __future__ import annotations

import os
import warnings
from io import BytesIO
from typing import TYPE_CHECKING, Final

from ..formulas import Floats
from ..redaction import printable
from ..units import SIZE_UNITS
from ..verdict.outcome import Status

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# Okabe and Ito's palette, told apart by colour-blind readers too.
BLUE: Final = "#0072B2"
ORANGE: Final = "#E69F00"
GREEN: Final = "#009E73"
VERMILION: Final = "#D55E00"
PURPLE: Final = "#CC79A7"
INK: Final = "#222222"
FAINT: Final = "#6b6b6b"
_GRID: Final = "#e6e6e6"
_SHADE: Final = "#f1f1ee"

_OUTCOME_COLORS: Final = {Status.FLAT: GREEN, Status.LEAK: VERMILION, Status.DRIFT: VERMILION}
_WIDTH_IN: Final = 10
_DOTS_PER_INCH: Final = 120
TWO_PIXELS: Final = 2 * 72 / _DOTS_PER_INCH
_LEFT_IN: Final = 0.95
_LEGEND_IN: Final = 2.5
_EDGE_IN: Final = 0.2
_TITLE_IN: Final = 0.45
_BELOW_IN: Final = 0.6
_BETWEEN: Final = 0.12
"""Margins are fixed, not fitted: a fitted layout measures every text twice, which took half of
the time of a plot.
"""
_MAX_MARKS: Final = 150
"""With more points, marks would run into one another."""


def figure(height_in: float, panel_heights: tuple[float, ...] = (1,)) -> tuple[Figure, list[Axes]]:
    """A figure with empty panels one above the other, all with sessions as x."""
    # A backend that the environment names, such as a notebook's, would have to be installed. None
    # is used here.
    backend = os.environ.pop("MPLBACKEND", None)
    try:
        from matplotlib.figure import Figure
    finally:
        if backend is not None:
            os.environ["MPLBACKEND"] = backend
    from matplotlib.ticker import MaxNLocator

    drawn = Figure(figsize=(_WIDTH_IN, height_in), dpi=_DOTS_PER_INCH, facecolor="white")
    grid = drawn.subplots(
        len(panel_heights), 1, sharex=True, squeeze=False, height_ratios=panel_heights
    )
    axes: list[Axes] = list(grid[:, 0])
    for axis in axes:
        axis.grid(color=_GRID, linewidth=0.8)
        axis.set_axisbelow(True)
        axis.spines[["top", "right"]].set_visible(False)
        axis.spines[["left", "bottom"]].set_color(FAINT)
        axis.tick_params(colors=FAINT)
    axes[-1].set_xlabel("sessions done", color=INK)
    axes[-1].xaxis.set_major_formatter("{x:,.0f}")
    axes[-1].xaxis.set_major_locator(MaxNLocator(integer=True, steps=[1, 2, 5, 10]))
    return drawn, axes


def literal(text: str) -> str:
    """A legend or title as it is: matplotlib reads mathematics between two dollar signs."""
    return printable(text).replace("$", r"\$")


def title(axis: Axes, what: str, outcome: Status | None, finding: str) -> None:
    """What is drawn on the left, what came of it on the right, in the outcome's colour."""
    axis.set_title(literal(what), loc="left", y=1.0, fontsize=13, fontweight="bold", color=INK)
    if outcome is not None:
        color = _OUTCOME_COLORS.get(outcome, FAINT)
        axis.set_title(
            literal(finding), loc="right", y=1.0, fontsize=12, fontweight="bold", color=color
        )


def line(axis: Axes, t: Floats, y: Floats, color: str, label: str, *, marks: bool = True) -> None:
    """A line of two pixels, with marks where there are few enough to be seen."""
    marker = "o" if marks and len(t) <= _MAX_MARKS else ""
    if len(t):
        axis.plot(
            t,
            y,
            marker=marker,
            markersize=3.5,
            color=color,
            label=literal(label),
            linewidth=TWO_PIXELS,
        )


def points(axis: Axes, t: Floats, y: Floats, marker: str, *, color: str, label: str) -> None:
    """Single values, smaller where there are many."""
    if len(t):
        size = 4.5 if len(t) <= _MAX_MARKS else 1.5
        axis.plot(t, y, marker, color=color, markersize=size, markeredgewidth=0.8, label=label)


def finish(drawn: Figure, axes: list[Axes], sessions: float, warmup_sessions: float = 0) -> bytes:
    """Shade the warm-up, put the legends next to the panels, and encode the picture as PNG."""
    for axis in axes:
        if not axis.has_data():
            axis.text(
                0.5, 0.5, "nothing was measured", transform=axis.transAxes, ha="center", color=FAINT
            )
            axis.set(yticks=[], ylabel="")
        elif warmup_sessions:
            axis.axvspan(0, warmup_sessions, color=_SHADE, zorder=0, label="warm-up, not judged")
        if axis.get_legend_handles_labels()[0]:
            axis.legend(
                loc="upper left",
                bbox_to_anchor=(1.01, 1.02),
                borderaxespad=0,
                frameon=False,
                labelcolor=INK,
            )
        axis.set_xlim(0, max(sessions, 1) * 1.01)
    width, height = drawn.get_size_inches()
    right = _LEGEND_IN if any(axis.get_legend() for axis in axes) else _EDGE_IN
    drawn.subplots_adjust(
        _LEFT_IN / width,
        _BELOW_IN / height,
        1 - right / width,
        1 - _TITLE_IN / height,
        hspace=_BETWEEN,
    )
    out = BytesIO()
    with warnings.catch_warnings():
        # The font may lack a character of a name. The box in its place says so well enough.
        warnings.filterwarnings("ignore", "Glyph .* missing from font")
        drawn.savefig(out, format="png")
    return out.getvalue()


def size_unit(largest_bytes: float) -> tuple[str, float]:
    """The binary unit in which the largest value is at least one, and its bytes."""
    fitting = [(unit, float(size)) for unit, size in SIZE_UNITS.items() if size <= largest_bytes]
    return fitting[-1] if fitting else ("B", 1.0)

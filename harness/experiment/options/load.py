"""Options on what load is put on the server."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from ...option import COUNT, FLAG, INTEGER, TIME, declared

GROUP: Final = "load"


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadOptions:
    """How many sessions there are, how many at once, and in how many cycles."""

    cycles: int | None = declared(
        "cycles",
        COUNT,
        "Run exactly this many cycles.",
        default_text="stop as soon as a verdict is possible",
    )
    """None: the run stops as soon as it can decide."""
    min_cycles: int = declared(
        "min-cycles", COUNT, "Run at least this many cycles before a verdict.", default=10
    )
    """Cycles before the first verdict."""
    max_cycles: int | None = declared(
        "max-cycles",
        COUNT,
        "Stop after this many cycles. A run that is undecided by then is inconclusive.",
        default_text="any number of cycles, but at most 500 sessions",
    )
    """None: sessions are bounded instead."""
    sessions: int | None = declared(
        "sessions",
        COUNT,
        "Sessions per cycle.",
        default_text="1 in each of the first ten cycles, then 5",
    )
    """None: one in each of the first ten cycles, then five."""
    concurrency: int = declared(
        "concurrency", COUNT, "Sessions that are connected at the same time.", default=1
    )
    """Sessions at once."""
    settle_s: float | None = declared(
        "settle",
        TIME,
        "Wait this long after each cycle before a sample is taken.",
        default_text="as the scenario says",
    )
    """Seconds; None: as the scenario says."""
    runs: int = declared(
        "runs",
        COUNT,
        "Repeat the run with this many fresh servers. The verdict is over all of them.",
        default=1,
    )
    """Fresh servers that are judged together."""
    seed: int = declared(
        "seed",
        INTEGER,
        "The seed for PYTHONHASHSEED of the server and for the random module of the scenario.",
        default=0,
    )
    """The seed of the first run; each further one takes the next number."""
    once: bool = declared(
        "once",
        FLAG,
        "Run one session and give no verdict. For writing a scenario.",
        default=False,
        is_typed_only=True,
    )
    """Whether there is one session and no verdict."""
    trace: bool = declared(
        "trace",
        FLAG,
        "Print every message with its time.",
        default=False,
        is_typed_only=True,
    )
    """Whether each message is printed on standard error."""

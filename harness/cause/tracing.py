"""How many sessions are run with tracing on, to see where what they leave is made."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from ..record.facts import reported_metric
from ..record.metrics import METRICS, names
from ..record.record import RunRecord
from ..verdict.growth_rates import tail_rate
from ..verdict.kinds import leaking_share
from ..verdict.what_grows import MIN_MAPPED_BYTES, Growth

TRACED_SESSIONS: Final = 5
"""Where each leaves something. While traced, one takes some twenty times as long."""
MAX_TRACED: Final = 24
TRACED_OCCASIONS: Final = 2.5
"""What only some sessions leave is to be seen so often, on average; 2.5 is once or more in 92
runs of 100.
"""
TRACED_SHARE: Final = 0.25
"""Of what the run has grown by so far, the sessions that are traced may add so much."""
LARGE_GROWTH_BYTES: Final = 2**28
"""A server that has grown by more is traced over few sessions: the machine would feel them."""


def sessions_to_trace(record: RunRecord, grown: Sequence[Growth]) -> int:
    """More where few of them leave something; fewer where each leaves so much that the machine
    would feel it.
    """
    held = record.series(reported_metric(record)).x
    rates = {growth.kind: growth.per_session for growth in reversed(grown) if not growth.made_at}
    share = min([_leaking_share(record), *rates.values()])
    wanted = min(MAX_TRACED, max(TRACED_SESSIONS, round(TRACED_OCCASIONS / share)))
    if held[-1] - held[0] <= LARGE_GROWTH_BYTES:
        return wanted
    return max(1, min(wanted, round(TRACED_SHARE * record.sessions)))


def _leaking_share(record: RunRecord) -> float:
    """Share of the sessions that leave memory, where it is memory that they leave."""
    in_use = record.series(names.MALLOC_IN_USE)
    if len(in_use.x) < 2 or tail_rate(in_use.t, in_use.x) <= MIN_MAPPED_BYTES:
        return 1.0
    return leaking_share(in_use.t, in_use.x, METRICS[names.MALLOC_IN_USE].quantum)

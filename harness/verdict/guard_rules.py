"""The rules of the memory gate for runs that the memory guard has ended
(docs/verdict.md#runs-that-stop-early).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from ..record.record import MemoryStop
from ..units import format_size
from .memory_answer import MemoryAnswer
from .memory_facts import MemoryFacts
from .metric_rules import Standing
from .outcome import Kind, Status
from .rules import Rule, source


def _grew_within_sessions(facts: MemoryFacts) -> MemoryAnswer | None:
    """No session is meant to take a whole budget; many that are connected at once may."""
    stop, grown = facts.stop, facts.stop_bytes_per_session
    if stop is None or grown is None or stop.cause != "growth" or not stop.open_sessions:
        return None
    if grown < facts.budget_bytes:
        return None
    sessions = stop.open_sessions
    within = "one session" if sessions == 1 else f"{sessions} sessions at once"
    words = f"grew by {format_size(grown * sessions)} within {within}; {stop.what}"
    standing = Standing(Status.LEAK, words)
    return MemoryAnswer(standing, "rss", Kind.UNATTRIBUTED, confirmed=False)


def _stopped(facts: MemoryFacts) -> MemoryAnswer | None:
    if facts.stop is None:
        return None
    return MemoryAnswer(Standing(Status.INCONCLUSIVE, facts.stop.what), "rss")


_SOURCE: Final = source("runs-that-stop-early")
_NUMBERS: Final = ("stop_bytes_per_session", "budget_bytes")

WITHIN_SESSIONS: Final = "memory.guard-within-sessions"
GUARD_RULES: Final[tuple[Rule[MemoryFacts, MemoryAnswer], ...]] = (
    Rule(
        WITHIN_SESSIONS,
        "The memory guard ended the server, which had grown by the memory budget for each session "
        "that was connected: leak, unconfirmed.",
        _SOURCE,
        _grew_within_sessions,
        _NUMBERS,
    ),
    Rule(
        "memory.guard-stopped",
        "The memory guard ended the run for another reason: open.",
        _SOURCE,
        _stopped,
        _NUMBERS,
    ),
)


@dataclass(frozen=True, slots=True)
class GuardReading:
    """What the gate reports of such a run, in bytes of RSS."""

    first: float
    last: float
    growth_per_session: float

    @classmethod
    def of(cls, stop: MemoryStop, facts: MemoryFacts) -> GuardReading:
        """Read them off the record."""
        first = stop.held_bytes - stop.grown_bytes
        return cls(first, stop.held_bytes, facts.stop_bytes_per_session or 0.0)

"""Runs that stop early: the growth that counts in them, and what their open sessions had taken."""

from __future__ import annotations

from typing import Final

from ..record.metrics import names
from .situation import Situation

HALF_OF_START: Final = 0.5
"""Share of what the server held at first: growth by so much counts in a run that the user made
short (docs/verdict.md#runs-that-stop-early).
"""


def early_threshold(situation: Situation, start_bytes: float) -> tuple[float | None, str]:
    """Growth that counts in a run that stops early, and what that is in words."""
    if situation.over_budget:
        return situation.policy.memory_budget_bytes, "the memory budget"
    if situation.is_short_by_plan:
        words = "half of what the server held before the first session"
        return start_bytes * HALF_OF_START, words
    return None, ""


def taken_at_stop(situation: Situation) -> float | None:
    """RSS that each connected session had taken where the memory guard ended the run, since the
    sample before; None where it did not.
    """
    stop = situation.record.memory_stop
    before = situation.record.rests[-1].values.get(names.RSS)
    if stop is None or before is None:
        return None
    return (stop.held_bytes - before) / max(1, stop.open_sessions)

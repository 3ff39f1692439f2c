"""The rules of the memory gate for runs that stop before the guard: at their memory budget, or at
the cycles that the user fixed (docs/verdict.md#runs-that-stop-early).
"""

from __future__ import annotations

from typing import Final

from ..units import format_size
from .memory_answer import MemoryAnswer
from .memory_facts import MemoryFacts
from .metric_rules import RELEASED, Standing
from .outcome import Kind, Status
from .rules import Rule, source


def _budget_elsewhere(facts: MemoryFacts) -> MemoryAnswer | None:
    threshold = facts.early_threshold_bytes
    if not facts.over_budget or threshold is None or facts.growth_bytes >= threshold:
        return None
    grew = format_size(facts.growth_bytes)
    return _open(facts, f"grew by {grew}, less than {facts.early_threshold}")


def _budget_within_limit(facts: MemoryFacts) -> MemoryAnswer | None:
    if not facts.over_budget or facts.growth_bytes_per_session > facts.limit_bytes:
        return None
    grew = format_size(facts.growth_bytes)
    words = f"grew by {grew}, over {facts.early_threshold}, but by less than the limit for each "
    return _open(facts, f"{words}session")


def _budget_unsteady(facts: MemoryFacts) -> MemoryAnswer | None:
    if not facts.over_budget or facts.is_steady:
        return None
    grew = format_size(facts.growth_bytes)
    words = f"grew by {grew}, over {facts.early_threshold}, but not steadily enough, or too soon, "
    return _open(facts, f"{words}to call it a leak")


def _early_released(facts: MemoryFacts) -> MemoryAnswer | None:
    if not facts.is_early_growth or not (facts.early_wait.waited and facts.early_wait.gone):
        return None
    return MemoryAnswer(RELEASED, facts.reported, Kind.RELEASED_LATE)


def _early_wait_due(facts: MemoryFacts) -> MemoryAnswer | None:
    if not facts.is_early_growth or facts.early_wait.waited or not facts.early_wait.may_wait:
        return None
    return _early(facts, Status.INCONCLUSIVE, suspect=True)


def _early_leak(facts: MemoryFacts) -> MemoryAnswer | None:
    if not facts.is_early_growth or facts.early_wait.gone:
        return None
    return _early(facts, Status.LEAK)


def _early_anew(facts: MemoryFacts) -> MemoryAnswer | None:
    over = facts.over_budget and facts.is_early_growth
    return _early(facts, Status.INCONCLUSIVE) if over else None


def _early(facts: MemoryFacts, status: Status, *, suspect: bool = False) -> MemoryAnswer:
    words = f"grew steadily by {format_size(facts.growth_bytes)}, over {facts.early_threshold}"
    return MemoryAnswer(Standing(status, words, suspect=suspect), facts.reported, confirmed=False)


def _open(facts: MemoryFacts, words: str) -> MemoryAnswer:
    return MemoryAnswer(Standing(Status.INCONCLUSIVE, words), facts.reported)


_EARLY: Final = source("runs-that-stop-early")
_THRESHOLD: Final = (
    "growth_bytes",
    "early_threshold_bytes",
    "growth_bytes_per_session",
    "limit_bytes",
    "is_steady",
)

EARLY_RULES: Final[tuple[Rule[MemoryFacts, MemoryAnswer], ...]] = (
    Rule(
        "memory.budget-elsewhere",
        "The run is over its memory budget, but the reported metric has grown by less: open.",
        _EARLY,
        _budget_elsewhere,
        _THRESHOLD,
    ),
    Rule(
        "memory.budget-within-limit",
        "The run is over its memory budget, but grows by no more than the limit per session: open.",
        _EARLY,
        _budget_within_limit,
        _THRESHOLD,
    ),
    Rule(
        "memory.budget-unsteady",
        "The run is over its memory budget, but one of the last three rises is below 0.3 of the "
        "mean, or one rise is over 60 % of all: open.",
        _EARLY,
        _budget_unsteady,
        _THRESHOLD,
    ),
    Rule(
        "memory.early-released",
        "A run that stops early grew steadily, and a wait took it: released late.",
        _EARLY,
        _early_released,
        (*_THRESHOLD, "remaining_bytes_per_session"),
    ),
    Rule(
        "memory.early-wait-due",
        "A run that stops early grew steadily, and no wait has come yet: wait first.",
        _EARLY,
        _early_wait_due,
        _THRESHOLD,
    ),
    Rule(
        "memory.early-leak",
        "A run that stops early grew steadily, by its memory budget or, with fixed cycles, by half "
        "of what the server held at first: leak, unconfirmed.",
        _EARLY,
        _early_leak,
        (*_THRESHOLD, "remaining_bytes_per_session"),
    ),
    Rule(
        "memory.early-anew",
        "The run is over its memory budget, but the last of 3 waits took growth of the same sort: "
        "open.",
        _EARLY,
        _early_anew,
        (*_THRESHOLD, "remaining_bytes_per_session"),
    ),
)
"""Asked where the bytes are open, in this order."""

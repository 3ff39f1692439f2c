"""The second table of the memory gate: what is it that grows? Does it end by itself, or go with a
collection?
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from .memory_answer import MemoryAnswer
from .memory_facts import MemoryFacts
from .metric_rules import Standing
from .outcome import Kind, Status
from .rules import Rule, source


@dataclass(frozen=True, slots=True)
class GrowthFacts:
    """What the second table compares: the facts, and what the first table has answered."""

    memory: MemoryFacts
    answer: MemoryAnswer

    @property
    def lasting_bytes_per_session(self) -> float:
        """Growth of what is shown to grow, less what a wait took."""
        return self.memory.lasting_bytes_per_session

    @property
    def filling_bytes_per_session(self) -> float | None:
        """What containers with a maximum account for."""
        return self.memory.filling_bytes_per_session

    @property
    def unsure_bytes_per_session(self) -> float | None:
        """What containers account for that may have a maximum."""
        unsure = self.memory.unsure
        return None if unsure is None else unsure.bytes_per_session

    @property
    def limit_bytes(self) -> float:
        """Growth of the reported metric per session that is still flat."""
        return self.memory.limit_bytes


def _fills(facts: GrowthFacts) -> MemoryAnswer | None:
    fills = facts.memory.filling
    if fills is None or not facts.answer.standing.growing:
        return None
    share = fills.bytes_per_session
    if not fills.explains(facts.lasting_bytes_per_session, facts.limit_bytes, share):
        return None
    return MemoryAnswer(Standing(Status.FLAT, fills.told), facts.answer.by, Kind.FILLING)


def _unsure(facts: GrowthFacts) -> MemoryAnswer | None:
    unsure = facts.memory.unsure
    if unsure is None or not facts.answer.standing.growing:
        return None
    share = unsure.bytes_per_session
    if not unsure.explains(facts.lasting_bytes_per_session, facts.limit_bytes, share):
        return None
    words = f"filling or leaking: not bounded as far as the source tells, {unsure.words}"
    return MemoryAnswer(Standing(Status.INCONCLUSIVE, words), facts.answer.by)


def _flat_and_filling(facts: GrowthFacts) -> MemoryAnswer | None:
    fills, answer = facts.memory.filling, facts.answer
    if fills is None or answer.status is not Status.FLAT or answer.kind is not None:
        return None
    if answer.standing.released or not fills.is_going_on:
        return None
    if not fills.accounts_for_most(facts.lasting_bytes_per_session):
        return None
    return MemoryAnswer(Standing(Status.FLAT, fills.told), answer.by, Kind.FILLING)


def _collected(facts: GrowthFacts) -> MemoryAnswer | None:
    """Malloc says it where it was read: what a collection frees need not go back to the system."""
    answer = facts.answer
    names = {"malloc", answer.by or "malloc"}
    if answer.status is not Status.LEAK or not names & facts.memory.gone_with_collection:
        return None
    words = "grew, and went when the probe collected at the end"
    told = Standing(Status.LEAK, words)
    return MemoryAnswer(told, answer.by, Kind.NOT_YET_COLLECTED, answer.confirmed)


def _stands(facts: GrowthFacts) -> MemoryAnswer:
    return facts.answer


_FILLING: Final = source("containers-that-fill")
_KINDS: Final = source("kinds-of-the-memory-gate")

GROWTH_RULES: Final[tuple[Rule[GrowthFacts, MemoryAnswer], ...]] = (
    Rule(
        "memory.filling",
        "Less 1.5 times what containers with a maximum take, the growth is below the limit: flat, "
        "filling.",
        _FILLING,
        _fills,
        ("lasting_bytes_per_session", "filling_bytes_per_session", "limit_bytes"),
    ),
    Rule(
        "memory.unsure",
        "Less 1.5 times what containers take whose code may keep them short, the growth is below "
        "the limit: open.",
        source("containers-without-a-maximum"),
        _unsure,
        ("lasting_bytes_per_session", "unsure_bytes_per_session", "limit_bytes"),
    ),
    Rule(
        "memory.flat-and-filling",
        "Memory is flat, and most of what it grew by is in containers with a maximum that are not "
        "full: flat, filling.",
        _FILLING,
        _flat_and_filling,
        ("lasting_bytes_per_session", "filling_bytes_per_session"),
    ),
    Rule(
        "memory.not-yet-collected",
        "What leaks went with one collection at the end of a run that does not collect: leak, not "
        "yet collected.",
        _KINDS,
        _collected,
    ),
    Rule(
        "memory.stands",
        "Nothing excuses or explains what the rules before have decided: it stands.",
        _KINDS,
        _stands,
    ),
)
"""What is it that grows? In order: the first that answers decides."""

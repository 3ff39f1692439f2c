"""What a gate is: an entry that each module of `gates/` declares, and the result that it gives."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from .outcome import Gate
from .rows import Row
from .rules import Rule
from .situation import Situation


@dataclass(frozen=True, slots=True)
class GateResult:
    """A gate, and what the joint verdict needs next to it."""

    gate: Gate
    suspect: bool = False
    """It grows, and the run should wait to see whether that is released late."""
    suspected_sessions: float | None = None
    """Where the growth that it shows was first significant."""
    sessions_needed: int | None = None
    """While it is open: about how many sessions more would settle it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GateEntry:
    """One gate: how it is decided, and how it is told. Everything else is derived from this."""

    name: str
    """In reports, in result.json and for `--allow` and `--only`."""
    label_zh: str
    """Its name on the Chinese page; the name itself where Chinese readers use the same word."""
    order: int
    """Place among the gates; a new gate takes a free number."""
    result: type[Gate]
    """The class of its result. Its fields are those of the gate in result.json."""
    decide: Callable[[Situation], GateResult]
    row: Callable[[str, Any], Row]
    """Name and result as a row of a table."""
    summary: Callable[[str, Any, int], str]
    """Name, result and sessions as the part of a sentence that says why the gate fails the run."""
    rules: tuple[Rule[Any, Any], ...] = ()
    """All rules that may be asked."""
    explained_by: frozenset[str] = frozenset()
    """Kinds of findings that can explain its growth, so that allowing all of them excuses it."""
    fails_only_on_request: bool = False
    """It fails the run only where `--fail-on` names it."""
    may_settle_by_wait: bool = False
    """What it shows may be released late, so that a long run that ends with it open waits."""
    explains_drift: bool = False
    """The probe can say what makes it drift."""

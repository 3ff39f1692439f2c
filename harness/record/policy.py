"""What the judge holds a run to: limits, guards and budgets, in one frozen value that the record
keeps.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

KIB = 1024


@dataclass(frozen=True, slots=True)
class Policy:
    """How much growth is still flat, and how long a run may look for it."""

    limit_bytes: int | None = None
    """Memory growth per session that is still called flat; None: 1 KiB with a probe, 4 KiB
    without.
    """
    object_limit: float = 0.6
    """Tracked objects per session that are still flat."""
    counter_limit: float = 0.02
    """Tasks, threads, descriptors or children per session that are still flat: one in fifty."""
    fixed_cycles: int | None = None
    """Exactly so many cycles; None lets the judge stop as soon as it can decide."""
    min_cycles: int = 10
    """No verdict before this many cycles."""
    max_sessions: int = 500
    """A run without fixed cycles that has not decided by then is inconclusive."""
    max_cycles: int | None = None
    """In cycles what `max_sessions` is in sessions; None leaves the bound to `max_sessions`."""
    grace_s: float = 90.0
    """Longest idle wait for late releases before a leak is declared; 0 skips it."""
    memory_budget_bytes: int = 512 * KIB * KIB
    """Growth since the first rest sample at which the run stops and calls it, if it can."""
    guard_sessions: int | None = None
    """No memory leak is declared before this many sessions; None: 150 with a probe, 200 without."""
    explain: bool = False
    """Whether the run looks for the cause of a leak before it ends."""
    collect: bool = True
    """Whether the probe collects before each rest sample. Without, growth that a collection
    takes is `not-yet-collected`, and a run needs as many sessions as one that only looks from
    outside.
    """
    allow: tuple[str, ...] = ()
    """Gates that never fail the run, and fingerprints of findings. A gate whose findings are all
    allowed is excused.
    """
    reasons: Mapping[str, str] = field(default_factory=dict)
    """Of what is allowed, why."""
    fail_on: tuple[str, ...] = ()
    """What also fails the run: `fragmentation`, `files`."""
    log_expected: tuple[str, ...] = ()
    """Patterns that each session leaves in the server's log, in this order."""
    log_forbidden: tuple[str, ...] = ()
    """Patterns that none should leave."""
    log_noted: tuple[str, ...] = ()
    """Patterns that are counted and told, and fail nothing."""

"""What the rules of the memory gate answer."""

from __future__ import annotations

from dataclasses import dataclass

from .metric_rules import Standing
from .outcome import Kind, Status


@dataclass(frozen=True, slots=True)
class MemoryAnswer:
    """How the bytes stand together."""

    standing: Standing
    by: str | None = None
    """The metric that decided: `malloc`, `uss` or `rss`."""
    kind: Kind | None = None
    """Where the answer already says it."""
    confirmed: bool = True
    """False where the run was too short for the guard, and the growth too large to go on."""

    @property
    def status(self) -> Status:
        """Flat, leak or inconclusive."""
        return self.standing.status

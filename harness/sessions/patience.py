"""How long sessions are waited for once the latest ones have waited in vain."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

from ..record.record import SessionResult
from .scenario import Scenario

MIN_ALIKE: Final = 2
"""Sessions in a row that waited in vain, before the next ones get less time."""
SLOWER: Final = 5.0
"""A session that is this many times slower than the slowest that worked is waited for."""
MIN_LIMIT_S: Final = 3.0
"""No limit is made shorter than that: a busy machine delays each session."""


@dataclass(slots=True)
class Patience:
    """Follows the sessions of a run. A server that has come to a bound would take the whole limit
    for each session that is still to come.
    """

    slowest_s: float = 0.0
    """The longest session that worked, in seconds; 0 before the first."""
    in_vain: int = 0
    """Sessions since then that waited to the end of a limit, or failed as slowly."""

    def note(self, result: SessionResult) -> None:
        """A session is over."""
        if result.ok:
            self.slowest_s = max(self.slowest_s, result.duration_s)
            self.in_vain = 0
        elif result.timed_out or result.duration_s > self._limit_s:
            self.in_vain += 1

    @property
    def _limit_s(self) -> float:
        return max(MIN_LIMIT_S, SLOWER * self.slowest_s)

    def limited(self, scenario: Scenario) -> Scenario:
        """The scenario with the limits that the next session gets."""
        if not self.slowest_s or self.in_vain < MIN_ALIKE:
            return scenario
        limit_s = self._limit_s
        return replace(
            scenario,
            connect_limit_s=min(scenario.connect_limit_s, limit_s),
            reply_limit_s=min(scenario.reply_limit_s, limit_s),
            switch_limit_s=min(scenario.switch_limit_s, limit_s),
            session_limit_s=min(scenario.session_limit_s, limit_s),
        )

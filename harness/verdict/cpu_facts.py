"""What the rules of the CPU gate compare: computed once for each judgement."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..formulas import Floats
from ..record.facts import (
    cpu_per_session,
    cpu_while_talking,
    first_third,
    last_third,
    late_other_load_percent,
)
from ..record.metrics import names
from ..record.record import Series
from .drift import (
    CROWDED_CPU_FACTOR,
    CROWDED_PERCENT,
    IDLE_LIMIT_PERCENT,
    NO_WARM_UP_PERCENT,
    SESSION_CPU_FLOOR_S,
    TALKING_LIMIT_SHARE,
    Drift,
    Jump,
    cpu_drift,
    jump_that_stays,
    look_length,
    time_drift,
)
from .outcome import Status
from .situation import Situation
from .waits import has_waits_left

Ends = tuple[float | None, float | None]
"""Medians of the first third of a run and of the last; None where nothing was read."""


@dataclass(frozen=True, slots=True)
class CpuFacts:
    """What the rules compare."""

    rest_samples: int
    talking_samples: int
    at_rest: Drift | None
    """The latest look at the CPU at rest; None before the first."""
    talking: Drift | None
    per_session: Drift | None
    """The latest look at the CPU time per session."""
    rest_ends: Ends
    """Percent of one core."""
    talking_ends: Ends
    """Percent of one core."""
    session_ends: Ends
    """Seconds of CPU time per session."""
    is_back_at_rest: bool
    """After the latest wait, CPU at rest was what it had been at first."""
    jump: Jump | None
    """Where CPU at rest jumped and stayed."""
    jump_was_waited_for: bool
    """A wait has ended since."""
    jump_fell: bool
    """That wait took it."""
    may_wait: bool
    """A wait can still follow."""
    other_load_percent: float | None
    """CPU that others used in the last third of the run, in percent of all cores."""

    @classmethod
    def of(cls, situation: Situation) -> CpuFacts:
        """Read them off the record."""
        record = situation.record
        rest = record.series(names.CPU_AT_REST)
        talking_t, talking = cpu_while_talking(record)
        session_t, session_s = cpu_per_session(record)
        seen = look_length(len(session_s), final=situation.final)
        jump, waited = jump_that_stays(rest.x), _latest_wait_percent(situation)
        was_waited_for = jump is not None and _has_waited_since(situation, rest, jump)
        return cls(
            rest_samples=len(rest.x),
            talking_samples=len(talking),
            at_rest=_look(rest.t, rest.x, situation, IDLE_LIMIT_PERCENT, NO_WARM_UP_PERCENT),
            talking=_look(talking_t, talking, situation, _talking_limit(talking)),
            per_session=(
                time_drift(session_t[:seen], session_s[:seen], SESSION_CPU_FLOOR_S)
                if seen
                else None
            ),
            rest_ends=_ends(rest.x),
            talking_ends=_ends(talking),
            session_ends=_ends(session_s),
            is_back_at_rest=_is_back_at_rest(waited, rest.x),
            jump=jump,
            jump_was_waited_for=was_waited_for,
            jump_fell=(
                was_waited_for
                and jump is not None
                and waited is not None
                and waited < jump.before + NO_WARM_UP_PERCENT
            ),
            may_wait=has_waits_left(situation),
            other_load_percent=late_other_load_percent(record),
        )

    @property
    def rest_rise_percent(self) -> float | None:
        """Rise at rest over the run, in percent of one core."""
        return None if self.at_rest is None else self.at_rest.rise

    @property
    def talking_rise_percent(self) -> float | None:
        """Rise in conversation over the run, in percent of one core."""
        return None if self.talking is None else self.talking.rise

    @property
    def session_factor(self) -> float | None:
        """By how much the CPU time per session grew over the run."""
        return None if self.per_session is None else self.per_session.rise

    @property
    def session_first_s(self) -> float | None:
        """CPU time per session in the first third of the run."""
        return self.session_ends[0]

    @property
    def session_last_s(self) -> float | None:
        """CPU time per session in the last third of the run."""
        return self.session_ends[1]

    @property
    def jump_percent(self) -> float | None:
        """By how much CPU at rest jumped, in percent of one core."""
        return None if self.jump is None else self.jump.after - self.jump.before

    @property
    def rest_drifts(self) -> bool:
        """Whether CPU at rest drifts."""
        return self.at_rest is not None and self.at_rest.status is Status.DRIFT

    @property
    def talking_drifts(self) -> bool:
        """Whether CPU in conversation drifts."""
        return self.talking is not None and self.talking.status is Status.DRIFT

    @property
    def session_drifts(self) -> bool:
        """Whether the CPU time per session drifts."""
        drift = self.per_session
        if drift is None or drift.status is not Status.DRIFT or drift.fell_back:
            return False
        return not self.is_crowded or drift.rise >= CROWDED_CPU_FACTOR

    @property
    def is_crowded(self) -> bool:
        """Whether others used so much of the machine that times say little of the server."""
        return (self.other_load_percent or 0.0) >= CROWDED_PERCENT

    @property
    def needs_more(self) -> bool:
        """Whether the server itself is busier than it was: at rest, or for each session."""
        return self.rest_drifts or self.jump is not None or self.session_drifts

    @property
    def talking_is_flat(self) -> bool:
        """Whether a drift in conversation is excluded."""
        return self.talking is not None and self.talking.status is Status.FLAT


def _talking_limit(talking: Floats) -> float:
    """Growth per session that is still flat, in percent of one core."""
    if not len(talking):
        return IDLE_LIMIT_PERCENT
    first = float(np.median(first_third(talking)))
    return max(TALKING_LIMIT_SHARE * first, IDLE_LIMIT_PERCENT)


def _look(
    t: Floats, y: Floats, situation: Situation, limit: float, warm_up: float = np.inf
) -> Drift | None:
    length = look_length(len(y), final=situation.final)
    return cpu_drift(t[:length], y[:length], limit, warm_up=warm_up) if length else None


def _latest_wait_percent(situation: Situation) -> float | None:
    """CPU at rest at the end of the latest wait."""
    sample = situation.last_waited
    return None if sample is None else sample.values.get(names.CPU_AT_REST)


def _has_waited_since(situation: Situation, rest: Series, jump: Jump) -> bool:
    sample = situation.last_waited
    return sample is not None and sample.cycle >= rest.cycles[jump.at]


def _is_back_at_rest(waited: float | None, at_rest: Floats) -> bool:
    """Whether the CPU at rest was what it had been at first, once the latest wait was over."""
    if waited is None or not len(at_rest):
        return False
    return waited <= float(np.median(first_third(at_rest))) + IDLE_LIMIT_PERCENT / 2


def _ends(y: Floats) -> Ends:
    if not len(y):
        return None, None
    return float(np.median(first_third(y))), float(np.median(last_third(y)))

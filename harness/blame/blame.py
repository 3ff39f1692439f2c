"""Which action leaves how much: a regression of what each cycle added on how often each action
happened in it.

Model: from one rest sample to the next a metric changes by the sum, over all actions, of the
action's count times what it leaves each time, plus what a second and a sample leave.

A session that did more is larger. That it leaves more is not a second leak. So the guilty are
looked for in whole counts first: container entries, then tasks and threads, then objects, then
bytes. What other actions add in sessions with a guilty one is told as more of what that one leaves.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from math import nan
from typing import Final

import numpy as np

from ..errors import UsageError
from ..formulas import Floats
from ..record.facts import last_third
from ..record.metrics import METRICS, names
from ..record.record import RestSample, RunRecord
from ..verdict.bounded_growth import ROUNDING, filling
from ..verdict.suspects import is_within_bound
from .design_matrix import (
    CLOSE,
    CONNECT,
    DROP,
    NOT_SHOWN,
    NUISANCE,
    SECOND,
    WARMUP_CYCLES,
    DesignMatrix,
    may_explain,
    may_explain_more,
)
from .regression import fit

MIN_CYCLES: Final = 6
"""After the warm-up. With fewer, more columns than rows are left."""
_RULES: Final = dict(
    sorted(
        ((metric.name, metric.blame) for metric in METRICS.values() if metric.blame is not None),
        key=lambda rule: rule[1].order,
    )
)
"""By metric, the surest first. `uss` is used only without `malloc_in_use`."""
EXACT: Final = tuple(name for name, rule in _RULES.items() if rule.is_exact)
"""Metrics that are counted by one and known exactly."""
LIMITS: Final = {name: rule.limit for name, rule in _RULES.items()}
"""What an action may leave each time without being to blame, in the metric's unit."""
NOISE: Final = {name: rule.noise for name, rule in _RULES.items()}
"""Standard deviation that each cycle's growth has at least, in the metric's unit: a series that is
exact by chance does not make an interval of zero width.
"""
LAST: Final = tuple(name for name, rule in _RULES.items() if rule.is_last_resort)
"""Asked only where nothing else has grown or fills: every server leaves a few."""
LASTING: Final = 0.5
"""In the last third of the cycles, the metric grows by at least this share of what the guilty
leave in them. Else it is released again, or a cache is full.
"""


@dataclass(frozen=True, slots=True)
class Share:
    """What one action leaves of one metric, each time."""

    action: str
    metric: str
    """Its name in the record, or `entries` of a container."""
    estimate: float
    """In the metric's unit, like both bounds."""
    lower: float
    upper: float
    guilty: bool
    """The whole interval is above the metric's limit."""
    more_of: str = ""
    """The action that leaves it; this one makes it more."""

    @property
    def label(self) -> str:
        """The action, and whose leavings it makes more: once a session where it is the connect."""
        if not self.more_of:
            return self.action
        return (
            f"a session with {self.more_of}"
            if self.action == CONNECT
            else f"{self.action}, more of {self.more_of}"
        )

    @property
    def may_be_nothing(self) -> bool:
        """Whether the interval holds 0."""
        return self.lower <= 0 <= self.upper


@dataclass(frozen=True, slots=True)
class Blame:
    """What a run says of its scenario's actions."""

    guilty: tuple[str, ...]
    """Actions to blame, those of the surest metric first; time is none."""
    shares: tuple[Share, ...]
    cycles: int
    """Cycles that are explained: those after the warm-up."""
    sessions: int
    """Sessions in these cycles."""
    inseparable: tuple[str, ...] = ()
    """Actions that always came together, so that what they leave cannot be told apart."""
    filling: str = ""
    """Containers with a bound that fill: what they take is not a leak."""

    @property
    def with_time(self) -> bool:
        """Something grows with the seconds, whatever is done."""
        return any(share.guilty and share.action == SECOND for share in self.shares)


def blame(record: RunRecord, unvaried: Collection[str] = ()) -> Blame:
    """What each action leaves.

    Args:
        record: of a run with a schedule.
        unvaried: actions of its protocol that no schedule varies. They cannot be told from the
            connect.

    Raises:
        UsageError: too few cycles to tell.
    """
    design = DesignMatrix(record, unvaried)
    if len(design.steps) < MIN_CYCLES:
        raise UsageError(
            f"{len(design.steps)} cycles after the warm-up are too few to tell actions apart, "
            f"{MIN_CYCLES} are needed",
            hint=f"give --cycles {MIN_CYCLES + WARMUP_CYCLES} or more, or a smaller --agent-size",
        )
    return _Regression(record, design).blame()


class _Regression:
    """What each cycle added to each metric, and what may explain it."""

    def __init__(self, record: RunRecord, design: DesignMatrix) -> None:
        self._record = record
        self._design = design
        self._grown: dict[str, Floats] = {}
        """By metric, what each cycle added; not a number where a reading is missing, as of a probe
        that was lost.
        """
        for name in LIMITS:
            growth = [_growth(name, before, after) for before, after in design.steps]
            if np.isfinite(growth).sum() >= MIN_CYCLES:
                self._grown[name] = np.array(growth)
        if names.MALLOC_IN_USE in self._grown:
            self._grown.pop(names.USS, None)
        self._limits = dict(LIMITS)
        self._filling = filling(record)
        if self._filling is not None:
            self._limits[names.TRACKED_OBJECTS] += ROUNDING * self._filling.objects_per_session
            for name in (names.MALLOC_IN_USE, names.USS):
                self._limits[name] += ROUNDING * self._filling.bytes_per_session

    def blame(self) -> Blame:
        entries = self._entries()
        guilty = list(dict.fromkeys(share.action for share in entries))
        asked = []
        for metric in sorted(self._grown, key=LAST.__contains__):
            if metric not in LAST or not (guilty or self._filling):
                asked.append(metric)
                guilty += self._guilty(metric, guilty)
        shares = list(entries)
        for metric in asked:
            shares += self._fit(metric, guilty)
        return Blame(
            tuple(guilty),
            tuple(shares),
            len(self._design.steps),
            self._design.sessions,
            self._design.inseparable,
            self._filling.words if self._filling else "",
        )

    def _entries(self) -> list[Share]:
        """Containers that are longer at each census by a fixed number of entries for each time that
        one action happened.
        """
        if not self._record.censuses:
            return []
        by_action: dict[str, Share] = {}
        for key, lengths in self._record.censuses[-1].rising.items():
            if is_within_bound(self._record, key, lengths[-1]):
                continue
            cycles = [census.cycle for census in self._record.censuses[-len(lengths) :]]
            grown = np.diff(np.array(lengths, dtype=np.float64))
            shares = [self._follows(action, cycles, grown) for action in self._design.actions]
            followed = [share for share in shares if share is not None]
            # Where it follows two actions, nobody can say which of them it is.
            if len(followed) == 1:
                by_action.setdefault(followed[0].action, followed[0])
        return list(by_action.values())

    def _follows(self, action: str, cycles: Sequence[int], grown: Floats) -> Share | None:
        """What the action leaves in a container, if that is off by one entry at most between any
        two censuses: an entry of a session under way.
        """
        done = self._design.between(action, cycles)
        total = float(done.sum())
        if not total:
            return None
        rate = float(grown.sum()) / total
        if np.abs(grown - done * rate).max() > 1:
            return None
        return Share(action, "entries", rate, rate - 1 / total, rate + 1 / total, True)

    def _guilty(self, metric: str, known: Sequence[str]) -> list[str]:
        """Who else is to blame, the worst first."""
        shares = [
            share
            for share in self._fit(metric, known)
            if share.guilty and share.action not in (SECOND, *known)
        ]
        actions = [share.action for share in sorted(shares, key=lambda share: -share.lower)]
        if {CLOSE, DROP} <= {*actions}:  # it stays however a session ends
            actions = [CONNECT, *(name for name in actions if name not in (CLOSE, DROP))]
        # Every session leaves something. What more it leaves for what more it did is not a second
        # leak.
        return [CONNECT] if CONNECT in actions and metric not in EXACT else actions

    def _fit(self, metric: str, guilty: Sequence[str]) -> list[Share]:
        known = np.isfinite(self._grown[metric])
        grown = self._grown[metric][known]
        columns = {key: column[known] for key, column in self._design.columns(guilty).items()}
        nuisance = tuple(key for key in NUISANCE if key in columns)
        allowed = may_explain_more if guilty else may_explain
        shares = []
        for term in fit(grown, columns, NOISE[metric], nuisance, allowed):
            action, more_of = term.key
            if action in NOT_SHOWN:
                continue
            sure = term.chosen and not more_of and term.lower > self._limits[metric]
            lasts = _late(grown) >= LASTING * _late(term.estimate * columns[term.key])
            shares.append(
                Share(
                    action, metric, term.estimate, term.lower, term.upper, sure and lasts, more_of
                )
            )
        return shares


def _growth(name: str, before: RestSample, after: RestSample) -> float:
    return after.values.get(name, nan) - before.values.get(name, nan)


def _late(grown: Floats) -> float:
    """The sum over the last third of the cycles."""
    return float(last_third(grown).sum())

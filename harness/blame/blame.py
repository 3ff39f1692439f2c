"""Which action leaves how much: a regression of what each cycle added on how often each action
happened in it.

Model: from one rest sample to the next a metric changes by the sum of each action's count times
what that action leaves, plus what a second and a sample leave.

What a session leaves is larger for all that the session did, and that is no second leak. So whoever
is to blame is looked for in what comes in ones first: entries of a container, tasks and threads
before objects, those before bytes. What other actions add in sessions in which a guilty one
happened is told as more of what that leaves.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import nan
from typing import Final

import numpy as np

from harness.blame.design_matrix import (
    CLOSE,
    CONNECT,
    DROP,
    NOBODYS,
    PASSING,
    SECOND,
    WARMUP_CYCLES,
    Deeds,
    apart,
    beside,
)
from harness.blame.regression import fit
from harness.errors import UsageError
from harness.formulas import Floats
from harness.record.facts import last_third
from harness.record.metrics import METRICS, names
from harness.record.record import RunRecord
from harness.verdict.bounded_growth import ROUNDING, filling
from harness.verdict.suspects import is_within_bound

MIN_CYCLES: Final = 6
_RULES: Final = dict(
    sorted(
        ((metric.name, metric.blame) for metric in METRICS.values() if metric.blame is not None),
        key=lambda rule: rule[1].order,
    )
)
"""By metric, the surest first; of memory, malloc's is preferred."""
EXACT: Final = tuple(name for name, rule in _RULES.items() if rule.is_exact)
LIMITS: Final = {name: rule.limit for name, rule in _RULES.items()}
"""What an action may leave without being to blame, by metric."""
NOISE: Final = {name: rule.noise for name, rule in _RULES.items()}
"""No cycle is known better than that."""
LAST: Final = tuple(name for name, rule in _RULES.items() if rule.is_last_resort)
"""Asked only where nothing else has grown or fills: every server leaves a few."""
LASTING: Final = 0.5
"""In the last third of the cycles, the metric grows by at least so much of what the guilty leave
in them: else it is released again, or a cache is full.
"""


@dataclass(frozen=True, slots=True)
class Share:
    """What one action leaves of one metric, each time."""

    action: str
    metric: str
    estimate: float
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
    def is_calm(self) -> bool:
        """Whether it may well be nothing."""
        return self.lower <= 0 <= self.upper


@dataclass(frozen=True, slots=True)
class Blame:
    """What a run says of its scenario's actions."""

    guilty: tuple[str, ...]
    """Actions to blame, those of the surest metric first; a second is none."""
    shares: tuple[Share, ...]
    cycles: int
    sessions: int
    inseparable: tuple[str, ...] = ()
    """Actions that always came together, so that what they leave cannot be told apart."""
    filling: str = ""
    """Containers with a bound that fill: what they take is no leak."""

    @property
    def with_time(self) -> bool:
        """Something grows with the seconds, whatever is done."""
        return any(share.guilty and share.action == SECOND for share in self.shares)


def blame(record: RunRecord) -> Blame:
    """What each action leaves.

    Raises:
        UsageError: too few cycles to tell.
    """
    deeds = Deeds(record)
    if len(deeds.steps) < MIN_CYCLES:
        raise UsageError(
            f"{len(deeds.steps)} cycles after the warm-up are too few to tell actions apart, "
            f"{MIN_CYCLES} are needed",
            hint=f"give --cycles {MIN_CYCLES + WARMUP_CYCLES} or more, or a smaller --agent-size",
        )
    return _Regression(record, deeds).blame()


class _Regression:
    """What each cycle added to each metric, and what may explain it."""

    def __init__(self, record: RunRecord, deeds: Deeds) -> None:
        self._record = record
        self._deeds = deeds
        grown = {
            name: np.array(
                [
                    after.values.get(name, nan) - before.values.get(name, nan)
                    for before, after in deeds.steps
                ]
            )
            for name in LIMITS
        }
        self._grown = {
            name: each for name, each in grown.items() if np.isfinite(each).sum() >= MIN_CYCLES
        }
        """Not a number where a reading is missing, as of a probe that was lost."""
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
        return Blame(
            tuple(guilty),
            (*entries, *(share for metric in asked for share in self._fit(metric, guilty))),
            len(self._deeds.steps),
            self._deeds.sessions,
            self._deeds.inseparable,
            self._filling.words if self._filling else "",
        )

    def _entries(self) -> list[Share]:
        """Containers that are longer at each census by so many entries for each time that one
        action happened.
        """
        if not self._record.censuses:
            return []
        found: dict[str, Share] = {}
        for key, lengths in self._record.censuses[-1].rising.items():
            if is_within_bound(self._record, key, lengths[-1]):
                continue
            cycles = [census.cycle for census in self._record.censuses[-len(lengths) :]]
            grown = np.diff(np.array(lengths, dtype=np.float64))
            followed = [
                one for name in self._deeds.actions if (one := self._follows(name, cycles, grown))
            ]
            if len(followed) == 1:
                found.setdefault(followed[0].action, followed[0])
        return list(found.values())

    def _follows(self, action: str, cycles: Sequence[int], grown: Floats) -> Share | None:
        done = self._deeds.between(action, cycles)
        total = float(done.sum())
        if not total or np.abs(grown - done * (rate := float(grown.sum()) / total)).max() > 1:
            return None
        return Share(action, "entries", rate, rate - 1 / total, rate + 1 / total, True)

    def _guilty(self, metric: str, known: Sequence[str]) -> list[str]:
        """Who else is to blame, the worst first."""
        shares = [
            one
            for one in self._fit(metric, known)
            if one.guilty and one.action not in (SECOND, *known)
        ]
        found = [one.action for one in sorted(shares, key=lambda one: -one.lower)]
        if {CLOSE, DROP} <= {*found}:  # however it ends
            found = [CONNECT, *(one for one in found if one not in (CLOSE, DROP))]
        # Every session leaves something: what more it leaves for what more it did is no second
        # leak.
        return [CONNECT] if CONNECT in found and metric not in EXACT else found

    def _fit(self, metric: str, guilty: Sequence[str]) -> list[Share]:
        known = np.isfinite(self._grown[metric])
        grown = self._grown[metric][known]
        columns = {key: column[known] for key, column in self._deeds.columns(guilty).items()}
        passing = tuple(key for key in PASSING if key in columns)
        shares = []
        for one in fit(grown, columns, NOISE[metric], passing, beside if guilty else apart):
            action, more_of = one.key
            if action in NOBODYS:
                continue
            sure = one.chosen and not more_of and one.lower > self._limits[metric]
            lasts = _late(grown) >= LASTING * _late(one.estimate * columns[one.key])
            shares.append(
                Share(action, metric, one.estimate, one.lower, one.upper, sure and lasts, more_of)
            )
        return shares


def _late(grown: Floats) -> float:
    return float(last_third(grown).sum())

"""Where a run is: how far it has come, whether it can go on, what its waits have left."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from ..record.facts import reported_metric
from ..record.metrics import METRICS, names
from ..record.policy import Policy
from ..record.record import RestSample, RunRecord
from .bounded_growth import Filling, filling

GUARD_PROBE: Final = 150
"""Sessions before which growth may be a cache that fills: `functools.lru_cache` holds 128
entries by default (docs/verdict.md#constants).
"""
GUARD_BARE: Final = 200
"""Sessions, without forced collections: four or five periods of the collector's saw-tooth of
about 41 sessions (docs/verdict.md#constants).
"""
FLOOR_PROBE: Final = 48
FLOOR_BARE: Final = 150
"""Sessions from which on a run that ends before its guard may still declare. Below, false alarms
are 36 to 98 % (docs/verdict.md#constants).
"""
GUARD_TASKS: Final = METRICS[names.TASKS].guard_sessions or 0
"""Sessions. Caches hold no pending tasks. Threads, descriptors and children do pile up in pools,
and wait for the guard (docs/verdict.md#constants).
"""
_MIN_BUDGET_SAMPLES: Final = 4
"""Samples before which nothing can be said of growth: one before the first cycle, and three."""
_RSS_BUDGET_FACTOR: Final = 2
"""RSS may grow by twice the budget: children share pages with the server that forked them."""
_KEPT_SHARE: Final = 0.5
"""Share of the budget that a wait must leave for the budget to count as used."""


@dataclass(frozen=True, slots=True)
class Situation:
    """Where the run is."""

    record: RunRecord
    probe: bool
    """Readings are as exact as the probe makes them: it is there, and collects before each of
    them.
    """
    sessions: int
    at_bounds: bool
    """As many cycles are done as the policy asks for, or allows."""
    over_budget: bool
    """Memory has grown by the policy's budget, and a wait did not take it back. Not before the
    third cycle, for nothing could be said of the growth.
    """
    ended: bool
    """No cycle and no wait can follow: the record is closed, or the server or the user ended the
    run.
    """
    filling: Filling | None
    """Containers with a maximum that get longer."""

    @classmethod
    def of(cls, record: RunRecord) -> Situation:
        """Read it off the record, by the policy that the record holds."""
        policy = record.started.policy
        sessions, cycles = record.sessions, len(record.cycles)
        if policy.fixed_cycles is not None:
            at_bounds = cycles >= policy.fixed_cycles
        else:
            bound = policy.max_cycles
            at_bounds = sessions >= policy.max_sessions or (bound is not None and cycles >= bound)
        return cls(
            record=record,
            probe=record.has_probe and policy.collect,
            sessions=sessions,
            at_bounds=at_bounds,
            over_budget=_over_budget(record, policy.memory_budget_bytes),
            ended=record.ended is not None
            or record.memory_stop is not None
            or any(incident.fatal or incident.interrupted for incident in record.incidents),
            filling=filling(record),
        )

    @property
    def policy(self) -> Policy:
        """What the run is held to."""
        return self.record.started.policy

    @property
    def final(self) -> bool:
        """The latest sample was to be the last one, so that it gets a look of its own.

        A run that ended otherwise says what it said at its last look.
        """
        return self.at_bounds or self.over_budget

    @property
    def full_guard(self) -> int:
        """Sessions before which no leak is declared, where the run can be long enough."""
        return self.policy.guard_sessions or (GUARD_PROBE if self.probe else GUARD_BARE)

    @property
    def guard(self) -> int:
        """Sessions before which this run declares no leak. One that ends before the full guard has
        a shorter one, but not below the floor.
        """
        if not self.final:
            return self.full_guard
        return min(self.full_guard, max(FLOOR_PROBE if self.probe else FLOOR_BARE, self.sessions))

    @property
    def is_short_by_plan(self) -> bool:
        """The user fixed the number of cycles, they are done, and they are fewer than the guard."""
        return (
            self.policy.fixed_cycles is not None
            and self.at_bounds
            and self.sessions < self.full_guard
        )

    @property
    def waited_samples(self) -> list[RestSample]:
        """Samples of all waits for late releases, taken as the rest samples were."""
        return [
            sample for sample in self.record.idles if self.policy.collect or not sample.collected
        ]

    @property
    def last_waited(self) -> RestSample | None:
        """The latest sample of the latest wait; None before the first."""
        samples = self.waited_samples
        return samples[-1] if samples else None

    @property
    def ends_of_waits(self) -> list[RestSample]:
        """What each wait has left, in order."""
        return list({sample.cycle: sample for sample in self.waited_samples}.values())

    @property
    def latest(self) -> RestSample:
        """The latest sample of all: of the wait after the latest cycle, where there was one."""
        waited, rest = self.last_waited, self.record.rests[-1]
        return waited if waited is not None and waited.cycle == rest.cycle else rest

    @property
    def collected(self) -> RestSample | None:
        """In a run that does not collect: the sample after the one collection, at the end of the
        latest wait.
        """
        forced = [
            sample for sample in self.record.idles if sample.collected and not self.policy.collect
        ]
        return forced[-1] if forced else None

    @property
    def waits(self) -> int:
        """How often the run has waited for late releases."""
        return len({sample.cycle for sample in self.record.idles})


def _over_budget(record: RunRecord, budget: float) -> bool:
    reported = reported_metric(record)
    return _has_grown_by(record, reported, budget) or _has_grown_by(
        record, names.RSS, _RSS_BUDGET_FACTOR * budget
    )


def _has_grown_by(record: RunRecord, metric: str, budget: float) -> bool:
    x = record.series(metric).x
    if len(x) < _MIN_BUDGET_SAMPLES or x[-1] - x[0] < budget:
        return False
    kept = [
        sample.values[metric]
        for sample in record.idles
        if sample.cycle == record.rests[-1].cycle and metric in sample.values
    ]
    return not kept or bool(kept[-1] - x[0] >= budget * _KEPT_SHARE)

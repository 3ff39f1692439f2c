"""Containers that have a bound and fill up: growth that they account for ends by itself."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from harness.record import Bounded, RunRecord

LEAST_PER_SESSION: Final = 0.08
ROUNDING: Final = 1.5
"""Entries take more than their objects say: malloc rounds up, tables grow in leaps."""


@dataclass(frozen=True, slots=True)
class Filling:
    """All that fills in a run, together."""

    bytes_per_session: float
    objects_per_session: float
    full_after_sessions: int
    """When the last of them is full, counted from the start of the run."""
    words: str

    @property
    def told(self) -> str:
        """What is flat for that reason, and until when."""
        return (
            f"containers with a bound are filling ({self.words}), the last until session {self.full_after_sessions:,}"
        )

    def explains(self, rate: float, limit: float, share: float) -> bool:
        """Whether a growth per session is below its limit without what fills; `share` of that is in its unit."""
        return rate - ROUNDING * share <= limit


def filling(record: RunRecord) -> Filling | None:
    """What has got longer, is not full, and has a bound; None where nothing has."""
    if len(record.censuses) < 2:
        return None
    last = record.censuses[-1]
    growing = [(one, rate) for one in last.bounded if (rate := _rate(record, one)) >= LEAST_PER_SESSION]
    if not growing:
        return None
    return Filling(
        sum(rate * one.entry_bytes for one, rate in growing),
        sum(rate * one.entry_objects for one, rate in growing),
        round(last.sessions + max((one.bound - one.length) / rate for one, rate in growing)),
        _words(sorted((one for one, _ in growing), key=lambda one: -one.entry_bytes)),
    )


def _rate(record: RunRecord, now: Bounded) -> float:
    last = record.censuses[-1]
    for census in record.censuses[:-1]:
        before = next((one for one in census.bounded if one.id == now.id), None)
        if before is not None and last.sessions > census.sessions:
            return (now.length - before.length) / (last.sessions - census.sessions)
    return 0.0


def _words(growing: Sequence[Bounded]) -> str:
    return ", ".join(f"{one.kind} {one.length} of {one.bound}" for one in growing[:3])

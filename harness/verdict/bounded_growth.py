"""Containers that have a bound and fill up: growth that they account for ends by itself."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from ..record.record import Bounded, RunRecord

MIN_PER_SESSION: Final = 0.08
TRIM_SLACK: Final = 1.1
"""What is trimmed now and then may be so much longer than its bound."""
WARM_UP_SHARE: Final = 1 / 3
"""Of the sessions: growth before then does not count: gates speak of the latter part of the run.
"""
MAX_TOLD: Final = 3
MIN_TOLD_BYTES: Final = 64.0
"""Per session: what takes less is not told where memory is flat with it."""
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
    is_going_on: bool = True
    """One of them is not full yet."""

    @property
    def told(self) -> str:
        """What is flat for that reason, and until when."""
        return (
            f"containers with a maximum size are filling ({self.words}), until about session "
            f"{self.full_after_sessions:,}"
        )

    def explains(self, rate: float, limit: float, share: float) -> bool:
        """Whether a growth per session is below its limit without what fills; `share` of that is
        in its unit.
        """
        return rate - ROUNDING * share <= limit

    def accounts_for_most(self, rate: float) -> bool:
        """Whether what fills is most of a growth in bytes per session, and enough to be told."""
        return rate > 0 and self.bytes_per_session >= max(MIN_TOLD_BYTES, rate / 2 / ROUNDING)


def filling(record: RunRecord) -> Filling | None:
    """What has a bound and has got longer since a third of the sessions; None where nothing has.

    What is full by now counts, too: memory that has been level for a few sessions only still looks
    like growth.
    """
    if len(record.censuses) < 2:
        return None
    last = record.censuses[-1]
    rates = [(container, _rate(record, container)) for container in known_bounds(record)]
    growing = [(container, rate) for container, rate in rates if rate >= MIN_PER_SESSION]
    if not growing:
        return None
    sessions_left = [max(0, now.bound - now.length) / rate for now, rate in growing]
    largest_first = sorted((now for now, _ in growing), key=lambda now: -now.entry_bytes)
    return Filling(
        sum(rate * now.entry_bytes for now, rate in growing),
        sum(rate * now.entry_objects for now, rate in growing),
        round(last.sessions + max(sessions_left)),
        _words(largest_first),
        any(now.length < now.bound for now in largest_first if now in last.bounded),
    )


def objects_when_full(record: RunRecord) -> int:
    """Tracked objects that all containers with a maximum hold once they are full: so many may come
    and go with them.
    """
    grown = [container for container in known_bounds(record) if _grew(record, container)]
    return sum(container.bound * container.entry_objects for container in grown)


def _grew(record: RunRecord, container: Bounded) -> bool:
    lengths = _seen(record, container.id).values()
    return max(lengths) > min(lengths)


def known_bounds(record: RunRecord) -> list[Bounded]:
    """What any census has shown to have a bound, as it was when last seen. What has passed its
    bound since has none, nor has what would take more when it is full than a server may grow by.
    """
    known: dict[str, Bounded] = {}
    for census in record.censuses:
        known |= {container.id: container for container in census.bounded}
        for key in known.keys() & census.rising.keys():
            length = census.rising[key][-1]
            if length > known[key].bound * TRIM_SLACK:
                del known[key]
            else:
                known[key] = replace(known[key], length=length)
    budget = record.started.policy.memory_budget_bytes
    return [now for now in known.values() if now.bound * now.entry_bytes <= budget]


def _rate(record: RunRecord, now: Bounded) -> float:
    """Entries per session since a third of the sessions, or since it was first seen where that
    was later.
    """
    seen = _seen(record, now.id)
    if len(seen) < 2:
        return 0.0
    sessions = sorted(seen)
    since = max(sessions[0], min(sessions[-1] * WARM_UP_SHARE, sessions[-2]))
    before = float(np.interp(since, sessions, [seen[number] for number in sessions]))
    return (now.length - before) / (sessions[-1] - since)


def _seen(record: RunRecord, container: str) -> dict[int, int]:
    """Lengths by sessions, those from before its bound was found among them."""
    seen: dict[int, int] = {}
    taken = sorted({census.sessions for census in record.censuses})
    for census in record.censuses:
        rising = census.rising.get(container, ())
        before = [sessions for sessions in taken if sessions <= census.sessions]
        seen.update(zip(before[len(before) - len(rising) :], rising, strict=False))
        for bounded in census.bounded:
            if bounded.id == container:
                seen[census.sessions] = bounded.length
    return seen


def _words(growing: Sequence[Bounded]) -> str:
    words = dict.fromkeys(f"{now.kind} {now.length} of {now.bound}" for now in growing)
    return ", ".join([*words][:MAX_TOLD])


def is_in_bounded(chain: Sequence[str], record: RunRecord) -> bool:
    """Whether what a chain leads to is held by a container that has a bound, such as a cache.

    A built-in type in a chain says nothing: one list has a bound, and the next has none.
    """
    types = tuple(f"<{container.kind}>" for container in known_bounds(record))
    return any(link.endswith(types) and not _is_built_in(link) for link in chain[:-1])


def _is_built_in(link: str) -> bool:
    module, dot, _ = link.rpartition("<")[2].partition(".")
    return not dot or module in sys.stdlib_module_names

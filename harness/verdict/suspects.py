"""Suspects: containers that were longer at every census, without a bound that their own code
keeps.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from ..record.record import Cause, Census, RunRecord

MIN_LENGTHS: Final = 4
"""Censuses at which a suspect was longer each time, and the one before them."""
MIN_PER_SESSION: Final = 0.08
SATURATING: Final = 0.5
"""What has grown by less than this share of its average rate since the latest census fills up,
and leaks not.
"""
ROUNDING: Final = 1.5
"""Entries take more than their objects say: malloc rounds up, tables grow in leaps."""
UNREADABLE: Final = "C code"
"""Where a container is made shorter of which only C code knows."""
MAX_UNSURE_LENGTH: Final = 1_100
"""A container of which no code can be read, and that is longer, is not a cache that fills."""
MIN_EXACT_SESSIONS: Final = 40
"""Sessions that each left exactly as many entries, before a leak is likely."""
_PAUSES: Final = ((5, 3), (10, 5), (70, 15), (110, 40))
"""Up to this many sessions at the latest census, the next one comes after this many more: five
censuses by session 40.
"""
_LONG_PAUSE: Final = 50
_LATE: Final = 70
_PAUSE_SHARE: Final = 0.4
"""Of the sessions at the latest census, from `_LATE` on: a census of a large heap takes about one
second.
"""
TRIM_SLACK: Final = 1.1
"""What is trimmed now and then may be so much longer than its bound."""


@dataclass(frozen=True, slots=True)
class Suspect:
    """A container that was longer at every census, without a bound, or past that which its own
    code keeps.
    """

    key: str
    per_session: float
    suspected_sessions: int
    """Where it had been longer each time for the first time."""
    trimmed_at: str = ""
    """The code that may make it shorter once it is as long as a number that is not known."""


def census_is_due(taken: list[int], sessions: int) -> bool:
    """Whether a census is due after so many sessions: five by session 40, then ever more rarely.

    Args:
        taken: after how many sessions there has been one.
        sessions: done so far.
    """
    if not taken:
        return sessions >= 2
    last = taken[-1]
    pause: float = next((pause for until, pause in _PAUSES if last < until), _LONG_PAUSE)
    if last >= _LATE:
        pause = max(pause, _PAUSE_SHARE * last)
    return sessions - last >= pause


def is_within_bound(record: RunRecord, key: str, length: int) -> bool:
    """Whether the container of that key is kept by its own code below a bound that is known, and is
    so far.

    A bound at which its entries would take more than a server may grow by is none.
    """
    cause = record.causes.get(key)
    if cause is None or cause.bound is None:
        return False
    budget = record.started.policy.memory_budget_bytes
    return length <= cause.bound * TRIM_SLACK and cause.bound * cause.bytes <= budget


def suspects(record: RunRecord) -> list[Suspect]:
    """Suspects of the latest census, those that grow fastest first."""
    if not record.censuses:
        return []
    last, sessions = record.censuses[-1], census_sessions(record.censuses)
    growing = []
    for key, lengths in last.rising.items():
        if len(lengths) > len(sessions) or is_within_bound(record, key, lengths[-1]):
            continue
        since, before_last = sessions[-len(lengths)], sessions[-2]
        rate = (lengths[-1] - lengths[0]) / max(1, last.sessions - since)
        lately = (lengths[-1] - lengths[-2]) / max(1, last.sessions - before_last)
        if rate >= MIN_PER_SESSION and lately >= SATURATING * rate:
            cause = record.causes.get(key, Cause())
            trimmed_at = cause.trimmed_at if cause.bound is None else ""
            if trimmed_at == UNREADABLE and lengths[-1] > MAX_UNSURE_LENGTH:
                trimmed_at = ""  # no cache that fills is so long without a bound that shows
            since = sessions[MIN_LENGTHS - 1 - len(lengths)]
            growing.append(Suspect(key, rate, since, trimmed_at))
    return sorted(growing, key=lambda suspect: (-suspect.per_session, suspect.key))


def is_likely_leak(record: RunRecord, suspect: Suspect) -> bool:
    """Whether a suspect is a leak before the guard, in all likelihood: a container of the
    application got exactly as many entries with each of many sessions, and neither code nor time
    takes any of them out.
    """
    cause = record.causes.get(suspect.key)
    if cause is None or cause.owner != "application" or not cause.chain:
        return False
    if cause.trimmed_at or cause.expires_s is not None:
        return False
    lengths = record.censuses[-1].rising[suspect.key]
    taken = census_sessions(record.censuses)[-len(lengths) :]
    last = (lengths[-1] - lengths[-2]) / (taken[-1] - taken[-2])
    exact = 0
    for place in range(len(lengths) - 1, 0, -1):
        sessions = taken[place] - taken[place - 1]
        if lengths[place] - lengths[place - 1] != last * sessions:
            break
        exact += sessions
    return exact >= MIN_EXACT_SESSIONS and last >= 1 and last == round(last)


@dataclass(frozen=True, slots=True)
class Unsure:
    """Containers that grow, and that code of theirs may bound at a length that is not known."""

    bytes_per_session: float
    objects_per_session: float
    words: str

    def explains(self, rate: float, limit: float, share: float) -> bool:
        """Whether a growth per session is below its limit without them; `share` of that is in its
        unit.
        """
        return rate - ROUNDING * share <= limit


def unsure(record: RunRecord) -> Unsure | None:
    """What grows so, all together; None where nothing does, or a leak is certain besides."""
    growing = suspects(record)
    lengths = record.censuses[-1].rising if record.censuses else {}
    if not growing:
        return None
    entries, size_bytes, objects = [], [], []
    for suspect in growing:
        length, cause = lengths[suspect.key][-1], record.causes.get(suspect.key, Cause())
        if not suspect.trimmed_at or length > MAX_UNSURE_LENGTH:
            return None
        size_bytes.append(suspect.per_session * cause.bytes)
        objects.append(suspect.per_session * cause.objects)
        entries.append(f"{cause.name} with {length} entries")
    return Unsure(sum(size_bytes), sum(objects), ", ".join(entries))


def census_sessions(censuses: list[Census]) -> list[int]:
    """After how many sessions censuses were taken, each number once."""
    return sorted({census.sessions for census in censuses})

"""Containers that get longer with the sessions, however few bytes they hold: suspects, and the gate that they make."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from harness.evidence import problem_of
from harness.gates import Judged
from harness.record import Cause, Census, RunRecord
from harness.standing import Situation
from harness.verdict import ContainersGate, Outcome

LEAST_LENGTHS: Final = 4
"""Censuses at which a suspect was longer each time, and the one before them."""
LEAST_PER_SESSION: Final = 0.08
SATURATING: Final = 0.5
"""What has grown by less than this share of its average rate since the latest census fills up, and leaks not."""
TRIM_SLACK: Final = 1.1
"""What is trimmed now and then may be so much longer than its bound."""
MOST_TOLD: Final = 3


@dataclass(frozen=True, slots=True)
class Suspect:
    """A container that was longer at every census, without a bound, or past that which its own code keeps."""

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
    return sessions - last >= (
        3 if last < 5 else 5 if last < 10 else 15 if last < 70 else max(40 if last < 110 else 50, 0.4 * last)
    )


def is_within_bound(record: RunRecord, key: str, length: int) -> bool:
    """Whether the container of that key is kept by its own code below a bound that is known, and is so far.

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
    last, sessions = record.censuses[-1], _sessions(record.censuses)
    found = []
    for key, lengths in last.rising.items():
        if len(lengths) > len(sessions) or is_within_bound(record, key, lengths[-1]):
            continue
        since, before_last = sessions[-len(lengths)], sessions[-2]
        rate = (lengths[-1] - lengths[0]) / max(1, last.sessions - since)
        lately = (lengths[-1] - lengths[-2]) / max(1, last.sessions - before_last)
        if rate >= LEAST_PER_SESSION and lately >= SATURATING * rate:
            cause = record.causes.get(key, Cause())
            trimmed_at = cause.trimmed_at if cause.bound is None else ""
            found.append(Suspect(key, rate, sessions[LEAST_LENGTHS - 1 - len(lengths)], trimmed_at))
    return sorted(found, key=lambda one: (-one.per_session, one.key))


def containers_gate(situation: Situation) -> Judged:
    """Whether a container without a bound gets longer and longer."""
    record = situation.record
    if len(_sessions(record.censuses)) < LEAST_LENGTHS:
        problem = problem_of(record, "census")
        why = "too few censuses" if record.has_probe else "needs the probe"
        why = problem.words if problem is not None else why
        return Judged(ContainersGate(Outcome.NOT_MEASURED, why, 0))
    found = suspects(record)
    if not found:
        return Judged(ContainersGate(Outcome.FLAT, _filling_words(record), 0))
    found = [one for one in found if not one.trimmed_at] or found  # what is bounded somehow is not blamed for the rest
    last = record.censuses[-1]
    named = ((record.causes.get(one.key, Cause()).name, one) for one in found)
    name, first = next((pair for pair in named if pair[0]), ("a container", found[0]))
    words = f"{name} grows by {first.per_session:.2f} entries a session"
    words += f", and {len(found) - 1} more" if found[1:] else ""
    outcome, suspect, needed = Outcome.INCONCLUSIVE, False, None
    waited = situation.idle is not None and situation.idle.cycle >= last.cycle
    if last.sessions < situation.full_guard:
        words += "; it may be a cache that fills"
        needed = situation.full_guard - last.sessions
    elif first.trimmed_at:
        words += f"; {first.trimmed_at} may make it shorter, at a length that is not known"
        needed = situation.full_guard
    elif waited or not situation.may_idle:
        outcome = Outcome.LEAK
    else:
        words += "; whether that is released late is not known yet"
        suspect = True
    since = min(one.suspected_sessions for one in found)
    return Judged(ContainersGate(outcome, words, len(found)), suspect, since, needed)


def _filling_words(record: RunRecord) -> str:
    """What gets longer, and is kept below a bound by its own code."""
    within = {
        record.causes[key].name: f"{lengths[-1]} of {record.causes[key].bound}, kept by {record.causes[key].trimmed_at}"
        for key, lengths in record.censuses[-1].rising.items()
        if is_within_bound(record, key, lengths[-1])
    }
    return "; ".join(f"{name} fills: {words}" for name, words in list(within.items())[:MOST_TOLD])


def _sessions(censuses: list[Census]) -> list[int]:
    """After how many sessions censuses were taken, each number once."""
    return sorted({one.sessions for one in censuses})

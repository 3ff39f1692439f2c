"""Containers that get longer with the sessions, however few bytes they hold: suspects, and the
gate that they make.
"""

from __future__ import annotations

from typing import Final

from harness.record.record import Cause, RunRecord
from harness.verdict.evidence import Situation
from harness.verdict.gates.counters import Judged
from harness.verdict.outcome import ContainersGate, Outcome
from harness.verdict.problems import problem_of
from harness.verdict.suspects import MIN_LENGTHS, census_sessions, is_within_bound, suspects

MAX_TOLD: Final = 3


def containers_gate(situation: Situation) -> Judged:
    """Whether a container without a bound gets longer and longer."""
    record = situation.record
    if len(census_sessions(record.censuses)) < MIN_LENGTHS:
        problem = problem_of(record, "census")
        why = "too few censuses" if record.has_probe else "needs the probe"
        why = problem.words if problem is not None else why
        return Judged(ContainersGate(Outcome.NOT_MEASURED, why, 0))
    found = suspects(record)
    if not found:
        return Judged(ContainersGate(Outcome.FLAT, _filling_words(record), 0))
    found = [
        one for one in found if not one.trimmed_at
    ] or found  # what is bounded somehow is not blamed for the rest
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
        record.causes[key].name: f"{lengths[-1]} of {record.causes[key].bound}, kept by "
        f"{record.causes[key].trimmed_at}"
        for key, lengths in record.censuses[-1].rising.items()
        if is_within_bound(record, key, lengths[-1])
    }
    return "; ".join(f"{name} fills: {words}" for name, words in list(within.items())[:MAX_TOLD])

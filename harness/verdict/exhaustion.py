"""A server whose sessions worked, and then all failed: what it had more of with each that worked.

A pool that is dry, a limit of descriptors or threads: the leak ends at a bound, before there is
enough for statistics. A count that rose by one or more with each session, up to the session at
which they begin to fail, needs none.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np

from ..formulas import Floats
from ..record.metrics import names
from ..record.record import Cause, RunRecord, SessionResult
from .bounded_growth import filling
from .suspects import Suspect, census_sessions, suspects, unsure

MIN_WORKED: Final = 20
"""Sessions that have to work before the first one fails."""
MIN_FAILED: Final = 3
"""Sessions that have to fail in a row, the latest among them."""
FAILING_SHARE: Final = 0.8
"""Of the sessions from the first that failed on."""
MIN_RATE: Final = 0.9
"""Per session: less is not one with each."""
MAX_DEVIATION: Final = 0.25
"""Share by which the rise of one cycle may differ from the mean. One more or less is let pass."""
MIN_SAMPLES: Final = 5
"""Rest samples that show the rise."""
WARM_UP_SHARE: Final = 1 / 3
"""Of the sessions that worked, before which nothing is looked at."""
_COUNTERS: Final = (names.DESCRIPTORS, names.THREADS, names.CHILDREN, names.TASKS)


@dataclass(frozen=True, slots=True)
class Exhaustion:
    """A count that rose with each session until the server came to a bound."""

    worked: int
    """Sessions before the first one that failed."""
    failed: int
    """Sessions that failed since."""
    reason: str
    """The line of the server's log that says why; without one, what the sessions say."""
    rates: Mapping[str, float] = field(default_factory=dict)
    """Growth per session of each metric that rose so."""
    containers: tuple[Suspect, ...] = ()
    """Containers that got longer so."""

    @property
    def words(self) -> str:
        """What happened to the sessions."""
        return f"after {self.worked} sessions that worked, {self.failed} failed: {self.reason}"


def exhaustion(record: RunRecord) -> Exhaustion | None:
    """What the server ran into; None where its sessions work, or nothing rose with each of them."""
    sessions = [session for cycle in record.cycles for session in cycle.sessions]
    worked = _worked_before_failing(sessions)
    if worked is None:
        return None
    rates = _rates(record, worked)
    containers = _containers(record, worked)
    if not rates and not containers:
        return None
    failed = [session for session in sessions[worked:] if not session.ok]
    return Exhaustion(worked, len(failed), _reason(record, worked, failed), rates, containers)


def _worked_before_failing(sessions: Sequence[SessionResult]) -> int | None:
    """How many sessions worked before they began to fail; None where that is not so."""
    latest = sessions[-MIN_FAILED:]
    if len(latest) < MIN_FAILED or any(session.ok for session in latest):
        return None
    first = next(place for place, session in enumerate(sessions) if not session.ok)
    failed = sum(not session.ok for session in sessions[first:])
    is_failing = failed >= FAILING_SHARE * (len(sessions) - first)
    return first if first >= MIN_WORKED and is_failing else None


def _rates(record: RunRecord, worked: int) -> dict[str, float]:
    rates = {}
    for metric in _COUNTERS:
        t, x = _until(record, metric, worked)
        if (rate := _steady_rate(t, x)) is not None:
            rates[metric] = rate
    if record.started.policy.collect and filling(record) is None and unsure(record) is None:
        t, x = _until(record, names.TRACKED_OBJECTS, worked)
        rate = _steady_rate(t, x)
        if rate is not None and rate == round(rate) and _is_straight(t, x):
            rates[names.TRACKED_OBJECTS] = rate
    return rates


def _until(record: RunRecord, metric: str, worked: int) -> tuple[Floats, Floats]:
    """A metric without its warm-up, up to the last cycle in which all sessions worked."""
    series = record.series(metric)
    kept = (series.t <= worked) & (series.t >= WARM_UP_SHARE * worked)
    return series.t[kept], series.x[kept]


def _steady_rate(t: Floats, x: Floats) -> float | None:
    """Growth per session, where it is one or more in each cycle alike; None where it is not."""
    if len(x) < MIN_SAMPLES:
        return None
    sessions, rises = np.diff(t), np.diff(x)
    rate = float((x[-1] - x[0]) / (t[-1] - t[0]))
    apart = np.abs(rises - rate * sessions)
    is_steady = bool(np.all(apart <= np.maximum(1.0, MAX_DEVIATION * rate * sessions)))
    return rate if rate >= MIN_RATE and is_steady and bool(np.all(rises >= 0)) else None


def _is_straight(t: Floats, x: Floats) -> bool:
    """Whether each session left exactly as many."""
    rates = np.diff(x) / np.diff(t)
    return bool(np.all(rates == rates[0]))


def _containers(record: RunRecord, worked: int) -> tuple[Suspect, ...]:
    """Suspects of the application that got one entry or more with each session, and that no code
    makes shorter.
    """
    growing = []
    for suspect in suspects(record):
        cause = record.causes.get(suspect.key, Cause())
        is_of_application = cause.owner == "application" and not cause.trimmed_at
        if is_of_application and _rose_with_each(record, suspect, worked):
            growing.append(suspect)
    return tuple(growing)


def _rose_with_each(record: RunRecord, suspect: Suspect, worked: int) -> bool:
    lengths = record.censuses[-1].rising[suspect.key]
    taken = [min(sessions, worked) for sessions in census_sessions(record.censuses)]
    t = np.array(taken[-len(lengths) :], dtype=np.float64)
    x = np.array(lengths, dtype=np.float64)
    sessions, rises = np.diff(t), np.diff(x)
    if not np.all(sessions > 0):
        return False
    rate = (x[-1] - x[0]) / (t[-1] - t[0])
    is_steady = np.abs(rises - rate * sessions) <= np.maximum(1.0, MAX_DEVIATION * rate * sessions)
    return bool(rate >= MIN_RATE and np.all(is_steady))


def _reason(record: RunRecord, worked: int, failed: Sequence[SessionResult]) -> str:
    """What the log says of the first cycle that failed, else what most of the sessions say."""
    done, first = 0, 0
    for cycle in record.cycles:
        done += len(cycle.sessions)
        if done > worked:
            first = cycle.cycle
            break
    lines = (log.reason for log in record.logs if log.cycle >= first and log.reason)
    if line := next(lines, ""):
        return f"the server's log says '{line}'"
    alike = Counter(re.sub(r"\d+", "*", session.failure) for session in failed)
    most = alike.most_common(1)[0][0]
    failures = (session.failure for session in failed)
    return next(said for said in failures if re.sub(r"\d+", "*", said) == most) or "no reason given"

"""Facts read off a record, in the one way in which all rooms read them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from itertools import accumulate
from statistics import median
from typing import TypeVar

import numpy as np

from ..formulas import Floats
from .metrics import names
from .record import RunRecord

Values = TypeVar("Values", bound="Sequence[float] | Floats | Sequence[object]")


def reported_metric(record: RunRecord) -> str:
    """The metric whose growth is reported as that of memory: USS, or RSS where the system does not
    say USS.
    """
    return names.USS if any(names.USS in rest.values for rest in record.rests) else names.RSS


def duration_s(record: RunRecord) -> float:
    """From the start of the run to the last thing that it recorded."""
    lines = (
        record.ready,
        record.ended,
        *record.rests[-1:],
        *record.idles[-1:],
        *record.incidents[-1:],
        *record.fast_samples[-1:],
    )
    ends_s = [line.at_s for line in lines if line is not None]
    return max([*ends_s, *(cycle.ended_s for cycle in record.cycles[-1:])], default=0.0)


def sessions_done(record: RunRecord) -> list[int]:
    """Sessions done at the end of each cycle, failed ones included."""
    return list(accumulate(len(cycle.sessions) for cycle in record.cycles))


def warmup_sessions(record: RunRecord, warmup_cycles: int) -> int:
    """Sessions done at the end of the warm-up, which has so many cycles."""
    done = (rest.sessions for rest in record.rests if rest.cycle <= warmup_cycles)
    return max(done, default=0)


def cpu_while_talking(record: RunRecord, *, usual_size: bool = True) -> tuple[Floats, Floats]:
    """CPU over the sessions of each cycle, in percent of one core.

    Args:
        record: the run.
        usual_size: only of cycles with the most usual number of sessions. Within one run no others
            can be compared, for that number changes the share of pauses. Two runs of one plan have
            cycles of the same sizes: there all may count.

    Returns:
        Sessions done (n,), and the percentages (n,).
    """
    sized = [
        (len(cycle.sessions), done, cycle.talking_cpu_percent)
        for cycle, done in zip(record.cycles, sessions_done(record), strict=True)
        if cycle.talking_cpu_percent is not None and cycle.sessions
    ]
    if not sized:
        return np.array([]), np.array([])
    usual = Counter(size for size, _, _ in sized).most_common(1)[0][0]
    points = [(done, percent) for size, done, percent in sized if size == usual or not usual_size]
    t, percents = np.array(points, dtype=np.float64).T
    return t, percents


def cpu_per_session(record: RunRecord) -> tuple[Floats, Floats]:
    """CPU time of each session, less what the server uses at rest in the same time.

    Only of cycles with the most usual number of sessions: sessions at once share what each takes
    alone.

    Returns:
        Sessions done (n,), and seconds of CPU time per session (n,).
    """
    at_rest = {
        rest.cycle: rest.values[names.CPU_AT_REST]
        for rest in record.rests
        if names.CPU_AT_REST in rest.values
    }
    sizes = Counter(
        len(cycle.sessions) for cycle in record.cycles if cycle.talking_cpu_percent is not None
    )
    usual = max(sizes, key=sizes.__getitem__, default=0)
    points = []
    for cycle, done in zip(record.cycles, sessions_done(record), strict=True):
        if cycle.talking_cpu_percent is None or len(cycle.sessions) != usual or not usual:
            continue
        percent = max(0.0, cycle.talking_cpu_percent - at_rest.get(cycle.cycle, 0.0))
        points.append((done, percent / 100 * (cycle.ended_s - cycle.began_s) / usual))
    if not points:
        return np.array([]), np.array([])
    t, seconds = np.array(points, dtype=np.float64).T
    return t, seconds


def other_load_percent(record: RunRecord) -> float | None:
    """CPU that others used on the machine, in percent of all cores: the median of the cycles."""
    shares = [
        rest.values[names.OTHER_LOAD]
        for rest in record.rests[1:]
        if names.OTHER_LOAD in rest.values
    ]
    return round(median(shares), 1) if shares else None


def late_other_load_percent(record: RunRecord) -> float | None:
    """CPU that others used in the last third of the run, in percent of all cores: the median."""
    shares = [
        rest.values[names.OTHER_LOAD]
        for rest in record.rests[1:]
        if names.OTHER_LOAD in rest.values
    ]
    return median(last_third(shares)) if shares else None


def first_third(values: Values) -> Values:
    """The first third of a run's values, one of them at least."""
    return values[: _third(values)]  # type: ignore[return-value]


def last_third(values: Values) -> Values:
    """The last third of a run's values, one of them at least."""
    return values[-_third(values) :]  # type: ignore[return-value]


def _third(values: Sequence[object] | Floats) -> int:
    return max(1, len(values) // 3)

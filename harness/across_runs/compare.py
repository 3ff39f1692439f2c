"""A run against another: the figures that people quote, with intervals, and the findings that
went, stayed and came.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from math import ceil
from typing import Final

import numpy as np

from ..errors import ExitStatus
from ..formulas import Floats, t_quantile
from ..record.facts import cpu_while_talking, last_third
from ..record.metrics import METRICS, names
from ..record.record import RunRecord
from ..verdict.findings import worth_telling
from ..verdict.gates.memory import LIMIT_PROBE_BYTES, MemoryGate
from ..verdict.growth_engine import look
from ..verdict.growth_rates import tail_rate
from ..verdict.memory_facts import MALLOC_SHARE, USUAL_BLOCK_BYTES
from ..verdict.outcome import Finding, Verdict, VerdictName

MEMORY_AT: Final = (1, 5, 10, 20)
LATENCY_AT: Final = (1, 5, 10)
"""Sessions that the tables show, counted from 1."""
_BEST_FIRST: Final = (names.MALLOC_IN_USE, names.USS, names.RSS)
_CONFIDENCE: Final = 0.95
MAX_MORE: Final = 10.0
"""Times as many cycles as there were: more are not proposed."""
ROUND_CYCLES: Final = 10


@dataclass(frozen=True, slots=True)
class Figure:
    """One number of a run and its interval; None where it was not measured."""

    value: float | None
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True, slots=True)
class Row:
    """One line of a table."""

    what: str
    unit: str
    """`bytes`, `seconds`, `percent`."""
    before: Figure
    after: Figure

    @property
    def improvement(self) -> float | None:
        """By which share the second is below the first; negative where it is above. None where
        that is not known.
        """
        before, after = self.before.value, self.after.value
        return None if before is None or after is None or before <= 0 else (before - after) / before


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two runs set against each other."""

    memory: tuple[Row, ...]
    latency: tuple[Row, ...]
    cpu: tuple[Row, ...]
    growth: Row
    """Bytes per session of `metric`, with the engine's bounds."""
    metric: str
    """The most exact metric of memory that both runs have; empty where they share none."""
    cycles: int
    """Of the shorter run."""
    limit: float
    """Bytes per session by which the second may grow faster than the first."""
    gone: tuple[Finding, ...]
    """Findings of the first run alone."""
    stayed: tuple[Finding, ...]
    """Findings of both, as the second run words them."""
    came: tuple[Finding, ...]
    """Findings of the second run alone."""
    unfinished: tuple[str, ...] = ()
    """Which run failed or was interrupted, and why. It cannot be compared."""
    unfinished_status: ExitStatus = ExitStatus.FLAT
    """The worst exit status of the unfinished runs."""

    @property
    def unknown(self) -> str:
        """Why it is not known whether the second is worse; empty where it is known."""
        if self.is_worse:
            return ""
        measured = self.growth.before.value is not None and self.growth.after.value is not None
        return "; ".join(self.unfinished) or (
            "" if measured else "the growth of memory was not measured in both"
        )

    @property
    def unseen(self) -> float:
        """Bytes per session by which the second run may grow faster than the first without
        being seen.
        """
        before, after = self.growth.before, self.growth.after
        return max(0.0, (after.high or 0.0) - max(0.0, before.low or 0.0))

    @property
    def cycles_needed(self) -> int:
        """About how many cycles show a difference by the limit: what is unseen falls with them."""
        factor = min(MAX_MORE, self.unseen / self.limit) if self.limit else MAX_MORE
        return ceil(self.cycles * factor / ROUND_CYCLES) * ROUND_CYCLES

    @property
    def exit_status(self) -> ExitStatus:
        """1 where the second is worse, else the status of an unfinished run, else 3 where nothing
        is known.
        """
        if self.is_worse:
            return ExitStatus.LEAK
        return self.unfinished_status or (
            ExitStatus.INCONCLUSIVE if self.unknown else ExitStatus.FLAT
        )

    @property
    def is_worse(self) -> bool:
        """Whether the second grows faster than the first by more than the limit, and their
        intervals do not overlap.
        """
        before, after = self.growth.before, self.growth.after
        if before.value is None or after.value is None or after.value - before.value <= self.limit:
            return False
        return before.high is None or after.low is None or after.low > before.high

    @property
    def is_better(self) -> bool:
        """Whether the second grows more slowly by more than the limit, and their intervals do not
        overlap.
        """
        before, after = self.growth.before, self.growth.after
        if before.value is None or after.value is None or before.value - after.value <= self.limit:
            return False
        return before.low is None or after.high is None or before.low > after.high


def compare(before: tuple[RunRecord, Verdict], after: tuple[RunRecord, Verdict]) -> Comparison:
    """Set two runs against each other. Sessions that neither run came to are left out.

    Args:
        before: the record and the verdict of the first run.
        after: those of the second.
    """
    first, second = before[0], after[0]
    prints = [_fingerprints(verdict) for _, verdict in (before, after)]
    earlier, later = (worth_telling(verdict.all_findings) for _, verdict in (before, after))
    gates = [verdict.gates.get("memory") for _, verdict in (before, after)]
    metric = _metric_of(first, second)
    unfinished = {
        side: verdict
        for side, (_, verdict) in (("before", before), ("after", after))
        if verdict.name in (VerdictName.SERVER_FAILED, VerdictName.INTERRUPTED)
    }
    limits = [
        gate.limit for gate in gates if isinstance(gate, MemoryGate) and gate.limit is not None
    ]
    memory = [(f"after session {n}", partial(_memory_at, sessions=n)) for n in MEMORY_AT]
    latency = [(f"session {n}", partial(_reply_at, number=n)) for n in LATENCY_AT]
    cpu = [("at rest", _cpu_at_rest), ("in conversation", _cpu_in_conversation)]
    return Comparison(
        memory=_rows("bytes", memory, first, second),
        latency=_rows("seconds", latency, first, second),
        cpu=_rows("percent", cpu, first, second),
        growth=Row("growth per session", "bytes", _growth(first, metric), _growth(second, metric)),
        metric=metric,
        cycles=min(len(first.cycles), len(second.cycles)),
        limit=max(limits, default=1024.0),
        gone=tuple(finding for finding in earlier if finding.fingerprint not in prints[1]),
        stayed=tuple(finding for finding in later if finding.fingerprint in prints[0]),
        came=tuple(finding for finding in later if finding.fingerprint not in prints[0]),
        unfinished=tuple(f"{side}: {verdict.summary}" for side, verdict in unfinished.items()),
        unfinished_status=max(
            (verdict.exit_status for verdict in unfinished.values()), default=ExitStatus.FLAT
        ),
    )


def _metric_of(before: RunRecord, after: RunRecord) -> str:
    """Malloc in use, which is exact, where both runs have it; else USS, else RSS. Malloc does not
    count small objects: where these may take more than it grows by, USS says more.
    """
    common = [name for name in _BEST_FIRST if _is_measured(before, name)]
    common = [name for name in common if _is_measured(after, name)]
    is_blind = any(_small_objects_take_more(record) for record in (before, after))
    if names.MALLOC_IN_USE in common[:1] and is_blind and len(common) > 1:
        return common[1]
    return common[0] if common else ""


def _is_measured(record: RunRecord, name: str) -> bool:
    return len(record.series(name).x) > 0


def _small_objects_take_more(record: RunRecord) -> bool:
    blocks, in_use = record.series(names.BLOCKS), record.series(names.MALLOC_IN_USE)
    if min(len(blocks.x), len(in_use.x)) < 2:
        return False
    taken = tail_rate(blocks.t, blocks.x) * USUAL_BLOCK_BYTES
    return taken > max(LIMIT_PROBE_BYTES * MALLOC_SHARE, tail_rate(in_use.t, in_use.x))


def _fingerprints(verdict: Verdict) -> set[str]:
    return {finding.fingerprint for finding in verdict.all_findings}


def _rows(
    unit: str,
    figures: Sequence[tuple[str, Callable[[RunRecord], Figure]]],
    before: RunRecord,
    after: RunRecord,
) -> tuple[Row, ...]:
    """A row for each figure, with what reads it off a record; none that neither run has."""
    rows = [Row(what, unit, read(before), read(after)) for what, read in figures]
    return tuple(row for row in rows if row.before.value is not None or row.after.value is not None)


def _memory_at(record: RunRecord, sessions: int) -> Figure:
    """USS, or RSS without it, at rest after so many sessions; nothing where no sample was taken
    just then.
    """
    for metric in (names.USS, names.RSS):
        series = record.series(metric)
        at = np.flatnonzero(series.t == sessions)
        if len(at):
            return Figure(float(series.x[at[0]]))
    return Figure(None)


def _reply_at(record: RunRecord, number: int) -> Figure:
    """Median of the replies of a session, and the fastest and slowest of them."""
    sessions = [session for cycle in record.cycles for session in cycle.sessions]
    if len(sessions) < number or not sessions[number - 1].turns:
        return Figure(None)
    replies = [turn.complete_s for turn in sessions[number - 1].turns]
    return Figure(float(np.median(replies)), min(replies), max(replies))


def _cpu_at_rest(record: RunRecord) -> Figure:
    return _of_last_third(record.series(names.CPU_AT_REST).x)


def _cpu_in_conversation(record: RunRecord) -> Figure:
    return _of_last_third(cpu_while_talking(record, usual_size=False)[1])


def _of_last_third(values: Floats) -> Figure:
    """Mean and its 95 % interval over the last third of the cycles, by Student's t; one value
    alone has none.
    """
    last = last_third(values)
    if not len(last):
        return Figure(None)
    mean = float(last.mean())
    if len(last) < 2:
        return Figure(mean)
    margin = (
        t_quantile((1 + _CONFIDENCE) / 2, len(last) - 1)
        * float(last.std(ddof=1))
        / len(last) ** 0.5
    )
    return Figure(mean, max(0.0, mean - margin), mean + margin)


def _growth(record: RunRecord, metric: str) -> Figure:
    """Over the tail of the run, as the engine sees it at its last sample."""
    if not metric:
        return Figure(None)
    series = record.series(metric)
    latest = look(series.t, series.x, LIMIT_PROBE_BYTES, METRICS[metric].quantum)
    if latest is not None:
        return Figure(latest.rate, latest.lower, latest.upper)
    return Figure(tail_rate(series.t, series.x) if len(series.x) > 1 else None)

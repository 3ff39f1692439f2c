"""What was done in which cycle of a varied run: the columns by which its growth is explained.

One row per cycle after the warm-up. One column per action: how often it happened in the cycle. And
three columns of nuisance terms, of what grows without any action being to blame:

* `second`: the length of the cycle in seconds. Growth by it is growth with time.
* `sample`: 1 in each cycle. What taking a rest sample leaves.
* `held`: 1, 0 or -1. What the last session of a cycle holds until the next one comes.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from itertools import pairwise
from typing import Final

import numpy as np

from ..formulas import Floats
from ..record.record import CycleDone, RestSample, RunRecord
from .regression import Columns, Key

Counts = dict[str, float]
"""How often each action happened in one session."""
Step = tuple[RestSample, RestSample]
"""Rest samples before and after a cycle."""

WARMUP_CYCLES: Final = 4
"""In them everything is done once, so that what is made with the first use is there. They do not
count.
"""
CONNECT, CLOSE, DROP = "connect", "close", "drop"
"""How sessions begin and end: columns of every protocol."""
LEFT_REPLY: Final = "leave_at"
"""A reply that was left half-way, called after the argument that does it."""
SECOND, SAMPLE, HELD = "second", "sample", "held"
"""The nuisance terms: columns that are not actions."""
NOT_SHOWN: Final = (SAMPLE, HELD)
"""Terms that belong to the measurement, not to the server. Growth with time is shown."""
NUISANCE: Final[tuple[Key, ...]] = tuple((name, "") for name in (SECOND, *NOT_SHOWN))
"""The columns of nuisance terms, in the order in which `columns` makes them."""
PART_OF_OTHERS: Final = frozenset({"greeting", "send", "receive", "vanish"})
"""Steps of a session that come with another action. They have no column, and are not told."""


class DesignMatrix:
    """How often each action happened in each cycle after the warm-up."""

    def __init__(self, record: RunRecord, unvaried: Collection[str] = ()) -> None:
        """Count the actions of a run.

        Args:
            record: of a run with a schedule.
            unvaried: actions that the protocol does not let a schedule vary. They happen as often
                as sessions do, and get no column.
        """
        by_number = {cycle.cycle: cycle for cycle in record.cycles}
        self.steps: list[Step] = [
            (before, after)
            for before, after in pairwise(record.rests)
            if after.cycle > WARMUP_CYCLES
            and after.cycle in by_number
            and after.cycle == before.cycle + 1
        ]
        """Rest samples before and after each of these cycles."""
        self._record = record
        self._unvaried = frozenset(unvaried)
        self._cycles = [_sessions(by_number[after.cycle]) for _, after in self.steps]
        self.sessions = sum(map(len, self._cycles))
        """Sessions in these cycles."""
        self.actions, self.inseparable = self._independent()

    def columns(self, guilty: Sequence[str]) -> Columns:
        """The columns that may explain a metric, none twice and none of zeros.

        Guilty actions have one column each, over all sessions. Each other action has two: one over
        sessions without a guilty action, and one over sessions with one, of what it adds to that.
        """
        others = [name for name in self.actions if name not in guilty]
        columns = {(name, ""): self._column(name) for name in guilty}
        columns |= {(name, ""): self._column(name, guilty, among=False) for name in others}
        if guilty:
            more_of = " and ".join(guilty)
            columns |= {(name, more_of): self._column(name, guilty, among=True) for name in others}
        seconds = np.array([after.at_s - before.at_s for before, after in self.steps])
        samples = np.ones(len(seconds))
        nuisance = dict(zip(NUISANCE, (seconds, samples, self._held(guilty)), strict=True))
        return _distinct(columns | nuisance)

    def between(self, action: str, cycles: Sequence[int]) -> Floats:
        """How often it happened from each of these cycles to the next, the warm-up included."""
        done = []
        for cycle in self._record.cycles:
            done.append(sum(session.get(action, 0.0) for session in _sessions(cycle)))
        return np.array([sum(done[first:last]) for first, last in pairwise(cycles)])

    def _held(self, guilty: Sequence[str]) -> Floats:
        """The change of what is held: 1 where a cycle with a guilty action follows one without, -1
        the other way round.
        """
        holds = []
        for cycle in self._cycles:
            holds.append(float(any(session.get(name) for session in cycle for name in guilty)))
        return np.diff(holds, prepend=holds[:1])

    def _column(self, action: str, guilty: Sequence[str] = (), *, among: bool = False) -> Floats:
        """How often it happened in each cycle, in sessions with a guilty action or in others."""
        column = []
        for cycle in self._cycles:
            chosen = [session for session in cycle if any(map(session.get, guilty)) == among]
            column.append(sum(session.get(action, 0.0) for session in chosen))
        return np.array(column, dtype=np.float64)

    def _independent(self) -> tuple[list[str], tuple[str, ...]]:
        """Actions none of which is made up of those before it, and the others; how sessions end
        comes last.
        """
        done = {name for cycle in self._cycles for session in cycle for name in session}
        kept = [CONNECT]
        rest: list[str] = []
        for name in (DROP, *sorted(done - {CLOSE, CONNECT, DROP})):
            matrix = np.column_stack([self._column(other) for other in (*kept, name)])
            is_new = np.linalg.matrix_rank(matrix) > len(kept)
            (kept if is_new and name not in self._unvaried else rest).append(name)
        ends = [CLOSE] if DROP in kept else []
        return [*kept, *ends], tuple(name for name in rest if name != DROP)


def may_explain(keys: tuple[Key, ...]) -> bool:
    """Whether these columns may explain a metric together, where nobody is known to be guilty.

    How a session ends either does not matter (`connect`), or is told by its ends (`close` and
    `drop`, which add up to it).
    """
    return (CONNECT, "") not in keys or not {CLOSE, DROP} & {name for name, _ in keys}


def may_explain_more(keys: tuple[Key, ...]) -> bool:
    """Whether these columns may explain a metric together, next to a guilty action.

    Of what sessions with it leave more, not both ends: they add up to what the action leaves.
    """
    return not {CLOSE, DROP} <= {name for name, more_of in keys if more_of}


def _sessions(cycle: CycleDone) -> list[Counts]:
    return [_counts(session.actions) for session in cycle.sessions]


def _counts(actions: Mapping[str, int]) -> Counts:
    """What a session did; one that was not dropped was closed."""
    counts = {name: float(count) for name, count in actions.items() if name not in PART_OF_OTHERS}
    if not counts.get(DROP):
        counts[CLOSE] = counts.get(CONNECT, 0.0)
    return counts


def _distinct(columns: Columns) -> Columns:
    """Without what never happened, and without copies of an earlier column."""
    first: dict[bytes, Key] = {}
    for key, column in columns.items():
        if column.any():
            first.setdefault(column.tobytes(), key)
    return {key: columns[key] for key in first.values()}

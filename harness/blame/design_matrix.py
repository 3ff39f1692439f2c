"""What was done in which cycle of a varied run: the columns by which its growth is explained."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Final

import numpy as np

from harness.blame.regression import Columns, Key
from harness.formulas import Floats
from harness.record.record import CycleDone, RestSample, RunRecord

Counts = dict[str, float]
Step = tuple[RestSample, RestSample]

WARMUP_CYCLES: Final = 4
"""In them everything is done once, so that what is made with the first use is there; they do not
count.
"""
CONNECT, CLOSE, DROP, SECOND, SAMPLE, LENT = "connect", "close", "drop", "second", "sample", "lent"
NOBODYS: Final = (SAMPLE, LENT)
"""What each sample leaves, and what a guilty session holds until the next one comes: of no
action.
"""
PASSING: Final = tuple((name, "") for name in (SECOND, *NOBODYS))
"""What comes without anything being done."""
FOLLOWING: Final = ("greeting", "playback", "send", "receive", "heartbeat", "vanish")
"""Actions that come with others, and never alone."""


class Deeds:
    """How often each action happened in each cycle after the warm-up."""

    def __init__(self, record: RunRecord) -> None:
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
        self._cycles = [_sessions(by_number[after.cycle]) for _, after in self.steps]
        self.sessions = sum(map(len, self._cycles))
        self.actions, self.inseparable = self._independent()

    def columns(self, guilty: Sequence[str]) -> Columns:
        """The guilty in all sessions; others apart, where nothing guilty was done and where
        something was.
        """
        others = [name for name in self.actions if name not in guilty]
        columns = {(name, ""): self._column(name) for name in guilty}
        columns |= {(name, ""): self._column(name, guilty, among=False) for name in others}
        if guilty:
            more_of = " and ".join(guilty)
            columns |= {(name, more_of): self._column(name, guilty, among=True) for name in others}
        seconds = np.array([after.at_s - before.at_s for before, after in self.steps])
        lends = [
            float(any(one.get(name) for one in cycle for name in guilty)) for cycle in self._cycles
        ]
        lent = np.diff(lends, prepend=lends[:1])
        return _unlike(
            columns | dict(zip(PASSING, (seconds, np.ones(len(seconds)), lent), strict=True))
        )

    def between(self, action: str, cycles: Sequence[int]) -> Floats:
        """How often it happened from each of these cycles to the next, the warm-up included."""
        done = [
            sum(one.get(action, 0.0) for one in _sessions(cycle)) for cycle in self._record.cycles
        ]
        return np.array([sum(done[a:b]) for a, b in pairwise(cycles)])

    def _column(self, action: str, guilty: Sequence[str] = (), *, among: bool = False) -> Floats:
        return np.array(
            [
                sum(one.get(action, 0.0) for one in cycle if any(map(one.get, guilty)) == among)
                for cycle in self._cycles
            ]
        )

    def _independent(self) -> tuple[list[str], tuple[str, ...]]:
        """Actions none of which is made up of those before it, and the others; how sessions end
        comes last.
        """
        done = {name for cycle in self._cycles for session in cycle for name in session}
        kept = [CONNECT]
        left: list[str] = []
        for name in (DROP, *sorted(done - {CLOSE, CONNECT, DROP})):
            matrix = np.column_stack([self._column(one) for one in (*kept, name)])
            (kept if np.linalg.matrix_rank(matrix) > len(kept) else left).append(name)
        return [*kept, CLOSE] if DROP in kept else kept, tuple(
            name for name in left if name != DROP
        )


def apart(keys: tuple[Key, ...]) -> bool:
    """Whether they may explain something together: how a session ends is either no matter, or
    told by its ends.
    """
    return (CONNECT, "") not in keys or not {CLOSE, DROP} & {name for name, _ in keys}


def beside(keys: tuple[Key, ...]) -> bool:
    """The same of what more a session leaves, beside somebody who is known to be guilty."""
    return not {CLOSE, DROP} <= {name for name, more_of in keys if more_of}


def _sessions(cycle: CycleDone) -> list[Counts]:
    return [_counts(session.actions) for session in cycle.sessions]


def _counts(actions: Mapping[str, int]) -> Counts:
    """What a session did; one that was not dropped was closed."""
    counts = {name: float(count) for name, count in actions.items() if name not in FOLLOWING}
    return counts | ({} if counts.get(DROP) else {CLOSE: counts.get(CONNECT, 0.0)})


def _unlike(columns: Columns) -> Columns:
    """Without what never happened, and what is the same as one before."""
    first: dict[bytes, Key] = {}
    for key, column in columns.items():
        if column.any():
            first.setdefault(column.tobytes(), key)
    return {key: columns[key] for key in first.values()}

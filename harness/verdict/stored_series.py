"""Stored series: a table of rest samples as text, made into a record that can be judged like a run.

Columns: `cycle` (sessions done so far), `rss`, and any of `uss`, `blocks`, `malloc_in_use`,
`malloc_system` (or `system`), `gc_objects`, `tasks`, `threads`, `descriptors`, `children`. An empty
cell is a reading that was not made; with no reading of the probe's, the series is one without a
probe.
"""

from __future__ import annotations

import csv
from io import StringIO
from itertools import pairwise
from math import isfinite
from typing import Final

from ..errors import NotASeries, RecordDamaged
from ..record.facts import reported_metric
from ..record.metrics import METRICS, names
from ..record.policy import Policy
from ..record.record import (
    CycleDone,
    RestSample,
    RunRecord,
    RunStarted,
    SessionResult,
    Values,
)
from .judge import judge
from .look_schedule import LOOKS, look_numbers
from .outcome import Judgement, NextStep

_ALIASES: Final = {"system": names.MALLOC_SYSTEM}
COLUMNS: Final = (
    "a series has the columns cycle,rss,uss,blocks,malloc_in_use,gc_objects,tasks; cells may be "
    "empty"
)
MAX_SESSIONS: Final = 1_000_000
"""Of a series: each is an entry of the record."""
_SESSION: Final = SessionResult(ok=True, duration_s=0.0)


def read_series(text: str, name: str = "series") -> RunRecord:
    """The record of a run that measured these rows; its policy has no idle wait and ends with the
    last row.

    Args:
        text: comma-separated, with a header line.
        name: stands for the scenario.

    Raises:
        NotASeries: a column that every series has is missing.
        RecordDamaged: a cell is not a number, or the sessions do not rise.
    """
    header = text[:4096].partition("\n")[0]
    rows = csv.DictReader(StringIO(text))
    if not {"cycle", names.RSS} <= _columns(header):
        raise NotASeries(
            f"{name} is not a series: no column `cycle` or `rss` in its header "
            f"'{header.rstrip()[:60]}'",
            hint=COLUMNS,
        )
    try:
        samples = [(int(row.pop("cycle")), _values(row)) for row in rows]
    except (KeyError, TypeError, ValueError, csv.Error) as error:
        raise _damaged(name, f"line {rows.line_num}: {error}") from error
    if samples and samples[-1][0] - samples[0][0] > MAX_SESSIONS:
        raise _damaged(
            name,
            f"`cycle` counts more than {MAX_SESSIONS:,} sessions; is it a time?",
        )
    if len(samples) < 2 or any(later <= earlier for (earlier, _), (later, _) in pairwise(samples)):
        raise _damaged(name, "`cycle` must count the sessions done and rise from row to row")
    policy = Policy(grace_s=0, max_sessions=samples[-1][0] - samples[0][0])
    record = RunRecord(RunStarted(name, {"mode": "series"}, policy, {}, ""))
    for cycle, (sessions, values) in enumerate(samples):
        if cycle:
            done = (_SESSION,) * (sessions - samples[cycle - 1][0])
            record.add(CycleDone(cycle, float(cycle), float(cycle), done))
        record.add(
            RestSample(cycle, sessions, float(cycle), settled=True, settle_s=0.0, values=values)
        )
    return record


def _columns(header: str) -> set[str]:
    """Names in the header line; none where it cannot be read."""
    try:
        return set(next(csv.reader([header]), []))
    except csv.Error:
        return set()


def judge_series(record: RunRecord) -> tuple[Judgement, int]:
    """What the judge says where it first says stop, as a run would have ended; and the sessions
    done by then.
    """
    grown = RunRecord(record.started)
    asked = {*look_numbers(len(record.rests) - 1), *range(LOOKS[0]), len(record.rests) - 1}
    metric, policy = reported_metric(record), record.started.policy
    judgement = judge(grown)
    for rest, cycle in zip(record.rests, [None, *record.cycles], strict=True):
        if cycle is not None:
            grown.add(cycle)
        grown.add(rest)
        growth = rest.values.get(metric, 0.0) - record.rests[0].values.get(metric, 0.0)
        if rest.cycle in asked or growth >= policy.memory_budget_bytes:
            judgement = judge(grown)
            if judgement.next is NextStep.STOP:
                break
    return judgement, grown.sessions


def _values(row: dict[str, str]) -> Values:
    named = {_ALIASES.get(name, name): cell for name, cell in row.items()}
    return {
        name: _number(cell)
        for name, cell in named.items()
        if name in METRICS and cell not in (None, "")
    }


def _number(cell: str) -> float:
    value = float(cell)
    if not isfinite(value):
        raise ValueError(f"{cell!r} is not a reading")
    return value


def _damaged(name: str, what: str) -> RecordDamaged:
    return RecordDamaged(f"{name} is not a series: {what}", hint=COLUMNS)

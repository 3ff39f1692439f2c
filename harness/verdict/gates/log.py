"""The gates of what a server writes: its log, and the files that it makes."""

from __future__ import annotations

from typing import Final

from harness.record.policy import KIB
from harness.units import format_size
from harness.verdict.evidence import Situation, evidence
from harness.verdict.gates.counters import Judged, counter_gate
from harness.verdict.growth_engine import tail_rate
from harness.verdict.outcome import CounterGate, LogGate, Outcome

MIN_LINES: Final = 3
"""Fewer lines than that are told, and fail nothing."""
FILE_BYTES: Final = 4.0 * KIB


def log_gate(situation: Situation) -> Judged:
    """Lines that are missing, and lines that should not be there, per session; more than one in
    fifty is a drift.
    """
    policy, record = situation.policy, situation.record
    if not record.logs:
        return Judged(LogGate(Outcome.NOT_MEASURED, "no log is read"))
    last = record.logs[-1]
    sessions = sum(
        one.connect_s is not None for cycle in record.cycles[: last.cycle] for one in cycle.sessions
    )
    per = max(1, sessions)
    missing = {text: sessions - last.counts.get(text, 0) for text in policy.log_expected}
    missing = {text: count for text, count in missing.items() if count > 0}
    found = {text: count for text in policy.log_forbidden if (count := last.counts.get(text, 0))}
    tolerated = max(MIN_LINES - 1, policy.counter_limit * per)
    failing = [
        f"'{text}' is missing {count} times" for text, count in missing.items() if count > tolerated
    ]
    failing += [
        f"'{text}' stands there {count} times" for text, count in found.items() if count > tolerated
    ]
    if last.early > tolerated:
        failing.append(f"{last.early} lines came before those that should precede them")
    noted = {
        text: last.counts.get(text, 0) for text in policy.log_noted if last.counts.get(text, 0)
    }
    told = failing or [f"'{text}' stands there {count} times" for text, count in noted.items()]
    gate = LogGate(
        Outcome.DRIFT if failing else Outcome.FLAT,
        f"{'; '.join(told)}, in {sessions} sessions" if told else "",
        {text: count / per for text, count in missing.items()},
        {text: count / per for text, count in {**found, **noted}.items()},
        tuple(last.examples[text] for text in (*found, *noted) if text in last.examples),
    )
    return Judged(gate)


def files_gate(situation: Situation) -> Judged:
    """Number of files, and their bytes, under the folders that are watched."""
    if not any("files" in rest.values for rest in situation.record.rests):
        return Judged(CounterGate(Outcome.NOT_MEASURED, "no folder is watched"))
    number = counter_gate(situation, "files")
    size = evidence(situation, "file_bytes", FILE_BYTES)
    if size is None or number.gate.outcome is Outcome.LEAK or not size.standing.growing:
        return number
    rate = tail_rate(size.series.t, size.series.x)
    gate = CounterGate(
        Outcome.LEAK,
        f"the files grow by {format_size(rate)} per session",
        float(size.series.x[0]),
        float(size.series.x[-1]),
        rate,
        size.bounds,
        FILE_BYTES,
    )
    return Judged(gate)

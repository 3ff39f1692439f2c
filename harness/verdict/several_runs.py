"""Several runs of the same plan, judged together; and the control, a run that has to be called a
leak.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from ..record.facts import duration_s
from ..record.record import RunRecord
from ..units import format_size
from .outcome import RunFacts, Verdict, VerdictName

_WORST_FIRST: Final = (
    VerdictName.INTERRUPTED,
    VerdictName.LEAK,
    VerdictName.DEGRADED,
    VerdictName.SERVER_FAILED,
    VerdictName.INCONCLUSIVE,
    VerdictName.FLAT,
)


@dataclass(frozen=True, slots=True)
class Done:
    """One run: what it measured, what was decided, and the folder that keeps it."""

    record: RunRecord
    verdict: Verdict
    folder: str


def together(runs: Sequence[Done]) -> Done:
    """The run that decides, with a verdict that names all: one leak makes a leak, and only all
    flat make flat.
    """
    if len(runs) == 1:
        return runs[0]
    worst = min(runs, key=lambda run: _WORST_FIRST.index(run.verdict.name))
    facts = tuple(run_facts(run.record, run.verdict, run.folder) for run in runs)
    alike = sum(run.verdict.name is worst.verdict.name for run in runs)
    summary = f"{worst.verdict.summary} ({alike} of {len(runs)} runs; this is {worst.folder})"
    return replace(worst, verdict=replace(worst.verdict, summary=summary, runs=facts))


def controlled(verdict: Verdict, control: Done, planted_bytes: int) -> Verdict:
    """The verdict after a control: a run that does not find what was planted takes the word from
    a flat one.
    """
    planted = f"a planted leak of {format_size(planted_bytes)} per session"
    sessions = control.record.sessions
    if control.verdict.name is VerdictName.LEAK:
        return replace(verdict, control=f"{planted} was found after {sessions} sessions")
    words = f"{planted} was not found in {sessions} sessions ({control.verdict.summary})"
    doubted = replace(
        verdict, control=words, doubts=(*verdict.doubts, f"the control failed: {words}")
    )
    if verdict.name is not VerdictName.FLAT:
        return doubted
    summary = f"{VerdictName.INCONCLUSIVE.upper()}: every gate is flat, but {words}"
    return replace(doubted, name=VerdictName.INCONCLUSIVE, summary=summary)


def run_facts(record: RunRecord, verdict: Verdict, folder: str = "") -> RunFacts:
    """What a run answers for itself."""
    return RunFacts(
        verdict.name,
        verdict.exit_status,
        record.started.started_at,
        round(duration_s(record), 3),
        len(record.cycles),
        verdict.warmup_cycles,
        record.sessions,
        record.failed_sessions,
        folder,
    )

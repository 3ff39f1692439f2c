"""What several reports say in the same words: a gate as a row of text, the sessions that failed,
the duration.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from itertools import chain
from typing import Final

from ..record.facts import duration_s, other_load_percent
from ..record.record import RunRecord
from ..units import format_size, format_time
from ..verdict.consequences import Nest
from ..verdict.drift import CROWDED_PERCENT
from ..verdict.gates import entries
from ..verdict.outcome import Finding, Verdict
from ..verdict.problems import no_mallinfo, problems, skipped
from ..verdict.rows import Row

_FAULT_FILE: Final = re.compile(r"(?<=--fault )\S*/(\w+)\.py")


def rows(verdict: Verdict) -> list[Row]:
    """All gates, in the verdict's order."""
    known = entries()
    return [
        replace(known[name].row(name, gate), allowed=gate.allowed)
        for name, gate in verdict.gates.items()
    ]


def sentence(verdict: Verdict) -> str:
    """The verdict's summary without its first word, for a place that shows that word already."""
    return verdict.summary.removeprefix(f"{verdict.name.upper()}: ")


def kept_with(nest: Nest) -> str:
    """What a finding keeps alive, in one sentence; empty where that is nothing."""
    parts = ", ".join(
        f"{part.count_per_session:.2f} {part.type}{_held(part)}" for part in nest.parts
    )
    return f"They keep alive per session: {parts}" if parts else ""


def _held(part: Finding) -> str:
    return f" ({format_size(part.bytes_per_session)})" if part.bytes_per_session else ""


def failures(record: RunRecord) -> list[str]:
    """How many sessions failed, and why, the most frequent reason first."""
    sessions = chain.from_iterable(cycle.sessions for cycle in record.cycles)
    counts = Counter(session.failure for session in sessions if not session.ok).most_common()
    return [f"{_several(count, 'session')}: {reason}" for reason, count in counts]


def incidents(record: RunRecord) -> list[str]:
    """What went wrong with the server or the run, each with its time."""
    return [
        f"{format_time(incident.at_s)}: {incident.what}"
        for incident in record.incidents
        if not incident.source
    ]


def not_read(record: RunRecord, verdict: Verdict) -> list[str]:
    """Sources of evidence that failed, each once, as far as no doubt or gate says it already."""
    known = {*verdict.doubts, *(gate.reason for gate in verdict.gates.values())}
    lines = [
        *(problem.words for problem in problems(record)),
        skipped(record),
        no_mallinfo(record),
    ]
    return [line for line in lines if line and line not in known]


def account(record: RunRecord) -> str:
    """How much was done, in one line."""
    against = _server(record.started.target)
    cycles = _several(len(record.cycles), "cycle")
    sessions = _several(record.sessions, "session")
    if record.failed_sessions:
        sessions += f", {record.failed_sessions} of them failed"
    took = format_time(duration_s(record))
    parts = [f"{record.started.scenario} against {against}: {cycles}, {sessions}, {took}"]
    if record.probe_silence:
        parts.append(f"without the probe: {' '.join(record.probe_silence.split())}")
    other_load = other_load_percent(record) or 0.0
    if other_load >= CROWDED_PERCENT:
        parts.append(f"other programs used {other_load:.0f}% of the CPU")
    if record.ended is None:
        parts.append(f"cut short after cycle {len(record.cycles)}, or still going")
    return "; ".join(parts)


def _server(target: Mapping[str, str]) -> str:
    """Which server; of the embedded one only what differs from run to run."""
    command = target.get("command", "")
    if target.get("mode") == "embedded":
        settings = re.sub(r"^.* --port [0-9]+ ?", "", command)
        settings = _FAULT_FILE.sub(lambda file: file[1].replace("_", "-"), settings)
        return f"the embedded server {settings}".strip()
    return " ".join(filter(None, (target.get("mode"), command or target.get("url")))) or "a server"


def _several(count: int, what: str) -> str:
    return f"{count:,} {what}{'' if count == 1 else 's'}"

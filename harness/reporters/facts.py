"""What several reports say in the same words: a gate as a row of text, the sessions that failed,
the duration.
"""

from __future__ import annotations

import re
from collections import Counter
from itertools import chain
from statistics import median
from typing import Final

from harness.record.facts import duration_s
from harness.record.record import RunRecord
from harness.units import format_time
from harness.verdict.gates import entries
from harness.verdict.outcome import Verdict
from harness.verdict.problems import problems, skipped
from harness.verdict.rows import Row

CROWDED_PERCENT: Final = 20
"""From here on the reports say so: memory is measured as well as ever, latency and CPU are not."""

_UNFIT: Final = re.compile("[^\t\n\r\x20-\x7e\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""What XML 1.0 does not allow or advises against."""


def rows(verdict: Verdict) -> list[Row]:
    """All gates, in the verdict's order."""
    known = entries()
    return [known[name].row(name, gate) for name, gate in verdict.gates.items()]


def sentence(verdict: Verdict) -> str:
    """The verdict's summary without its first word, for where that stands beside it."""
    return verdict.summary.removeprefix(f"{verdict.name.upper()}: ")


def crowded_percent(record: RunRecord) -> float | None:
    """CPU that others used on the machine, in percent of all cores: the median of the cycles."""
    shares = [rest.values["crowd"] for rest in record.rests[1:] if "crowd" in rest.values]
    return round(median(shares), 1) if shares else None


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
    said = {*verdict.doubts, *(gate.reason for gate in verdict.gates.values())}
    words = [*(problem.words for problem in problems(record)), skipped(record)]
    return [one for one in words if one and one not in said]


def clean(text: str) -> str:
    """Without control characters and halves of characters, which no format takes: a server's
    words may hold them.
    """
    return _UNFIT.sub("\N{REPLACEMENT CHARACTER}", text)


def account(record: RunRecord) -> str:
    """How much was done, in one line."""
    failed = f", {record.failed_sessions} of them failed" if record.failed_sessions else ""
    target = record.started.target
    against = " ".join(
        filter(None, (target.get("mode"), target.get("command") or target.get("url")))
    )
    done = (
        f"{_several(len(record.cycles), 'cycle')}, {_several(record.sessions, 'session')}{failed}"
    )
    blind = (
        f"; without the probe: {' '.join(record.probe_silence.split())}"
        if record.probe_silence
        else ""
    )
    crowd = crowded_percent(record) or 0.0
    crowded = f"; others used {crowd:.0f}% of the machine" if crowd >= CROWDED_PERCENT else ""
    words = (
        f"{record.started.scenario} against {against or 'a server'}: {done}, "
        f"{format_time(duration_s(record))}"
    )
    cut = "" if record.ended else f"; cut short after cycle {len(record.cycles)}, or still going"
    return words + blind + crowded + cut


def _several(count: int, what: str) -> str:
    return f"{count:,} {what}{'' if count == 1 else 's'}"

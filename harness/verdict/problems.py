"""Sources of evidence that failed in a run: which, how often, and why. What was not read must
never look like flat.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from ..record.lines import PROCESS
from ..record.metrics import names
from ..record.record import RunRecord

MAX_FAILED_SHARE: Final = 0.5
"""A source that failed at more than this share of its readings puts a flat verdict in doubt."""
_WORDS: Final = {"probe": "readings inside the server", "memory": "readings of memory"}


@dataclass(frozen=True, slots=True)
class Problem:
    """One source of evidence that failed at least once."""

    source: str
    """`census`, `causes`, `probe`, `memory`, `files` or `log`."""
    failed: int
    tried: int
    reason: str
    """The most frequent one, on one line."""

    @property
    def words(self) -> str:
        """The problem in words for a person."""
        times = "once" if self.failed == 1 else f"{self.failed} times"
        return (
            f"{_WORDS.get(self.source, self.source)} failed {times} of {self.tried}: {self.reason}"
        )

    @property
    def is_doubt(self) -> bool:
        """Whether a flat verdict cannot be trusted without it; causes only explain."""
        return self.source != "causes" and self.failed > MAX_FAILED_SHARE * self.tried


def problems(record: RunRecord) -> tuple[Problem, ...]:
    """Each source that failed, once."""
    return tuple(_problems(record))


def problem_of(record: RunRecord, source: str) -> Problem | None:
    """What is wrong with one source; None where it never failed."""
    return next((problem for problem in problems(record) if problem.source == source), None)


def skipped(record: RunRecord) -> str:
    """What the latest census could not read, in words; empty where it has read everything."""
    counts = record.censuses[-1].skipped if record.censuses else {}
    if not counts:
        return ""
    reason = max(counts, key=counts.__getitem__)
    return (
        f"the latest census left out {sum(counts.values())} objects that cannot be read: {reason}"
    )


def no_mallinfo(record: RunRecord) -> str:
    """Why malloc was not read in a server with a probe; empty where it was."""
    last = record.rests[-1].values if record.rests else {}
    if not record.has_probe or names.BLOCKS not in last or names.MALLOC_IN_USE in last:
        return ""
    return (
        "malloc: the server's C library has no mallinfo2, which comes with glibc 2.33, or another "
        "allocator is in its place. USS and RSS alone say what native code holds"
    )


def _problems(record: RunRecord) -> Iterator[Problem]:
    said: dict[str, list[str]] = {"census": [], "causes": list(record.cause_problems)}
    for incident in record.incidents:
        if incident.source and incident.source != PROCESS:  # which doubts tell by themselves
            said.setdefault(incident.source, []).append(incident.what)
    samples = [*record.rests, *record.idles]
    for sample in samples:
        for source, reason in sample.problems.items():
            said.setdefault(source, []).append(reason)
    said["log"] = [line.problem for line in record.logs if line.problem]
    tried = {"census": len(record.censuses) + len(said["census"]), "log": len(record.logs)}
    for source, reasons in said.items():
        if reasons:
            asked = tried.get(source, max(len(samples), len(reasons)))
            if source == "causes":
                asked = len(reasons) + record.answered_causes
            yield Problem(source, len(reasons), asked, _most_frequent(reasons))


def _most_frequent(reasons: Sequence[str]) -> str:
    lines = Counter(reasons).most_common(1)[0][0].splitlines()
    return "; ".join(line.strip() for line in lines if line.strip())

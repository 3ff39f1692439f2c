"""The words that a run ends with: outcomes, kinds, gates, findings, the verdict. Values are
those of result.json.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from harness.errors import ExitStatus


class VerdictName(StrEnum):
    """The one word for a whole run."""

    FLAT = "flat"
    LEAK = "leak"
    DEGRADED = "degraded"
    INCONCLUSIVE = "inconclusive"
    SERVER_FAILED = "server-failed"
    INTERRUPTED = "interrupted"


EXIT_STATUS: Final[Mapping[VerdictName, ExitStatus]] = {
    VerdictName.FLAT: ExitStatus.FLAT,
    VerdictName.LEAK: ExitStatus.LEAK,
    VerdictName.DEGRADED: ExitStatus.LEAK,
    VerdictName.INCONCLUSIVE: ExitStatus.INCONCLUSIVE,
    VerdictName.SERVER_FAILED: ExitStatus.SERVER_FAILED,
    VerdictName.INTERRUPTED: ExitStatus.INTERRUPTED,
}


class Outcome(StrEnum):
    """What one gate says."""

    FLAT = "flat"
    LEAK = "leak"
    DRIFT = "drift"
    INCONCLUSIVE = "inconclusive"
    NOT_MEASURED = "not-measured"


class Kind(StrEnum):
    """What sort of flat, or of leak, the memory gate saw."""

    FLAT = "flat"
    PLATEAU = "plateau"
    STEP = "step"
    FILLING = "filling"
    FRAGMENTATION = "fragmentation"
    RELEASED_LATE = "released-late"
    PYTHON = "python"
    LARGE_OBJECT = "large-object"
    NATIVE = "native"
    CHILD_PROCESS = "child-process"
    NOT_YET_COLLECTED = "not-yet-collected"
    UNATTRIBUTED = "unattributed"


class Tag(StrEnum):
    """What else is to be known of a leak."""

    SPARSE = "sparse"
    ACCELERATING = "accelerating"
    UNCONFIRMED = "unconfirmed"


class NextStep(StrEnum):
    """What the run does after the judge has looked."""

    CONTINUE = "continue"
    IDLE = "idle"
    EXPLAIN = "explain"
    STOP = "stop"


@dataclass(frozen=True, slots=True)
class MemoryGate:
    """Bytes: malloc in use, USS and RSS, decided together."""

    outcome: Outcome
    reason: str = ""
    """In words: what decided, or why nothing could be measured."""
    kind: Kind | None = None
    tags: tuple[Tag, ...] = ()
    decided_by: str | None = None
    metric: str | None = None
    first: float | None = None
    last: float | None = None
    peak: float | None = None
    growth_per_session: float | None = None
    bounds: tuple[float, float] | None = None
    limit: float | None = None
    smallest_detectable: float | None = None


@dataclass(frozen=True, slots=True)
class CounterGate:
    """Objects, tasks, threads, descriptors or children: exact counts."""

    outcome: Outcome
    reason: str = ""
    first: float | None = None
    last: float | None = None
    growth_per_session: float | None = None
    bounds: tuple[float, float] | None = None
    limit: float | None = None
    kind: Kind | None = None
    """Why it is flat although it grew, as memory has it: `released-late`, `filling`."""


@dataclass(frozen=True, slots=True)
class LatencyGate:
    """Seconds from a user's message to the complete reply."""

    outcome: Outcome
    reason: str = ""
    first_p50: float | None = None
    last_p50: float | None = None
    p50: float | None = None
    p95: float | None = None
    p99: float | None = None
    max: float | None = None
    ratio: float | None = None


@dataclass(frozen=True, slots=True)
class CpuGate:
    """Percent of one core, at rest and in conversation."""

    outcome: Outcome
    reason: str = ""
    idle_first: float | None = None
    idle_last: float | None = None
    talking_first: float | None = None
    talking_last: float | None = None


@dataclass(frozen=True, slots=True)
class ContainersGate:
    """Containers that are longer at every census."""

    outcome: Outcome
    reason: str = ""
    suspects: int = 0


@dataclass(frozen=True, slots=True)
class LogGate:
    """Lines of the server's log, by pattern and per session."""

    outcome: Outcome
    reason: str = ""
    missing: Mapping[str, float] = field(default_factory=dict)
    found: Mapping[str, float] = field(default_factory=dict)
    examples: tuple[str, ...] = ()


Gate = LogGate | MemoryGate | CounterGate | ContainersGate | LatencyGate | CpuGate


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that piles up, with its cause."""

    fingerprint: str
    """16 hex digits, the same from run to run."""
    severity: str
    kind: str
    type: str
    count_per_session: float
    bytes_per_session: float
    created_at: str
    created_in: str
    owner: str
    chain: tuple[str, ...]
    summary: str


@dataclass(frozen=True, slots=True)
class RunFacts:
    """One run of several that were judged together, in numbers."""

    verdict: VerdictName
    exit_status: ExitStatus
    started_at: str
    duration_s: float
    cycles: int
    warmup_cycles: int
    sessions: int
    sessions_failed: int
    folder: str = ""
    """Where its record is, from the folder of the report; empty where that is the same."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """All that the judge says of a record."""

    name: VerdictName
    summary: str
    """One sentence for a person: the verdict, how much, and what decided."""
    gates: Mapping[str, Gate]
    doubts: tuple[str, ...] = ()
    findings: tuple[Finding, ...] = field(default=())
    """Those that are shown: at most ten."""
    unshown: tuple[Finding, ...] = field(default=())
    """The other findings. They count wherever something is decided, and are not part of the
    result.
    """
    unexplained: str = ""
    """Of a leak without a finding: why there is none, and what to do next."""
    warmup_cycles: int = 0
    """Cycles that the engine dropped as warm-up."""
    first_suspicion_sessions: int | None = None
    """Sessions after which growth was first significant, though not yet declared."""
    open_gates: tuple[str, ...] = ()
    """Gates that could not be decided."""
    sessions_needed: int | None = None
    """When inconclusive: about how many sessions more would settle it."""
    runs: tuple[RunFacts, ...] = ()
    """Where several were judged together: each of them."""
    control: str = ""
    """What became of the leak that was planted to see whether it would be found; empty without
    one.
    """

    @property
    def all_findings(self) -> tuple[Finding, ...]:
        """All findings: those that are shown, then the others."""
        return self.findings + self.unshown

    @property
    def exit_status(self) -> ExitStatus:
        """The process's exit status for this verdict."""
        return EXIT_STATUS[self.name]


@dataclass(frozen=True, slots=True)
class Judgement:
    """The verdict as it stands, and what the run should do next."""

    verdict: Verdict
    next: NextStep

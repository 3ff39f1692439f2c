"""The words that a run ends with: statuses, kinds, gates, findings, the verdict. Values are
those of result.json.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from ..errors import ExitStatus
from .rules import Step


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


class Status(StrEnum):
    """How one metric stands, and what one gate says."""

    FLAT = "flat"
    """Shown not to grow by more than its limit."""
    LEAK = "leak"
    """Shown to grow with each session, and to stay."""
    DRIFT = "drift"
    """Shown to become slower, or busier."""
    INCONCLUSIVE = "inconclusive"
    NOT_MEASURED = "not-measured"


KINDS_IN_PYTHON: Final = frozenset(
    (
        "task",
        "child-process",
        "thread",
        "descriptor",
        "garbage",
        "container",
        "object",
    )
)
"""Kinds of findings that keep Python's objects alive, or are some."""


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
    WAIT = "wait"
    """For what the server releases late, without sessions."""
    EXPLAIN = "explain"
    STOP = "stop"


@dataclass(frozen=True, slots=True)
class Wait:
    """A wait for late releases: how long it lasts."""

    at_least_s: float
    at_most_s: float
    steady_s: float
    """From `at_least_s` on the wait is over once nothing has fallen for so long."""

    def is_over(self, waited_s: float, steady_s: float) -> bool:
        """Whether to stop waiting.

        Args:
            waited_s: since the wait began.
            steady_s: since a reading has last fallen.
        """
        if waited_s >= self.at_most_s:
            return True
        return waited_s >= self.at_least_s and steady_s >= self.steady_s


@dataclass(frozen=True, slots=True)
class Gate:
    """What one gate says; each gate adds its own numbers."""

    outcome: Status
    reason: str = ""
    """In words: what decided, or why nothing could be measured."""
    allowed: bool = field(default=False, kw_only=True)
    """It would fail the run, but what it found is allowed."""
    trace: tuple[Step, ...] = field(default=(), kw_only=True)
    """The rules that were asked, in order; the last one has decided."""


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
    advice: str = ""
    """What to do about it."""
    source: tuple[str, ...] = ()
    """The line of `created_at` and two around it, with their numbers."""


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
    trace: tuple[Step, ...] = ()
    """The rules of the verdict that were asked, in order; the last one has decided."""
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
    wait: Wait | None = None
    """How long to wait, where that is the next step."""

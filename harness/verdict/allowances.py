"""What an allow-list excuses: findings by their fingerprint, and the failing gates that rest on
nothing else.

The rule:

* A gate that is allowed by its own name never fails the run. The judge leaves it out before it asks
    here.
* Any other failing gate rests on the findings that can explain its growth (`explained_by` of
  its entry). It is
    excused only where there is at least one such finding, and every one of them is allowed.
* `tasks`, `threads`, `descriptors`, `children`, `containers` and `cpu` rest on findings of their
    own kind. `memory` and
  `objects` rest on the findings of every kind that holds them: an allowed task explains the context
      that it holds.
* `latency`, `log` and `files` rest on no finding, so no fingerprint excuses them.
* Some findings come with others: parts such as `builtins.dict`, the interpreter's own lists, and
    mappings. They need no fingerprint of their own as long as the allowed findings can account for
    them in numbers. Beyond that they are new.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from ..record.policy import Policy
from ..record.record import RunRecord
from .findings import UNNAMED, comes_with_others, objects_per_session
from .gates import entries
from .outcome import Finding

MAX_ENTRIES_PER_THING: Final = 1.25
"""Each allowed thing is one entry of a list of the interpreter; the rest is for chance."""
MAX_BYTES_PER_BYTE: Final = 1.5
"""Mappings grow by more than the objects in them: allocators round up, and leave gaps."""


@dataclass(frozen=True, slots=True)
class _Account:
    """What the findings that are allowed by name leave per session, together."""

    things: float
    parts: float
    """Tracked objects that they keep alive."""
    bytes: float

    def covers(self, finding: Finding, mapped_bytes: float) -> bool:
        """Whether a finding that comes with others is no more than these leave."""
        if finding.kind == "native":
            return mapped_bytes <= self.bytes * MAX_BYTES_PER_BYTE
        if finding.kind == "container":
            return finding.count_per_session <= self.things * MAX_ENTRIES_PER_THING
        return finding.count_per_session <= self.parts


def allowed_findings(
    record: RunRecord, findings: Sequence[Finding], policy: Policy
) -> frozenset[Finding]:
    """Findings that are allowed by their fingerprint, and what comes with them.

    Args:
        record: the run.
        findings: all of its findings, as `all_findings` has them.
        policy: with the fingerprints that are allowed.
    """
    named = {
        finding
        for finding in findings
        if finding.fingerprint in policy.allow and finding.type != UNNAMED
    }
    causes = [finding for finding in named if not comes_with_others(finding)]
    objects = objects_per_session(record)
    account = _Account(
        things=sum(finding.count_per_session for finding in causes),
        parts=sum(objects.get(finding.fingerprint, 0.0) for finding in causes),
        bytes=sum(finding.bytes_per_session for finding in causes),
    )
    mapped_bytes = sum(
        finding.bytes_per_session for finding in findings if finding.kind == "native"
    )
    followers = (finding for finding in findings if causes and comes_with_others(finding))
    return frozenset(
        (*named, *(finding for finding in followers if account.covers(finding, mapped_bytes)))
    )


def excused_gates(
    failing: Iterable[str],
    findings: Sequence[Finding],
    allowed: Collection[Finding],
    policy: Policy,
) -> dict[str, str]:
    """Failing gates all of whose findings are allowed, each with the reason.

    Args:
        failing: names of gates.
        findings: all findings of the run.
        allowed: those of `allowed_findings`.
        policy: with the reasons.
    """
    excused: dict[str, str] = {}
    gates = entries()
    for gate in failing:
        kinds = gates[gate].explained_by
        rested_on = [finding for finding in findings if finding.kind in kinds]
        if rested_on and all(finding in allowed for finding in rested_on):
            prints = [
                finding.fingerprint for finding in rested_on if finding.fingerprint in policy.allow
            ]
            excused[gate] = "; ".join(
                dict.fromkeys(
                    policy.reasons.get(fingerprint) or f"known as {fingerprint}"
                    for fingerprint in prints
                )
            )
    return excused

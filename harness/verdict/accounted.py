"""How much of the growth of memory the findings account for."""

from __future__ import annotations

from typing import Final

from .consequences import nested
from .gates.memory import MemoryGate
from .outcome import Status, Verdict

FULL_SHARE: Final = 0.9
"""From here on the findings account for the growth, as far as it can be measured."""


def accounted_share(verdict: Verdict) -> float | None:
    """What the findings hold per session, as a share of the growth that the memory gate has
    measured. What one of them keeps alive counts once. It is at most 1, for things that hold each
    other count twice. None where memory does not leak, or no finding says how much it holds.
    """
    gate = verdict.gates.get("memory")
    if not isinstance(gate, MemoryGate) or gate.outcome is not Status.LEAK:
        return None
    findings = [finding for finding in verdict.findings if finding.severity == "leak"]
    held = sum(nest.finding.bytes_per_session for nest in nested(findings))
    growth = gate.growth_per_session or 0.0
    return min(1.0, held / growth) if held > 0 and growth > 0 else None


def accounted_words(verdict: Verdict) -> str:
    """The share in one sentence; empty where the findings account for all, or nothing is known."""
    share = accounted_share(verdict)
    if share is None or share >= FULL_SHARE:
        return ""
    return f"The findings account for {max(1, round(100 * share))} % of the growth of memory"

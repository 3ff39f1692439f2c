"""The words of a verdict in the unit that the run counts: sessions, or messages."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Final

from .outcome import Finding, Verdict

_SESSION: Final = re.compile(r"\bsession(s?)\b")
_END: Final = "when the connection ends"


def in_units(verdict: Verdict, per: str) -> Verdict:
    """The verdict with what it says of sessions said of messages, where a run counts these.

    Args:
        verdict: in sessions.
        per: `session` or `message`.
    """
    if per == "session":
        return verdict
    return replace(
        verdict,
        summary=_said(verdict.summary, per),
        gates={
            name: replace(gate, reason=_said(gate.reason, per))
            for name, gate in verdict.gates.items()
        },
        findings=tuple(_finding(finding, per) for finding in verdict.findings),
        unshown=tuple(_finding(finding, per) for finding in verdict.unshown),
    )


def _finding(finding: Finding, per: str) -> Finding:
    advice = finding.advice.replace(_END, f"when the {per} is answered")
    return replace(finding, summary=_said(finding.summary, per), advice=advice)


def _said(words: str, per: str) -> str:
    return _SESSION.sub(rf"{per}\1", words)

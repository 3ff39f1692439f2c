"""Paths as a person reads them: from the folder where the run was started."""

from __future__ import annotations

import re
from dataclasses import replace

from ..record.record import RunRecord
from ..verdict.outcome import Finding, Gate, Verdict


def from_folder(text: str, folder: str) -> str:
    """The text with paths below the folder told from there."""
    if not folder.strip("/"):
        return text
    return re.sub(rf"(?<![\w.~/-]){re.escape(folder.rstrip('/'))}/(?=[^\s/])", "", text)


def with_short_paths(record: RunRecord, verdict: Verdict) -> Verdict:
    """The verdict, its paths told from the folder where the run was started. Only for display."""
    folder = record.started.folder
    if not folder:
        return verdict
    return replace(
        verdict,
        summary=from_folder(verdict.summary, folder),
        gates={name: _gate(gate, folder) for name, gate in verdict.gates.items()},
        findings=tuple(_finding(finding, folder) for finding in verdict.findings),
        unexplained=from_folder(verdict.unexplained, folder),
    )


def _gate(gate: Gate, folder: str) -> Gate:
    return replace(gate, reason=from_folder(gate.reason, folder))


def _finding(finding: Finding, folder: str) -> Finding:
    return replace(
        finding,
        type=from_folder(finding.type, folder),
        created_at=from_folder(finding.created_at, folder),
        chain=tuple(from_folder(link, folder) for link in finding.chain),
        summary=from_folder(finding.summary, folder),
        advice=from_folder(finding.advice, folder),
    )

"""result.json: the result for programs. Sizes in bytes, times in seconds, CPU in percent of one core.

What is not known is null, so that every run has the same keys; `reason` says why.
"""

from __future__ import annotations

from typing import Any, Final

import msgspec

from harness.record import RunRecord
from harness.reporters.facts import duration_s
from harness.verdict import Verdict

SCHEMA: Final = 1


def result(record: RunRecord, verdict: Verdict) -> dict[str, Any]:
    """The result as plain data, in the order in which a person would ask."""
    run = _run(record, verdict)
    return {
        "schema": SCHEMA,
        **run,
        "summary": verdict.summary,
        "scenario": record.started.scenario,
        "target": record.started.target,
        "environment": record.started.environment,
        "probe": record.probe_silence or "greeted",
        "doubts": verdict.doubts,
        "open_gates": verdict.open_gates,
        "sessions_needed": verdict.sessions_needed,
        "first_suspicion_sessions": verdict.first_suspicion_sessions,
        "runs": [run],
        "gates": msgspec.to_builtins(verdict.gates),
        "findings": msgspec.to_builtins(verdict.findings),
    }


def _run(record: RunRecord, verdict: Verdict) -> dict[str, Any]:
    """What each run of several answers for itself."""
    return {
        "verdict": verdict.name,
        "exit_status": verdict.exit_status,
        "started_at": record.started.started_at,
        "duration_s": round(duration_s(record), 3),
        "cycles": len(record.cycles),
        "warmup_cycles": verdict.warmup_cycles,
        "sessions": record.sessions,
        "sessions_failed": record.failed_sessions,
    }


def render(record: RunRecord, verdict: Verdict) -> bytes:
    """The whole file."""
    return msgspec.json.format(msgspec.json.encode(result(record, verdict)), indent=2) + b"\n"


FILES: Final = {"result.json": render}

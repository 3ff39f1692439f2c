"""result.json: the result for programs. Sizes in bytes, times in seconds, CPU in percent of one core.

What is not known is null, so that every run has the same keys; `reason` says why.
"""

from __future__ import annotations

from typing import Any, Final

import msgspec

from harness.record import RunRecord
from harness.reporters.facts import crowded_percent, run_facts
from harness.verdict import Verdict

SCHEMA: Final = 1


def result(record: RunRecord, verdict: Verdict) -> dict[str, Any]:
    """The result as plain data, in the order in which a person would ask."""
    run = msgspec.to_builtins(run_facts(record, verdict))
    del run["folder"]
    return {
        "schema": SCHEMA,
        **run,
        "summary": verdict.summary,
        "scenario": record.started.scenario,
        "target": record.started.target,
        "environment": record.started.environment,
        "probe": record.probe_silence or "greeted",
        "unsettled_cycles": sum(not rest.settled for rest in record.rests[1:]),
        "crowded_percent": crowded_percent(record),
        "control": verdict.control,
        "doubts": verdict.doubts,
        "open_gates": verdict.open_gates,
        "sessions_needed": verdict.sessions_needed,
        "first_suspicion_sessions": verdict.first_suspicion_sessions,
        "runs": msgspec.to_builtins(verdict.runs) or [run],
        "gates": msgspec.to_builtins(verdict.gates),
        "findings": msgspec.to_builtins(verdict.findings),
    }


def render(record: RunRecord, verdict: Verdict) -> bytes:
    """The whole file."""
    return msgspec.json.format(msgspec.json.encode(result(record, verdict)), indent=2) + b"\n"


FILES: Final = {"result.json": render}

"""result.json: the result for programs. Sizes in bytes, times in seconds, CPU in percent of one
core.

What is not known is null, so that every run has the same keys; `reason` says why.
"""

from __future__ import annotations

from typing import Any, Final

import msgspec

from ..record.facts import other_load_percent
from ..record.record import RunRecord
from ..verdict.accounted import accounted_share
from ..verdict.gates import entries
from ..verdict.outcome import Finding, Gate, RunFacts, Verdict
from ..verdict.problems import problems
from ..verdict.rules import Step
from ..verdict.several_runs import run_facts
from .contract import RunReports

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
        "crowded_percent": other_load_percent(record),
        "control": verdict.control,
        "doubts": verdict.doubts,
        "problems": [problem.words for problem in problems(record)],
        "skipped_objects": record.censuses[-1].skipped if record.censuses else {},
        "unexplained": verdict.unexplained,
        "open_gates": verdict.open_gates,
        "sessions_needed": verdict.sessions_needed,
        "first_suspicion_sessions": verdict.first_suspicion_sessions,
        "runs": msgspec.to_builtins(verdict.runs) or [run],
        "gates": {name: _gate(gate) for name, gate in verdict.gates.items()},
        "findings": msgspec.to_builtins(verdict.findings),
        "accounted_share": accounted_share(verdict),
        "trace": msgspec.to_builtins(verdict.trace),
    }


def _gate(gate: Gate) -> dict[str, Any]:
    """The gate's own numbers, and the rules that it was decided by at the end."""
    fields: dict[str, Any] = msgspec.to_builtins(gate)
    return {**fields, "trace": fields.pop("trace")}


def schema() -> dict[str, Any]:
    """The JSON Schema of the file, made from the types that it is written from."""
    gates = tuple(dict.fromkeys(gate.result for gate in entries().values()))
    types, components = msgspec.json.schema_components(
        (*gates, Finding, Step, RunFacts), ref_template="#/$defs/{name}"
    )
    run = dict(components["RunFacts"]["properties"])
    del run["folder"]
    text, whole = {"type": "string"}, {"type": "integer"}
    texts = {"type": "array", "items": text}
    properties: dict[str, Any] = {
        "schema": {"const": SCHEMA},
        **run,
        "summary": text,
        "scenario": text,
        "target": {"type": "object", "additionalProperties": text},
        "environment": {"type": "object", "additionalProperties": text},
        "probe": text,
        "unsettled_cycles": whole,
        "crowded_percent": {"type": ["number", "null"]},
        "control": text,
        "doubts": texts,
        "problems": texts,
        "skipped_objects": {"type": "object", "additionalProperties": whole},
        "unexplained": text,
        "open_gates": texts,
        "sessions_needed": {"type": ["integer", "null"]},
        "first_suspicion_sessions": {"type": ["integer", "null"]},
        "runs": {"type": "array", "items": {"type": "object", "properties": run}},
        "gates": {"type": "object", "additionalProperties": {"anyOf": list(types[: len(gates)])}},
        "findings": {"type": "array", "items": types[-3]},
        "accounted_share": {"type": ["number", "null"]},
        "trace": {"type": "array", "items": types[-2]},
    }
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "result.json of leak-harness",
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
        "$defs": components,
    }


def render(record: RunRecord, verdict: Verdict) -> bytes:
    """The bytes of the whole file."""
    return msgspec.json.format(msgspec.json.encode(result(record, verdict)), indent=2) + b"\n"


FILES: Final[RunReports] = {"result.json": render}

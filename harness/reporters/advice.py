"""What to do next, in one or two sentences."""

from __future__ import annotations

from typing import Final

from ..verdict.outcome import Finding, Status, Verdict, VerdictName

_LATENCY: Final = (
    "Repeat the run on a machine with less to do, and with more --cycles. If replies get slower "
    "again, profile the server early and late in a run."
)
_CPU: Final = (
    "Profile the server at rest, after some sessions: something runs on that belongs to sessions "
    "that are closed."
)
_LOG: Final = "Look at the lines of server.log that the log gate names."
_SERVER_FAILED: Final = (
    "Read the end of server.log. Then try one session with `leak-harness run ... --once --trace`."
)
_DOUBTED: Final = "Remove the doubts below, and run again."
_NO_MEMORY: Final = (
    "Name the process with --pid, or a page of metrics with --metrics-url, so that memory can be "
    "read."
)
_MORE: Final = "Give the run more sessions with --max-cycles, or a larger --memory-budget."
_INTERRUPTED: Final = "Run again to the end: nothing was decided when the run was stopped."
_LOOK_INSIDE: Final = "Run again with the probe and without --no-explain to see what piles up."
_RELEASE: Final = {
    "task": "Cancel or await the task when its session ends.",
    "child-process": "End the process and wait for it when its session ends.",
    "thread": "End the thread, or shut its executor down, when its session ends.",
    "descriptor": "Close it when its session ends.",
    "garbage": "Break the reference cycle, or switch the collector on again.",
    "container": "Remove the entries when their session ends, or give the container a maximum.",
    "object": "Remove the reference that keeps it, as the chain shows.",
    "native": "Look for the extension module that allocates it.",
    "cpu": "Stop it when its session ends.",
}
_OF_ENDS: Final = {
    VerdictName.SERVER_FAILED: _SERVER_FAILED,
    VerdictName.INTERRUPTED: _INTERRUPTED,
}


def advice(verdict: Verdict) -> str:
    """What to do next; empty where there is nothing to do."""
    match verdict.name:
        case VerdictName.LEAK | VerdictName.DEGRADED if _leaks(verdict):
            return _of_finding(_leaks(verdict)[0])
        case VerdictName.LEAK:
            return verdict.unexplained or _LOOK_INSIDE
        case VerdictName.DEGRADED:
            return " ".join(_of_drift(verdict))
        case VerdictName.INCONCLUSIVE:
            return _of_open(verdict)
        case name:
            return _OF_ENDS.get(name, "")


def _leaks(verdict: Verdict) -> list[Finding]:
    findings = [finding for finding in verdict.findings if finding.severity == "leak"]
    if verdict.name is VerdictName.DEGRADED and _drifts(verdict, "cpu"):
        return [finding for finding in findings if finding.kind == "cpu"]
    return [] if verdict.name is VerdictName.DEGRADED else findings


def _of_finding(finding: Finding) -> str:
    where = f"Open {finding.created_at}." if finding.created_at else ""
    return " ".join(filter(None, (where, _RELEASE.get(finding.kind, ""))))


def _drifts(verdict: Verdict, name: str) -> bool:
    gate = verdict.gates.get(name)
    return gate is not None and not gate.allowed and gate.outcome is Status.DRIFT


def _of_drift(verdict: Verdict) -> list[str]:
    by_gate = {"latency": _LATENCY, "cpu": _CPU, "log": _LOG}
    return [words for name, words in by_gate.items() if _drifts(verdict, name)]


def _of_open(verdict: Verdict) -> str:
    if verdict.sessions_needed:
        return (
            f"Run about {verdict.sessions_needed} more sessions: give a larger --cycles or "
            "--max-cycles."
        )
    memory = verdict.gates.get("memory")
    if memory is not None and memory.outcome is Status.NOT_MEASURED:
        return _NO_MEMORY
    return _MORE if verdict.open_gates else _DOUBTED

"""What to do about a finding, or about a verdict without one, in one or two sentences."""

from __future__ import annotations

from pathlib import PurePath
from typing import Final

from ..record.record import Cause
from .outcome import Finding, Status, Verdict, VerdictName
from .what_grows import Growth

_OF_KINDS: Final = {
    "task": "Cancel the task and await it when the connection ends.",
    "child-process": "End the process when the connection ends, and wait for it.",
    "zombie": "Wait for the process once it has ended, for example with `await process.wait()`.",
    "thread": "End the thread when the connection ends, or share a pool of threads.",
    "executor": "Call `shutdown()` when the connection ends, or share one executor.",
    "descriptor": "Close it when the connection ends, for example with a `with` statement.",
    "generator": "Exhaust the generator, or call `close()` when the connection ends.",
    "async generator": "Exhaust the generator, or await `aclose()` when the connection ends.",
    "memory": (
        "See what this line makes. An interned string, or a value that an extension module keeps, "
        "is never freed."
    ),
    "object": "Remove the reference that keeps it when the connection ends.",
    "native": "Look for the extension module that allocates it.",
    "garbage": "Break the reference cycle, or switch the collector on again.",
    "cpu": "Stop it when the connection ends.",
}
"""By label, else by kind."""
_TEXTS: Final = frozenset(("builtins.str", "builtins.bytes", "builtins.bytearray"))
_CACHE: Final = " cache"
"""Ends the name of what `functools.lru_cache` keeps."""
_ENDLESS_CACHE: Final = (
    "`{of}` keeps a result for each new argument. Give it a maximum: `lru_cache(maxsize=128)`."
)
_WARNINGS: Final = ".__warningregistry__"
"""Ends the name of what `warnings` keeps for a module: the text of each warning."""
_WARNED: Final = (
    "`{module}` gives a warning with another text each time, and Python keeps each text. Look for "
    "the warning in the server's log and remove its cause."
)
_FOREIGN_CONTAINER: Final = (
    "Release what it keeps when the connection ends, or limit its length in the settings of its "
    "package."
)
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
_OF_ENDS: Final = {
    VerdictName.SERVER_FAILED: _SERVER_FAILED,
    VerdictName.INTERRUPTED: _INTERRUPTED,
}


def advice(kind: str, grown: Growth | None, cause: Cause, of: str) -> str:
    """What to do about a finding.

    Args:
        kind: of the finding.
        grown: what piles up; None of what was counted once.
        cause: what is known of it.
        of: what the finding calls it.
    """
    if kind != "container":
        label = grown.label if grown is not None else ""
        return _OF_KINDS.get(label, _OF_KINDS[kind])
    if of.endswith(_WARNINGS):
        return _WARNED.format(module=of.removesuffix(_WARNINGS))
    if cause.owner not in ("application", ""):
        return _FOREIGN_CONTAINER
    if of.endswith(_CACHE):
        return _ENDLESS_CACHE.format(of=of.removesuffix(_CACHE))
    where = ""
    if cause.inserts:
        file, _, line = cause.made_at.rpartition(":")
        function = f"in `{cause.made_in}()` " if cause.made_in else ""
        where = f" {function}({PurePath(file).name}:{line})"
    if grown is not None and is_long_text(grown, cause):
        return f"`{of}` gets longer{where} and is never cut. Cut it, or write it to a file."
    added = f"Entries added to `{of}`{where} are never removed."
    return f"{added} Remove them when the connection ends."


def is_long_text(grown: Growth, cause: Cause) -> bool:
    """Whether the container is one string, which grows by its characters."""
    return grown.kind == "container" and cause.of in _TEXTS and cause.bytes == 1


def next_step(verdict: Verdict) -> str:
    """What to do next: the advice of the worst finding, else what the verdict itself asks for.
    Empty where there is nothing to do.
    """
    match verdict.name:
        case VerdictName.LEAK | VerdictName.DEGRADED if _leaks(verdict):
            return _leaks(verdict)[0].advice
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

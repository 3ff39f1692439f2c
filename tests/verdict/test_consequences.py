"""What is kept alive by another finding is a part of it."""

from __future__ import annotations

from harness.verdict.consequences import nested
from harness.verdict.outcome import Finding

TASK = "task Context.initialise"
CONTEXT = "local self (context.py:95) <app.Context>"


def finding(kind: str, name: str, *chain: str, severity: str = "leak") -> Finding:
    return Finding(name, severity, kind, name, 1.0, 0, "", "", "application", chain, name)


TASKS = finding("task", "Context.initialise", "event loop", TASK, "coroutine frame")
CONTEXTS = finding("object", "app.Context", TASK, CONTEXT)
AGENTS = finding("object", "app.Agent", TASK, CONTEXT, ".agent <app.Agent>")
TOOLS = finding("object", "app.Tools", TASK, CONTEXT, ".tools <app.Tools>")


def names(*findings: Finding) -> dict[str, list[str]]:
    return {nest.finding.type: [part.type for part in nest.parts] for nest in nested(findings)}


def test_task_context_agent_and_tool_client_are_one_finding_with_its_parts() -> None:
    assert names(TASKS, AGENTS, CONTEXTS, TOOLS) == {
        "Context.initialise": ["app.Context", "app.Agent", "app.Tools"]
    }


def test_objects_in_an_object_are_its_parts_where_nothing_keeps_it() -> None:
    held = finding("object", "app.Agent", "module app", "<app.Context>", ".agent <app.Agent>")
    kept = finding("object", "app.Context", "module app", "<app.Context>")
    assert names(kept, held) == {"app.Context": ["app.Agent"]}


def test_what_another_chain_keeps_is_a_finding_of_its_own() -> None:
    other = finding("object", "app.Other", "module app", ".kept <app.Other>")
    assert names(TASKS, other) == {"Context.initialise": [], "app.Other": []}


def test_a_notice_is_no_part_of_a_leak() -> None:
    notice = finding("object", "app.Agent", TASK, ".agent <app.Agent>", severity="notice")
    assert names(TASKS, notice) == {"Context.initialise": [], "app.Agent": []}

"""Exit statuses, metrics, gates, rules, faults, and every key of result.json."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from harness.errors import ExitStatus
from harness.record.metrics import COUNTERS, METRICS
from harness.reporters import result_json
from harness.target.embedded import fault_specs
from harness.verdict.gate import GateEntry
from harness.verdict.gates import entries
from harness.verdict.judge import every_rule
from reference_pages.markdown import json_type, listed, page, summary, table

STATUSES: Final[Mapping[ExitStatus, tuple[str, str]]] = {
    ExitStatus.FLAT: ("`flat`", "Growth was shown to be below the limit."),
    ExitStatus.LEAK: (
        "`leak`, `degraded`",
        "Something grows per session, or replies, CPU or the log get worse.",
    ),
    ExitStatus.USAGE: ("", "Wrong usage or configuration. Nothing was run."),
    ExitStatus.INCONCLUSIVE: (
        "`inconclusive`",
        "Neither could be shown. The result says which gate is open.",
    ),
    ExitStatus.SERVER_FAILED: (
        "`server-failed`",
        "The server did not start, crashed, refused, or answered nobody.",
    ),
    ExitStatus.HARNESS_FAILED: ("", "The harness itself failed. Please report it."),
    ExitStatus.INTERRUPTED: ("`interrupted`", "You stopped the run. What was measured is kept."),
}


def results_page() -> str:
    """Exit statuses, metrics, and every key of result.json."""
    schema = result_json.schema()
    enumerations = {name: part["enum"] for name, part in schema["$defs"].items() if "enum" in part}
    statuses = [(f"{int(status)}", *STATUSES[status]) for status in sorted(ExitStatus)]
    metrics = [
        (f"`{metric.name}`", metric.unit.value, metric.source.value, metric.meaning)
        for metric in METRICS.values()
    ]
    words = [(name, listed(values)) for name, values in sorted(enumerations.items())]
    keys = [(f"`{name}`", json_type(part)) for name, part in schema["properties"].items()]
    return page(
        "Results",
        ["## Exit statuses"],
        table(("status", "verdict", "when"), statuses),
        ["## Metrics"],
        ["Each rest sample holds these. The probe reads those of source `probe`."],
        table(("metric", "unit", "source", "meaning"), metrics),
        ["## Words of a result"],
        table(("word", "values"), words),
        ["## result.json"],
        ["Sizes are bytes, times are seconds, CPU is percent of one core."],
        table(("key", "value"), keys),
        *_parts(schema["$defs"]),
    )


def gates_page() -> str:
    """Every gate with what `--allow` of a finding excuses, and every rule."""
    gates = [
        (
            f"`{gate.name}`",
            _measured(gate),
            listed(sorted(gate.explained_by)),
            "only with `--fail-on`" if gate.fails_only_on_request else "yes",
        )
        for gate in entries().values()
    ]
    rules = [(f"`{rule.id}`", f"[{rule.says}]({_from_here(rule.source)})") for rule in every_rule()]
    return page(
        "Gates and rules",
        ["`--allow GATE` and `--only GATE` take these names. `result.json` lists each of them."],
        [
            "A gate that grows is explained by findings of some kinds. If all of these findings "
            "are allowed, so is the gate."
        ],
        table(("gate", "measures", "kinds of findings", "fails the run"), gates),
        ["## Rules"],
        [
            "The first rule that answers decides. `leak-harness judge RUN --why` prints the rules "
            "that were asked, their numbers, and the rule that decided. The link leads to the "
            "source of the number. [How it decides](../verdict.md#table-of-rules) says how often "
            "each one was right."
        ],
        table(("rule", "says"), rules),
    )


def faults_page() -> str:
    """What can be switched on in the embedded server."""
    rows = [
        (
            f"`{spec.name}`",
            "look-alike" if spec.innocent else "fault",
            f"`{spec.scenario}`",
            spec.description,
        )
        for spec in fault_specs().values()
    ]
    return page(
        "Faults and look-alikes",
        [
            "`--fault NAME` switches one on in the embedded server. A look-alike is innocent: "
            "the run must be flat.",
            "The scenario is the one that shows it. `leak-harness selftest` runs them all.",
        ],
        table(("name", "is", "scenario", "does"), rows),
    )


def _measured(gate: GateEntry) -> str:
    """What a gate looks at: its metric, where its class serves several."""
    metric = COUNTERS.get(gate.name) or METRICS.get(gate.name)
    return metric.meaning if metric else summary(gate.result)


def _parts(definitions: Mapping[str, Mapping[str, Mapping[str, object]]]) -> Iterator[list[str]]:
    for name, part in sorted(definitions.items()):
        if "properties" in part:
            rows = [(f"`{key}`", json_type(value)) for key, value in part["properties"].items()]  # type: ignore[arg-type]
            yield [f"### {name}", "", *table(("key", "value"), rows)]


def _from_here(source: str) -> str:
    return source.replace("docs/", "../", 1)

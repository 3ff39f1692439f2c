"""The result as metrics, in OpenMetrics text: for Prometheus's textfile collector, and for
GitLab.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from .contract import Report


def render(result: Mapping[str, Any]) -> bytes:
    """The whole file, from the object of result.json."""
    from prometheus_client import CollectorRegistry, Gauge
    from prometheus_client.openmetrics.exposition import generate_latest

    registry, scenario = CollectorRegistry(), result["scenario"]
    leaks = sum(finding["severity"] == "leak" for finding in result["findings"])
    for name, meaning, value in (
        ("exit_status", "Exit status of the run", result["exit_status"]),
        ("sessions", "Sessions of the run", result["sessions"]),
        ("findings", "Findings that are leaks", leaks),
    ):
        gauge = Gauge(f"leak_harness_{name}", meaning, ["scenario"], registry=registry)
        gauge.labels(scenario).set(value)
    growth = Gauge(
        "leak_harness_growth_per_session",
        "Growth per session, in the unit of the gate",
        ["scenario", "gate"],
        registry=registry,
    )
    for name, gate in result["gates"].items():
        if gate.get("growth_per_session") is not None:
            growth.labels(scenario, name).set(gate["growth_per_session"])
    text: bytes = generate_latest(registry)  # type: ignore[no-untyped-call]
    return text


REPORTS: Final[dict[str, Report[Mapping[str, Any]]]] = {"metrics.txt": render}

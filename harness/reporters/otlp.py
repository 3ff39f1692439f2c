"""The result as OpenTelemetry metrics: the JSON body of an OTLP/HTTP export, posted to
`/v1/metrics`.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

import msgspec

from .contract import Report


def render(result: Mapping[str, Any]) -> bytes:
    """The body, from the object of result.json."""
    return msgspec.json.encode(_body(result))


def _body(result: Mapping[str, Any]) -> dict[str, Any]:
    at_ns = str(
        int(datetime.fromisoformat(result["started_at"]).timestamp() * 1e9)
        + int(result["duration_s"] * 1e9)
    )

    def gauge(name: str, unit: str, points: list[tuple[float, dict[str, str]]]) -> dict[str, Any]:
        data = [
            {"timeUnixNano": at_ns, "asDouble": float(value), "attributes": _attributes(labels)}
            for value, labels in points
        ]
        return {"name": name, "unit": unit, "gauge": {"dataPoints": data}}

    growths = [
        (gate["growth_per_session"], {"gate": name})
        for name, gate in result["gates"].items()
        if gate.get("growth_per_session") is not None
    ]
    metrics = [
        gauge("leak_harness.growth_per_session", "1", growths),
        gauge("leak_harness.exit_status", "1", [(result["exit_status"], {})]),
        gauge("leak_harness.sessions", "{session}", [(result["sessions"], {})]),
    ]
    resource = {
        "service.name": "leak-harness",
        "scenario": result["scenario"],
        "verdict": result["verdict"],
    }
    if commit := result["environment"].get("commit"):
        resource["vcs.ref.head.revision"] = commit
    scope = {"scope": {"name": "leak-harness"}, "metrics": metrics}
    return {
        "resourceMetrics": [
            {"resource": {"attributes": _attributes(resource)}, "scopeMetrics": [scope]}
        ]
    }


def _attributes(labels: Mapping[str, str]) -> list[dict[str, Any]]:
    return [{"key": key, "value": {"stringValue": value}} for key, value in labels.items()]


REPORTS: Final[dict[str, Report[Mapping[str, Any]]]] = {"otlp.json": render}

"""The result as metrics, in OpenMetrics text: for Prometheus's textfile collector, and for GitLab."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def render(result: Mapping[str, Any]) -> str:
    """The whole file, from the object of result.json."""
    labels = f'scenario="{_escaped(result["scenario"])}"'
    lines = [
        f"leak_harness_exit_status{{{labels}}} {int(result['exit_status'])}",
        f"leak_harness_sessions{{{labels}}} {result['sessions']}",
        f"leak_harness_findings{{{labels}}} {sum(one['severity'] == 'leak' for one in result['findings'])}",
    ]
    for name, gate in result["gates"].items():
        growth = gate.get("growth_per_session")
        if growth is not None:
            lines.append(f'leak_harness_growth_per_session{{{labels},gate="{name}"}} {growth}')
    return "\n".join([*lines, "# EOF"]) + "\n"


def _escaped(text: str) -> str:
    return text.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")

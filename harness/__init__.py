"""Does your WebSocket chat server leak? Sessions are driven, the server is measured, growth is
decided and explained.

    import harness

    run = harness.run(harness.RunOptions("visit.py", target=harness.Serve("python app.py")))
    assert run.is_flat, run.verdict.summary

The public names are loaded when first used, so that `--help` and servers under test do not pay for
numpy.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from harness.errors import HarnessError
    from harness.experiment.options import (
        ConnectionOptions,
        LoadOptions,
        MeasurementOptions,
        OutputOptions,
        PolicyOptions,
        RunOptions,
    )
    from harness.experiment.runs import Run, judge, run
    from harness.record.policy import Policy
    from harness.record.record import RunRecord
    from harness.record.record import RunRecord as Record
    from harness.record.store import load_record as load
    from harness.sessions.contract import Character, ChatProtocol, Greeting, Reply
    from harness.sessions.scenario import scenario
    from harness.sessions.session import Session
    from harness.target.target import Target
    from harness.target.ways.cgroup import Cgroup
    from harness.target.ways.container import Container
    from harness.target.ways.embedded import Embedded
    from harness.target.ways.metrics_url import MetricsUrl
    from harness.target.ways.pid import Pid
    from harness.target.ways.serve import Serve
    from harness.verdict.outcome import Finding, Judgement, Verdict

__all__ = [
    "Cgroup",
    "Character",
    "ChatProtocol",
    "ConnectionOptions",
    "Container",
    "Embedded",
    "Finding",
    "Greeting",
    "HarnessError",
    "Judgement",
    "LoadOptions",
    "MeasurementOptions",
    "MetricsUrl",
    "OutputOptions",
    "Pid",
    "Policy",
    "PolicyOptions",
    "Record",
    "Reply",
    "Run",
    "RunOptions",
    "RunRecord",
    "Serve",
    "Session",
    "Target",
    "Verdict",
    "judge",
    "load",
    "run",
    "scenario",
]

_HOMES = {
    "Cgroup": "target.ways.cgroup",
    "Character": "sessions.contract",
    "ChatProtocol": "sessions.contract",
    "ConnectionOptions": "experiment.options",
    "Container": "target.ways.container",
    "Embedded": "target.ways.embedded",
    "Finding": "verdict.outcome",
    "Greeting": "sessions.contract",
    "HarnessError": "errors",
    "Judgement": "verdict.outcome",
    "LoadOptions": "experiment.options",
    "MeasurementOptions": "experiment.options",
    "MetricsUrl": "target.ways.metrics_url",
    "OutputOptions": "experiment.options",
    "Pid": "target.ways.pid",
    "Policy": "record.policy",
    "PolicyOptions": "experiment.options",
    "Record": "record.record",
    "Reply": "sessions.contract",
    "Run": "experiment.runs",
    "RunOptions": "experiment.options",
    "RunRecord": "record.record",
    "Serve": "target.ways.serve",
    "Session": "sessions.session",
    "Target": "target.target",
    "Verdict": "verdict.outcome",
    "judge": "experiment.runs",
    "load": "record.store",
    "run": "experiment.runs",
    "scenario": "sessions.scenario",
}
_NAMES_THERE = {"Record": "RunRecord", "load": "load_record"}
"""Where a name is another one at home."""


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'harness' has no attribute {name!r}")
    module = import_module(f"harness.{_HOMES[name]}")
    return getattr(module, _NAMES_THERE.get(name, name))

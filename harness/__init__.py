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
    from harness.experiment.runs import Run, run
    from harness.record.policy import Policy
    from harness.record.record import RunRecord
    from harness.record.record import RunRecord as Record
    from harness.record.store import load_record as load
    from harness.sessions.contract import Action, ChatProtocol, Greeting, Reply, Timing
    from harness.sessions.protocols.graphql import Session as GraphqlSession
    from harness.sessions.protocols.jsonrpc import Session as JsonrpcSession
    from harness.sessions.protocols.open_llm_vtuber import Character
    from harness.sessions.protocols.open_llm_vtuber import Session as OpenLlmVtuberSession
    from harness.sessions.protocols.plain import Session as PlainSession
    from harness.sessions.protocols.socketio import Session as SocketioSession
    from harness.sessions.scenario import scenario
    from harness.sessions.session import Session
    from harness.target.target import Target
    from harness.target.ways.cgroup import Cgroup
    from harness.target.ways.container import Container
    from harness.target.ways.embedded import Embedded
    from harness.target.ways.metrics_url import MetricsUrl
    from harness.target.ways.pid import Pid
    from harness.target.ways.serve import Serve
    from harness.verdict.judge import judge
    from harness.verdict.outcome import Finding, Judgement, Verdict

__all__ = [
    "Action",
    "Cgroup",
    "Character",
    "ChatProtocol",
    "ConnectionOptions",
    "Container",
    "Embedded",
    "Finding",
    "GraphqlSession",
    "Greeting",
    "HarnessError",
    "JsonrpcSession",
    "Judgement",
    "LoadOptions",
    "MeasurementOptions",
    "MetricsUrl",
    "OpenLlmVtuberSession",
    "OutputOptions",
    "Pid",
    "PlainSession",
    "Policy",
    "PolicyOptions",
    "Record",
    "Reply",
    "Run",
    "RunOptions",
    "RunRecord",
    "Serve",
    "Session",
    "SocketioSession",
    "Target",
    "Timing",
    "Verdict",
    "judge",
    "load",
    "run",
    "scenario",
]

_HOMES = {
    "Action": ("sessions.contract", "Action"),
    "Cgroup": ("target.ways.cgroup", "Cgroup"),
    "Character": ("sessions.protocols.open_llm_vtuber", "Character"),
    "ChatProtocol": ("sessions.contract", "ChatProtocol"),
    "ConnectionOptions": ("experiment.options", "ConnectionOptions"),
    "Container": ("target.ways.container", "Container"),
    "Embedded": ("target.ways.embedded", "Embedded"),
    "Finding": ("verdict.outcome", "Finding"),
    "GraphqlSession": ("sessions.protocols.graphql", "Session"),
    "Greeting": ("sessions.contract", "Greeting"),
    "HarnessError": ("errors", "HarnessError"),
    "JsonrpcSession": ("sessions.protocols.jsonrpc", "Session"),
    "Judgement": ("verdict.outcome", "Judgement"),
    "LoadOptions": ("experiment.options", "LoadOptions"),
    "MeasurementOptions": ("experiment.options", "MeasurementOptions"),
    "MetricsUrl": ("target.ways.metrics_url", "MetricsUrl"),
    "OpenLlmVtuberSession": ("sessions.protocols.open_llm_vtuber", "Session"),
    "OutputOptions": ("experiment.options", "OutputOptions"),
    "Pid": ("target.ways.pid", "Pid"),
    "PlainSession": ("sessions.protocols.plain", "Session"),
    "Policy": ("record.policy", "Policy"),
    "PolicyOptions": ("experiment.options", "PolicyOptions"),
    "Record": ("record.record", "RunRecord"),
    "Reply": ("sessions.contract", "Reply"),
    "Run": ("experiment.runs", "Run"),
    "RunOptions": ("experiment.options", "RunOptions"),
    "RunRecord": ("record.record", "RunRecord"),
    "Serve": ("target.ways.serve", "Serve"),
    "Session": ("sessions.session", "Session"),
    "SocketioSession": ("sessions.protocols.socketio", "Session"),
    "Target": ("target.target", "Target"),
    "Timing": ("sessions.contract", "Timing"),
    "Verdict": ("verdict.outcome", "Verdict"),
    "judge": ("verdict.judge", "judge"),
    "load": ("record.store", "load_record"),
    "run": ("experiment.runs", "run"),
    "scenario": ("sessions.scenario", "scenario"),
}
"""The module of each public name, and what it is called there."""


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'harness' has no attribute {name!r}")
    module, own_name = _HOMES[name]
    return getattr(import_module(f"harness.{module}"), own_name)

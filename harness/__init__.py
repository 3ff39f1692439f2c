"""Does your WebSocket chat server leak? Sessions are driven, the server is measured, growth is
decided and explained.

    import leak_harness

    options = leak_harness.RunOptions("visit.py", target=leak_harness.Serve("python app.py"))
    run = leak_harness.run(options)
    assert run.is_flat, run.verdict.summary

The public names are loaded when first used, so that `--help` and servers under test do not pay for
numpy.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from .own_name import answer_to_both_names

if TYPE_CHECKING:
    from .errors import HarnessError
    from .experiment.options import (
        ConnectionOptions,
        LoadOptions,
        MeasurementOptions,
        OutputOptions,
        PolicyOptions,
        RunOptions,
    )
    from .experiment.runs import Run, run
    from .record.policy import Policy
    from .record.record import RunRecord
    from .record.record import RunRecord as Record
    from .record.store import load_record as load
    from .sessions.contract import Action, ChatProtocol, Greeting, Reply, Timing
    from .sessions.protocols.graphql import Session as GraphqlSession
    from .sessions.protocols.jsonrpc import Session as JsonrpcSession
    from .sessions.protocols.open_llm_vtuber import Character
    from .sessions.protocols.open_llm_vtuber import Session as OpenLlmVtuberSession
    from .sessions.protocols.plain import Session as PlainSession
    from .sessions.protocols.socketio import Session as SocketioSession
    from .sessions.scenario import scenario
    from .sessions.session import Session
    from .target.target import Target
    from .target.ways.cgroup import Cgroup
    from .target.ways.container import Container
    from .target.ways.embedded import Embedded
    from .target.ways.metrics_url import MetricsUrl
    from .target.ways.pid import Pid
    from .target.ways.serve import Serve
    from .verdict.judge import judge
    from .verdict.outcome import Finding, Judgement, Verdict

__all__ = [
    "RECEIVE",
    "Action",
    "BaseSession",
    "Cgroup",
    "Character",
    "ChatProtocol",
    "ConnectionOptions",
    "Container",
    "Embedded",
    "Exchange",
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
    "Send",
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
    "RECEIVE": ("sessions.contract", "RECEIVE"),
    "Action": ("sessions.contract", "Action"),
    "BaseSession": ("sessions.session", "BaseSession"),
    "Cgroup": ("target.ways.cgroup", "Cgroup"),
    "Character": ("sessions.protocols.open_llm_vtuber", "Character"),
    "ChatProtocol": ("sessions.contract", "ChatProtocol"),
    "ConnectionOptions": ("experiment.options", "ConnectionOptions"),
    "Container": ("target.ways.container", "Container"),
    "Embedded": ("target.ways.embedded", "Embedded"),
    "Exchange": ("sessions.contract", "Exchange"),
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
    "Send": ("sessions.contract", "Send"),
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

answer_to_both_names()


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    module, own_name = _HOMES[name]
    return getattr(import_module(f"{__name__}.{module}"), own_name)

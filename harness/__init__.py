"""Does your WebSocket chat server leak? Sessions are driven, the server is measured, growth is
decided and explained.

The public names are loaded when first used, so that `--help` and servers under test do not pay for
numpy.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from harness.record.policy import Policy
    from harness.record.record import RunRecord
    from harness.sessions.contract import Action, ChatProtocol, Greeting, Reply, Timing
    from harness.sessions.protocols.graphql import Session as GraphqlSession
    from harness.sessions.protocols.jsonrpc import Session as JsonrpcSession
    from harness.sessions.protocols.open_llm_vtuber import Character
    from harness.sessions.protocols.open_llm_vtuber import Session as OpenLlmVtuberSession
    from harness.sessions.protocols.plain import Session as PlainSession
    from harness.sessions.protocols.socketio import Session as SocketioSession
    from harness.sessions.scenario import scenario
    from harness.sessions.session import Session
    from harness.verdict.outcome import Verdict

__all__ = [
    "Action",
    "Character",
    "ChatProtocol",
    "GraphqlSession",
    "Greeting",
    "JsonrpcSession",
    "OpenLlmVtuberSession",
    "PlainSession",
    "Policy",
    "Reply",
    "RunRecord",
    "Session",
    "SocketioSession",
    "Timing",
    "Verdict",
    "scenario",
]

_PROTOCOLS = "sessions.protocols"
_HOMES = {
    "Action": ("sessions.contract", "Action"),
    "Character": (f"{_PROTOCOLS}.open_llm_vtuber", "Character"),
    "ChatProtocol": ("sessions.contract", "ChatProtocol"),
    "GraphqlSession": (f"{_PROTOCOLS}.graphql", "Session"),
    "Greeting": ("sessions.contract", "Greeting"),
    "JsonrpcSession": (f"{_PROTOCOLS}.jsonrpc", "Session"),
    "OpenLlmVtuberSession": (f"{_PROTOCOLS}.open_llm_vtuber", "Session"),
    "PlainSession": (f"{_PROTOCOLS}.plain", "Session"),
    "Policy": ("record.policy", "Policy"),
    "Reply": ("sessions.contract", "Reply"),
    "RunRecord": ("record.record", "RunRecord"),
    "Session": ("sessions.session", "Session"),
    "SocketioSession": (f"{_PROTOCOLS}.socketio", "Session"),
    "Timing": ("sessions.contract", "Timing"),
    "Verdict": ("verdict.outcome", "Verdict"),
    "scenario": ("sessions.scenario", "scenario"),
}
"""The module of each public name, and what it is called there."""


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'harness' has no attribute {name!r}")
    module, own_name = _HOMES[name]
    return getattr(import_module(f"harness.{module}"), own_name)

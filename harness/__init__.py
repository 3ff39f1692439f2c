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
    from harness.sessions.contract import Character, ChatProtocol, Greeting, Reply
    from harness.sessions.scenario import scenario
    from harness.sessions.session import Session
    from harness.verdict.outcome import Verdict

__all__ = [
    "Character",
    "ChatProtocol",
    "Greeting",
    "Policy",
    "Reply",
    "RunRecord",
    "Session",
    "Verdict",
    "scenario",
]

_HOMES = {
    "Character": "sessions.contract",
    "ChatProtocol": "sessions.contract",
    "Greeting": "sessions.contract",
    "Policy": "record.policy",
    "Reply": "sessions.contract",
    "RunRecord": "record.record",
    "Session": "sessions.session",
    "Verdict": "verdict.outcome",
    "scenario": "sessions.scenario",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'harness' has no attribute {name!r}")
    return getattr(import_module(f"harness.{_HOMES[name]}"), name)

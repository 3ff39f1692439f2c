"""Does your WebSocket chat server leak? Sessions are driven, the server is measured, growth is decided and explained.

The public names are loaded when first used, so that `--help` and servers under test do not pay for numpy.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from harness.contracts import Character, ChatProtocol, Greeting, Reply
    from harness.policy import Policy
    from harness.record import RunRecord
    from harness.scenarios import scenario
    from harness.session import Session
    from harness.verdict import Verdict

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
    "Character": "contracts",
    "ChatProtocol": "contracts",
    "Greeting": "contracts",
    "Policy": "policy",
    "Reply": "contracts",
    "RunRecord": "record",
    "Session": "session",
    "Verdict": "verdict",
    "scenario": "scenarios",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'harness' has no attribute {name!r}")
    return getattr(import_module(f"harness.{_HOMES[name]}"), name)

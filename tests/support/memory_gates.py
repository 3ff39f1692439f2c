"""The memory gate of scripted runs."""

from __future__ import annotations

from record_builder import NOW, Script, under

from harness.record.policy import Policy
from harness.record.record import RunRecord
from harness.verdict.gates import memory as memory_gate
from harness.verdict.gates.memory import MemoryGate
from harness.verdict.situation import Situation

LONG = 54
"""Cycles of the default plan to 230 sessions: over both guards, and a look."""


def gate_of(record: RunRecord, policy: Policy = NOW) -> MemoryGate:
    gate = memory_gate.decide(Situation.of(under(record, policy))).gate
    assert isinstance(gate, MemoryGate)
    return gate


def gate(script: Script, cycles: int = LONG, policy: Policy = NOW) -> MemoryGate:
    return gate_of(script.record(cycles), policy)

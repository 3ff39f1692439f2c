"""Records of varied load, made by hand: what each action leaves is known."""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Callable, Mapping

from record_builder import NOW

from harness.blame.design_matrix import WARMUP_CYCLES
from harness.blame.varied_load import Factor, schedule
from harness.record.record import (
    CycleDone,
    RestSample,
    RunRecord,
    RunStarted,
    SessionResult,
)

FACTORS = [Factor(name, (0, 1, 2)) for name in ("chat", "switch_character", "interrupt")]


SCHEDULE = schedule(82, 1, FACTORS)


BASE = {
    "malloc_in_use": 5e6,
    "tasks": 1.0,
    "gc_objects": 9000.0,
    "blocks": 50_000.0,
    "idle_cpu": 0.0,
}


Actions = Mapping[str, int]


Leaves = Callable[[Actions, int], Mapping[str, float]]
"""What a session of these actions leaves of each metric; its number counts from 1."""


def ran(
    leaves: Leaves = lambda _actions, _number: {},
    *,
    cycles: int = 60,
    per_second: float = 0.0,
    warmup: float = 0.0,
) -> RunRecord:
    """A scheduled run; with `warmup`, the first cycles leave so many bytes more."""
    record = RunRecord(RunStarted("plain-chat", {}, NOW, {}, "2026-01-01T00:00:00Z"))
    noise = random.Random(1)
    at_s, values = 0.0, defaultdict(float, BASE)
    record.add(RestSample(0, 0, at_s, True, 0.0, dict(values)))
    for number, variation in enumerate(SCHEDULE[:cycles], 1):
        actions = {
            "connect": 1,
            "chat": 2 * variation.times.get("chat", 1),
            "switch_character": 2 * variation.times.get("switch_character", 1),
        }
        actions["drop"] = int(variation.drop)
        done = tuple(SessionResult(True, 0.1, actions=actions) for _ in range(variation.sessions))
        for session in range(variation.sessions):
            for metric, grown in leaves(actions, record.sessions + session + 1).items():
                values[metric] += grown
        record.add(CycleDone(number, at_s, at_s + 1, done))
        seconds = 0.5 + 0.2 * variation.sessions + variation.pause_s
        at_s += seconds
        values["malloc_in_use"] += per_second * seconds + (
            warmup if number <= WARMUP_CYCLES else 0.0
        )
        wobble = {
            "malloc_in_use": values["malloc_in_use"] + 40.0 * (-1) ** number,
            "idle_cpu": values["idle_cpu"] + noise.uniform(-1.5, 1.5) * (values["idle_cpu"] > 0),
        }
        record.add(RestSample(number, record.sessions, at_s, True, 0.0, values | wobble))
    return record


def each(**leaves: float) -> Leaves:
    """Each action leaves so many bytes."""
    return lambda actions, _: {
        "malloc_in_use": sum(leaves.get(name, 0.0) * n for name, n in actions.items())
    }

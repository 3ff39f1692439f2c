"""A run made by hand, with numbers that can be told beforehand, and a verdict that has every
kind of gate.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from harness.record.policy import Policy
from harness.record.record import (
    CycleDone,
    Line,
    RestSample,
    RunEnded,
    RunRecord,
    RunStarted,
    ServerReady,
    SessionResult,
    Turn,
)
from harness.verdict.counting import CounterGate
from harness.verdict.gates.cpu import CpuGate
from harness.verdict.gates.latency import LatencyGate
from harness.verdict.gates.memory import MemoryGate
from harness.verdict.outcome import Finding, Kind, Status, Tag, Verdict, VerdictName

KIB = 1024
MIB = 1024 * KIB
EVIL = "<script>alert('小明')</script> | `x`\x1b[31m\x00"


def scripted_run(
    cycles: int = 20, leak_bytes: float = 32 * MIB, *, failure: str = "", target_name: str = ""
) -> list[Line]:
    """The lines of a run: one session a cycle, then five; memory, CPU and latency grow with what
    is leaked.
    """
    noise = np.random.default_rng(7)
    load = leak_bytes / (32 * MIB)
    target = {
        "mode": "embedded",
        "protocol": "open-llm-vtuber",
        "command_line": "leak-harness run --fault untracked-task",
    }
    environment = {"python": "3.11.7", "kernel": "6.1.0", "cpu": "2 cores"}
    lines: list[Line] = [
        RunStarted(
            "character-switch",
            target | {"character": target_name},
            Policy(),
            environment,
            "2025-03-01T12:00:00Z",
        ),
        ServerReady(0.8, pid=4711, probe=""),
    ]
    done, now_s = 0, 1.0
    for cycle in range(cycles + 1):
        if cycle:
            count = 1 if cycle <= 10 else 5
            grown = 1 + 0.05 * done * load
            sessions = tuple(
                SessionResult(
                    ok=not (failure and number == 0 and cycle % 7 == 3),
                    duration_s=0.4,
                    failure=failure if number == 0 and cycle % 7 == 3 else "",
                    connect_s=0.02,
                    turns=tuple(
                        Turn(complete, 0.2 * complete, 0.45 * complete)
                        for complete in (0.25 * grown * noise.lognormal(0, 0.15, size=3)).tolist()
                    ),
                    switches_s=(0.01, 0.012),
                    actions={"chat": 3, "switch_character": 2},
                )
                for number in range(count)
            )
            done += count
            talking = float(22 + 0.8 * done * load + noise.normal(0, 1))
            held = 48 * MIB + done * leak_bytes
            lines.append(
                CycleDone(
                    cycle, now_s, now_s + 0.4 * count, sessions, talking, {"rss": held + 70 * MIB}
                )
            )
            now_s += 0.5 * count
        warm = 6 * MIB * (1 - np.exp(-done / 4))
        held = 46 * MIB + warm + done * leak_bytes + noise.normal(0, 2 * KIB)
        readings = {
            "rss": held + 11 * MIB,
            "uss": held,
            "malloc_in_use": 31 * MIB + 0.8 * warm + done * leak_bytes + noise.normal(0, 300),
            "blocks": 210_000.0 + done * 30 * load,
            "gc_objects": 90_000.0 + done * 14 * load,
            "tasks": 1.0 + 2 * done * load,
            "idle_cpu": 0.1 + 1.5 * done * load + abs(noise.normal(0, 0.05)),
        }
        values = {name: float(value) for name, value in readings.items()}
        lines.append(RestSample(cycle, done, now_s, settled=True, settle_s=0.05, values=values))
        now_s += 0.3
    lines.append(RunEnded(now_s, "decided"))
    return lines


def leak_verdict(leak_bytes: float = 32 * MIB) -> Verdict:
    """All kinds of gates, each in another state."""
    sure = (0.98 * leak_bytes, 1.02 * leak_bytes)
    return Verdict(
        VerdictName.LEAK,
        "LEAK: memory grows by 32MiB per session (limit 1KiB), decided by malloc after 60 sessions",
        {
            "memory": MemoryGate(
                Status.LEAK,
                "grows steadily since session 5",
                Kind.LARGE_OBJECT,
                (Tag.UNCONFIRMED,),
                "malloc",
                "uss",
                46.0 * MIB,
                1972.0 * MIB,
                2053.0 * MIB,
                leak_bytes,
                sure,
                KIB,
                310.0,
            ),
            "objects": CounterGate(
                Status.LEAK, "grows steadily since session 5", 90_000, 90_840, 14, (13.9, 14.1), 0.6
            ),
            "tasks": CounterGate(
                Status.INCONCLUSIVE,
                "a second look must agree that it is flat",
                1,
                121,
                2,
                (1.5, 2.5),
                0.02,
            ),
            "threads": CounterGate(Status.FLAT, "", 4, 4, 0, (0, 0), 0.02),
            "descriptors": CounterGate(Status.NOT_MEASURED, "could not be read", limit=0.02),
            "latency": LatencyGate(
                Status.DRIFT,
                "replies grow steadily slower: 2.8 times over the run",
                0.31,
                0.88,
                0.6,
                0.9,
                1.0,
                1.1,
                2.84,
            ),
            "cpu": CpuGate(Status.DRIFT, "", 0.1, 90.2, 22, 70),
        },
        doubts=("1 of 20 cycles was unsettled",),
        findings=(
            Finding(
                "0123456789abcdef",
                "leak",
                "task",
                "ServiceContext._keep_warm",
                2.0,
                33554432,
                "chat_server/context.py:143",
                "ServiceContext.handle_config_switch",
                "application",
                ("event loop", "task", "ServiceContext"),
                "2.00 tasks per session never finish: `ServiceContext._keep_warm`",
                "Cancel the task and await it when the connection ends.",
            ),
        ),
        warmup_cycles=5,
        first_suspicion_sessions=5,
        open_gates=("tasks",),
        sessions_needed=40,
    )


def recorded(cycles: int = 20, **options: Any) -> RunRecord:
    """A scripted run, see `scripted_run`."""
    return RunRecord.from_lines(scripted_run(cycles, **options))


def cut_short(lines: int) -> RunRecord:
    """So many lines of a scripted run."""
    return RunRecord.from_lines(scripted_run()[:lines])


SERVER_FAILED = Verdict(VerdictName.SERVER_FAILED, "SERVER-FAILED: no handshake within 10s", {})

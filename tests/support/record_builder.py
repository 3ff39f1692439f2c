"""Records written by hand: each metric a function of the sessions done, over the default plan of
cycles.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace

from harness.record.policy import Policy
from harness.record.record import (
    CycleDone,
    Line,
    ProcessReading,
    RestSample,
    RunRecord,
    RunStarted,
    ServerReady,
    SessionResult,
    Turn,
)

KIB, MIB = 1024.0, 1024.0**2
SERVER_PID = 100
NOW = Policy(grace_s=0)
"""No idle wait: what grows is declared at once."""

Of = Callable[[float], float]


def level(value: float) -> Of:
    """The same at any number of sessions."""
    return lambda _: value


def rising(start: float, per_session: float) -> Of:
    """A straight line."""
    return lambda t: start + per_session * t


OUTSIDE: Mapping[str, Of] = {
    "rss": level(60 * MIB),
    "uss": level(50 * MIB),
    "threads": level(3),
    "descriptors": level(12),
    "children": level(1),
    "idle_cpu": level(0.1),
}
INSIDE: Mapping[str, Of] = {
    "malloc_in_use": level(5 * MIB),
    "malloc_system": level(8 * MIB),
    "blocks": level(90_000),
    "gc_objects": level(21_000),
    "tasks": level(1),
}


@dataclass(frozen=True)
class Script:
    """A healthy server, but for what a test changes."""

    metrics: Mapping[str, Of] = field(default_factory=dict)
    probe: bool = True
    reply_s: Callable[[int], float | None] = lambda _: 0.05
    """By number of the session; None: a session without a turn."""
    ok: Callable[[int], bool] = lambda _: True
    talking: Callable[[int], float | None] = lambda _: 30.0
    """By number of the cycle."""
    settled: Callable[[int], bool] = lambda _: True
    first_single: int = 10
    batch: int = 5
    policy: Policy = NOW
    child_share: float | None = None
    """Share of the memory above its first value that a child process holds."""

    def lines(self, cycles: int) -> Iterator[Line]:
        """The run's lines, as they would be written."""
        yield RunStarted("scripted", {"mode": "serve"}, self.policy, {}, "2025-01-01T00:00:00Z")
        yield ServerReady(0.0, SERVER_PID, "" if self.probe else "no greeting")
        yield self.rest(0, 0)
        done = 0
        for cycle in range(1, cycles + 1):
            size = 1 if cycle <= self.first_single else self.batch
            yield self.cycle(cycle, done, size)
            done += size
            yield self.rest(cycle, done)

    def record(self, cycles: int) -> RunRecord:
        """The record of that many cycles."""
        return RunRecord.from_lines(self.lines(cycles))

    def cycle(self, cycle: int, done: int, size: int) -> CycleDone:
        """One cycle, after so many sessions."""
        sessions = tuple(self.session(done + index) for index in range(size))
        return CycleDone(cycle, float(cycle), cycle + 0.5, sessions, self.talking(cycle))

    def session(self, number: int) -> SessionResult:
        """One session with one turn."""
        if not self.ok(number):
            return SessionResult(ok=False, duration_s=1.0, failure="NoReply: no answer within 10s")
        reply_s = self.reply_s(number)
        return SessionResult(
            ok=True,
            duration_s=1.0,
            connect_s=0.01,
            turns=() if reply_s is None else (Turn(reply_s),),
        )

    def rest(self, cycle: int, sessions: int) -> RestSample:
        """The sample after a cycle."""
        return RestSample(
            cycle,
            sessions,
            float(cycle),
            self.settled(cycle),
            0.1,
            self.values(sessions),
            self.processes(sessions),
        )

    def idle(self, record: RunRecord, **values: float) -> RestSample:
        """A sample of a wait after the latest cycle; what is not given is as it was."""
        last = record.rests[-1]
        return replace(last, idle=True, at_s=last.at_s + 30, values={**last.values, **values})

    def values(self, sessions: int) -> dict[str, float]:
        """All metrics after so many sessions; the system's in whole pages."""
        metrics = {**OUTSIDE, **(INSIDE if self.probe else {}), **self.metrics}
        return {
            name: of(sessions) for name, of in metrics.items() if self.probe or name not in INSIDE
        }

    def processes(self, sessions: int) -> tuple[ProcessReading, ...]:
        """The server, and its child where there is one."""
        if self.child_share is None:
            return ()
        grown = self.values(sessions)["uss"] - self.values(0)["uss"]
        child = {"uss": 10 * MIB + self.child_share * grown}
        server = {"uss": self.values(0)["uss"] + (1 - self.child_share) * grown}
        return (
            ProcessReading(SERVER_PID, "server", server),
            ProcessReading(SERVER_PID + 1, "tool", child),
        )


def memory(per_session: float, *, malloc: float | None = None) -> dict[str, Of]:
    """RSS and USS that grow by so many bytes a session; malloc in use by as many, or by fewer."""
    return {
        "rss": rising(60 * MIB, per_session),
        "uss": rising(50 * MIB, per_session),
        "malloc_in_use": rising(5 * MIB, per_session if malloc is None else malloc),
    }


def under(record: RunRecord, policy: Policy) -> RunRecord:
    """The record as one of a run that was held to another policy."""
    return replace(record, started=replace(record.started, policy=policy))

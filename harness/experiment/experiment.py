"""The experiment: a server, cycles of sessions, a rest sample after each, and a judge that says
what comes next.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from itertools import chain
from pathlib import Path

from harness.blame.varied_load import Variation
from harness.cause.explain import Explainer
from harness.errors import (
    CheckFailed,
    HarnessError,
    ProbeError,
    ScriptFailed,
    ServerError,
    SessionError,
    UsageError,
)
from harness.record.metrics import FALLING, names
from harness.record.policy import Policy
from harness.record.record import (
    CycleDone,
    Incident,
    Line,
    RestSample,
    RunEnded,
    RunRecord,
    RunStarted,
    ServerReady,
    SessionResult,
    Values,
)
from harness.record.store import RunFolder
from harness.sessions.driver import Load, run_cycle, standing_sessions
from harness.sessions.handshake import why_not_ready
from harness.sessions.script_errors import Stopped
from harness.sessions.varied_session import rest
from harness.target.attach_probe import attach_probe
from harness.target.log_watch import LogWatch, files_in
from harness.target.probe_client import ProbeLink
from harness.target.target import AnySampler, ServerUnderTest, Target, open_server, sampler_of
from harness.verdict.outcome import Judgement, NextStep, Wait
from harness.verdict.suspects import census_is_due

BEAT_S = 0.1
WAIT_STEP_S = 2.0
TRACING_LIMIT_S = 25.0
TRACED_SESSION_LIMIT_S = 5.0
"""On average, where there are many. Busy with what it leaks a server is several times slower,
and on a machine that others keep busy as many times again; fewer sessions would miss what one in
ten leaves.
"""
HOPELESS_SESSIONS = 5
"""So many failed sessions and not one that worked: the run ends."""
UNANSWERED_SESSIONS = 2
"""So many where all have waited in vain to the end of a limit: the first alone may have found
the server warming up.
"""

Judge = Callable[[RunRecord], Judgement]
Announce = Callable[[RunRecord, Judgement], None]


@dataclass(frozen=True, slots=True)
class Plan:
    """One run, decided before it begins."""

    load: Load
    target: Target
    policy: Policy
    sessions_per_cycle: int | None = None
    """None: one in each of the first ten cycles, then five."""
    environment: dict[str, str] = field(default_factory=dict)
    settle_s: float = 0.0
    """Between a cycle's last session and its sample, at least; the server is waited for in any
    case until it rests.
    """
    watched: Sequence[Path] = ()
    """Folders whose files are counted."""
    planted_bytes: int = 0
    """The probe leaks so much in the server for each session: a control, which the judge must
    find.
    """
    schedule: Sequence[Variation] = ()
    """Of a run that is to tell which action leaks: what is different in each cycle."""

    def load_in(self, cycle: int) -> Load:
        """The load of the cycle of that number (from 1)."""
        return (
            replace(self.load, variation=self.schedule[cycle - 1]) if self.schedule else self.load
        )

    def sessions_in(self, cycle: int) -> int:
        """How many sessions the cycle of that number (from 1) has."""
        if self.schedule:
            return self.schedule[cycle - 1].sessions
        if self.sessions_per_cycle is not None:
            return self.sessions_per_cycle
        return 1 if cycle <= 10 else 5


class Experiment:
    """One run from launch to the last line of its record."""

    def __init__(
        self,
        plan: Plan,
        folder: RunFolder,
        judge: Judge,
        announce: Announce,
        turn: asyncio.Lock | None = None,
    ) -> None:
        """A run; with `turn`, shared with another, their cycles alternate: the machine's mood
        hits both.
        """
        self._turn = turn or asyncio.Lock()
        self._plan = plan
        self._folder = folder
        self._judge = judge
        self._announce = announce
        self._began_s = time.monotonic()
        self._over_budget = False
        self._explainer: Explainer | None = None
        self._log: LogWatch | None = None
        self._census_tried: list[int] = []
        """After how many sessions one was asked for, answered or not."""
        self.record = RunRecord(
            RunStarted(
                scenario=plan.load.scenario.name,
                per=plan.load.scenario.per,
                target=plan.target.words,
                policy=plan.policy,
                environment=plan.environment,
                started_at=datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
            )
        )
        folder.append(self.record.started)

    async def run(self) -> RunRecord:
        """Measure until the judge stops it; whatever happens ends as lines of the record.

        Raises:
            HarnessError: a usage error that only the running server showed, or the record cannot be
                written.
        """
        try:
            async with self._server() as server:
                await self._cycles(server)
            reason = "decided"
        except (ServerError, SessionError) as error:  # of sessions, only standing ones come here
            reason = "the server failed"
            self._add(Incident(self._now_s(), str(error), fatal=True))
        except UsageError as error:
            self._add(Incident(self._now_s(), str(error)))
            self._add(RunEnded(self._now_s(), "the scenario is wrong"))
            raise
        except (asyncio.CancelledError, Stopped):
            reason = "interrupted"
            self._add(Incident(self._now_s(), "stopped by the user", fatal=True, interrupted=True))
        self._add(RunEnded(self._now_s(), reason))
        return self.record

    async def _why_not_ready(self) -> str:
        """A script that connects by itself goes to a path of its own: there, any answer shows
        that the server is up.
        """
        load = self._plan.load
        return await why_not_ready(load.address, any_answer=not load.scenario.connect)

    def _now_s(self) -> float:
        return time.monotonic() - self._began_s

    def _add(self, line: Line) -> None:
        self._folder.append(line)
        self.record.add(line)

    @contextlib.asynccontextmanager
    async def _server(self) -> AsyncIterator[ServerUnderTest]:
        target = self._plan.target
        probe = ProbeLink() if target.probe and target.source is None else None
        try:
            environment = probe.environment(target.environment) if probe else target.environment
            log = self._folder.path / "server.log"
            server = await open_server(target, environment, log)
            if path := log if target.is_launched else target.log:
                policy = self._plan.policy
                self._log = LogWatch(
                    path, policy.log_expected, (*policy.log_forbidden, *policy.log_noted)
                )
            try:
                await server.wait_ready(self._why_not_ready, target.ready_limit_s)
                self._probe, silence = await greeted(target, server, probe, self._why_not_ready)
                self._add(ServerReady(self._now_s(), server.pid, silence))
                if self._probe is not None and not self._plan.planted_bytes:
                    self._explainer = Explainer(self._probe, server.pids, self._now_s)
                yield server
            finally:
                await server.stop()
        finally:
            if probe is not None:
                await probe.close()

    async def _cycles(self, server: ServerUnderTest) -> None:
        sampler = sampler_of(server, self._probe, self._began_s)
        async with (
            _beating(self._beats(sampler)),
            standing_sessions(self._plan.load) as check_standing,
        ):
            self._add(await self._rest(sampler, 0))
            while True:
                judgement = self._judge(self.record)
                self._announce(self.record, judgement)
                check_standing()
                match judgement.next:
                    case NextStep.CONTINUE:
                        async with self._turn:
                            await self._cycle(server, sampler)
                    case NextStep.WAIT:
                        assert judgement.wait is not None, "a wait comes with its length"
                        await self._wait(judgement.wait, server, sampler)
                    case NextStep.EXPLAIN:
                        await self._explain(server, sampler)
                    case NextStep.STOP:
                        return

    async def _cycle(self, server: ServerUnderTest, sampler: AnySampler) -> None:
        number = len(self.record.cycles) + 1
        self._over_budget = False  # at least one session: without, no cycle follows another in time
        began_s, cpu_before_ns, first_beat = (
            self._now_s(),
            await sampler.used_ns(),
            len(self.record.fast_samples),
        )
        results = await run_cycle(
            self._plan.load_in(number),
            self._plan.sessions_in(number),
            lambda now: (
                not (self._over_budget or self._is_hopeless(now)) and server.exit_status is None
            ),
        )
        if self._plan.schedule:
            await rest(self._plan.schedule[number - 1])
        ended_s = self._now_s()
        talking = (await sampler.used_ns() - cpu_before_ns) / max(ended_s - began_s, 1e-3) / 1e7
        peaks = _peaks([beat.values for beat in self.record.fast_samples[first_beat:]])
        self._add(CycleDone(number, began_s, ended_s, results, max(0.0, talking), peaks))
        server.check_alive()
        self._check_hope(results[-1:])
        await asyncio.sleep(self._plan.settle_s)
        if self._probe is not None and self._plan.planted_bytes:
            await self._probe.plant(self._plan.planted_bytes, len(results))
        self._add(await self._rest(sampler, number))
        server.check_alive()
        if census_is_due(self._census_tried, self.record.sessions):
            await self._take_census()

    async def _take_census(self) -> None:
        if self._explainer is None:
            return
        self._census_tried.append(self.record.sessions)
        self._add(await self._explainer.census(self.record))
        # Also where no cause is asked for: some have a bound.
        if suspects := await self._explainer.suspects(self.record):
            self._add(suspects)

    async def _explain(self, server: ServerUnderTest, sampler: AnySampler) -> None:
        assert self._explainer is not None, (
            "the judge asks for explanations only where there is a probe"
        )
        if self.record.sessions > max(
            (census.sessions for census in self.record.censuses), default=0
        ):
            await self._take_census()

        async def run_sessions(number: int) -> int:
            until_s = self._now_s() + max(TRACING_LIMIT_S, number * TRACED_SESSION_LIMIT_S)
            done = await run_cycle(
                self._plan.load,
                number,
                lambda _: server.exit_status is None and self._now_s() < until_s,
            )
            await asyncio.sleep(self._plan.settle_s)
            await sampler.rest(
                len(self.record.cycles), self.record.sessions, collect=self._plan.policy.collect
            )
            return len(done)

        self._add(await self._explainer.causes(self.record, run_sessions))

    async def _rest(
        self, sampler: AnySampler, cycle: int, *, idle: bool = False, collect: bool = False
    ) -> RestSample:
        collect = collect or self._plan.policy.collect
        sample = await sampler.rest(cycle, self.record.sessions, idle=idle, collect=collect)
        if self._log is not None and not idle:
            self._add(self._log.counts(self._now_s(), cycle))
        if not self._plan.watched:
            return sample
        unread = [
            f"{folder} cannot be read"
            for folder in self._plan.watched
            if not os.access(folder, os.R_OK | os.X_OK)
        ]
        problems = {**sample.problems, **({"files": unread[0]} if unread else {})}
        return replace(
            sample, values=sample.values | files_in(self._plan.watched), problems=problems
        )

    def _is_hopeless(self, now: Sequence[SessionResult] = ()) -> bool:
        """Whether no session has ever worked, those of the cycle that is under way among them, and
        enough have tried.

        Where one has worked, sessions that fail later are what the server comes to: they are
        measured.
        """
        if self.record.failed_sessions < self.record.sessions or any(one.ok for one in now):
            return False
        tried = [
            *chain.from_iterable(
                cycle.sessions for cycle in self.record.cycles[:HOPELESS_SESSIONS]
            ),
            *now,
        ]
        least = UNANSWERED_SESSIONS if all(one.timed_out for one in tried) else HOPELESS_SESSIONS
        return len(tried) >= least

    def _check_hope(self, latest: Sequence[SessionResult]) -> None:
        no_session_worked = self.record.failed_sessions == self.record.sessions
        if latest and no_session_worked and latest[-1].failure.startswith(CheckFailed.__name__):
            raise ScriptFailed(
                latest[-1].failure.partition(": ")[2], hint="no session has passed this check yet"
            )
        if latest and self._is_hopeless():
            raise ServerError(
                f"none of {self.record.sessions} sessions did what the script says",
                why=f"the last one: {latest[-1].failure}",
                hint="try one session with `leak-harness run ... --once --trace`",
            )

    async def _wait(self, wait: Wait, server: ServerUnderTest, sampler: AnySampler) -> None:
        """Wait for late releases, as long as the judge asks for."""
        began_s = steady_since_s = self._now_s()
        lowest, cycle = self.record.rests[-1].values, self.record.rests[-1].cycle
        is_over = False
        while not is_over:
            await asyncio.sleep(WAIT_STEP_S)
            server.check_alive()
            sample = await self._rest(sampler, cycle, idle=True)
            self._add(sample)
            if (fallen := lowest_readings(lowest, sample.values)) is not lowest:
                lowest, steady_since_s = fallen, self._now_s()
            now_s = self._now_s()
            is_over = wait.is_over(now_s - began_s, now_s - steady_since_s)
        await self._take_census()
        if not self._plan.policy.collect:  # what does a collection take of what the wait has left?
            self._add(await self._rest(sampler, cycle, idle=True, collect=True))

    async def _beats(self, sampler: AnySampler) -> None:
        while True:
            beat = await sampler.fast_sample()
            if beat.values:
                self._add(beat)
                rests = self.record.rests
                grown = beat.values[names.RSS] - rests[0].values[names.RSS] if rests else 0.0
                # Twice the budget while sessions are connected: what they hold themselves is no
                # growth yet.
                if grown > 2 * self._plan.policy.memory_budget_bytes:
                    self._over_budget = True
            await asyncio.sleep(BEAT_S)


def lowest_readings(before: Values, now: Values) -> Values:
    """The lower of each two readings, once one has fallen; the very readings of before where none
    has.

    So a fall that is too slow to be seen from one reading to the next adds up.
    """
    if not any(
        now[name] < 0.99 * before[name] - 0.5 for name in FALLING if name in before and name in now
    ):
        return before
    return {**before, **{name: min(x, before.get(name, x)) for name, x in now.items()}}


def _peaks(readings: Sequence[Values]) -> Values:
    peaks: Values = {}
    for reading in readings:
        for name, value in reading.items():
            peaks[name] = max(value, peaks.get(name, value))
    return peaks


async def greeted(
    target: Target,
    server: ServerUnderTest,
    probe: ProbeLink | None,
    wake: Callable[[], Awaitable[object]],
) -> tuple[ProbeLink | None, str]:
    """The probe when it has greeted, else why it is not there; `wake` gives the server something
    to do.
    """
    if probe is None:
        return (
            None,
            "switched off by --no-probe"
            if target.source is None
            else "the server is somewhere else",
        )
    if target.pid is not None and not target.attach_probe:
        return None, "the server ran already; --attach-probe puts the probe into it"
    try:
        if target.pid is not None:
            await probe.await_attached(await attach_probe(server.pids(), probe.folder), wake)
        await probe.greet()
    except ProbeError as error:
        return None, str(error)
    return probe, ""


@contextlib.asynccontextmanager
async def _beating(beats: object) -> AsyncIterator[None]:
    task = asyncio.ensure_future(beats)  # type: ignore[call-overload]
    try:
        yield
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


def describe_machine() -> dict[str, str]:
    """What a reader needs to know of the machine."""
    about = os.uname()
    load = ", ".join(f"{one:.2f}" for one in os.getloadavg())
    return {
        "system": f"{about.sysname} {about.release}",
        "cores": str(os.cpu_count()),
        "load_average": load,
    }


def available_memory_bytes() -> int:
    """MemAvailable of /proc/meminfo.

    Raises:
        HarnessError: this is no Linux.
    """
    with contextlib.suppress(OSError, StopIteration):
        for line in Path("/proc/meminfo").read_text(encoding="ascii").splitlines():
            if line.startswith("MemAvailable:"):
                return int(line.split()[1]) * 1024
    raise HarnessError("/proc/meminfo cannot be read", hint="leak-harness measures on Linux")

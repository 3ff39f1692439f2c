"""The experiment: a server, cycles of sessions, a rest sample after each, and a judge that says
what comes next.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import time
from collections.abc import AsyncIterator, Callable, Coroutine
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from ..cause.explain import Explainer
from ..errors import (
    OutOfMemoryGuard,
    ServerError,
    SessionError,
    UsageError,
)
from ..record.lines import PROCESS
from ..record.metrics import names
from ..record.record import (
    CycleDone,
    Incident,
    Line,
    RestSample,
    RunEnded,
    RunRecord,
    RunStarted,
    ServerReady,
)
from ..record.store import RunFolder
from ..sessions.driver import run_cycle, standing_sessions
from ..sessions.script_errors import Stopped
from ..sessions.varied_session import rest
from ..target.log_lines import mask_log
from ..target.log_watch import LogWatch, files_in
from ..target.server_errors import ServerErrors
from ..target.target import AnySampler, ServerUnderTest
from ..units import format_time
from ..verdict.outcome import Judgement, NextStep, Wait
from ..verdict.suspects import census_is_due
from .hope import check_hope, is_hopeless
from .memory_guard import SOFT_FACTOR, Limits, MemoryGuard
from .opened_server import opened
from .plan import Plan
from .readings import lowest_readings, peaks_of

MAX_GAP_S: Final = 5.0
"""Without a sample: more is told. Peaks and growth in that time were not seen."""
MAX_GAPS_TOLD: Final = 5
FAST_STEP_S: Final = 0.1
"""Between two fast samples."""
WAIT_STEP_S: Final = 2.0
"""Between two samples of a wait for late releases."""
TRACING_LIMIT_S: Final = 25.0
"""The least time for the sessions that are traced to find a cause."""
TRACED_SESSION_LIMIT_S: Final = 5.0
"""The time for each of them, where there are many. A server that is busy with what it leaks is
several times slower, and on a busy machine as many times again. Fewer sessions would miss what
one session in ten leaves.
"""
Judge = Callable[[RunRecord], Judgement]
Announce = Callable[[RunRecord, Judgement], None]


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
        self._in_cycle = False
        self._is_asked_to_stop = False
        self._gaps = 0
        self._guard: MemoryGuard | None = None
        self._explainer: Explainer | None = None
        self._log: LogWatch | None = None
        self._errors: ServerErrors | None = None
        self._census_tried: list[int] = []
        """After how many sessions one was asked for, answered or not."""
        self.record = RunRecord(
            RunStarted(
                scenario=plan.load.scenario.name,
                per=plan.load.scenario.per,
                target=dict(plan.server.words),
                policy=plan.policy,
                environment=plan.environment,
                folder=str(Path.cwd()),
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
            if self._is_asked_to_stop:
                reason = self._interrupted()
        except OutOfMemoryGuard as error:
            reason = self._stopped_by_guard(str(error))
        except (ServerError, SessionError) as error:  # of sessions, only standing ones come here
            reason = "the server failed"
            self._add(Incident(self._now_s(), str(error), fatal=True))
        except UsageError as error:
            self._add(Incident(self._now_s(), str(error)))
            self._add(RunEnded(self._now_s(), "the scenario is wrong"))
            raise
        except (asyncio.CancelledError, Stopped):
            reason = self._interrupted()
        self._add(RunEnded(self._now_s(), reason))
        return self.record

    def _interrupted(self) -> str:
        self._add(Incident(self._now_s(), "stopped by the user", fatal=True, interrupted=True))
        return "interrupted"

    def ask_to_stop(self) -> bool:
        """Stop once the cycle under way has ended; False where none is."""
        self._is_asked_to_stop = self._in_cycle
        return self._in_cycle

    def _stopped_by_guard(self, what: str) -> str:
        """Why the run ended: what was measured is judged, where anything was."""
        stop = self._guard.stopped if self._guard else None
        is_judged = self.record.ready is not None and stop is not None
        self._add(Incident(self._now_s(), what, fatal=not is_judged))
        if not is_judged or stop is None:
            return "the server failed"
        self._add(replace(stop, at_s=stop.at_s - self._began_s))
        return "stopped by the memory guard"

    def _now_s(self) -> float:
        return time.monotonic() - self._began_s

    def _add(self, line: Line) -> None:
        self._folder.append(line)
        self.record.add(line)

    @contextlib.asynccontextmanager
    async def _server(self) -> AsyncIterator[ServerUnderTest]:
        planned, policy = self._plan.server, self._plan.policy
        server_log = self._folder.path / "server.log"
        limits = Limits.of(policy.memory_budget_bytes, is_given=self._plan.is_budget_given)
        async with (
            _masked_at_the_end(server_log),
            opened(planned, self._plan.load, server_log, limits) as server,
        ):
            self._guard = server.guard
            if path := server_log if planned.target.LAUNCHES else planned.target.log_file:
                self._errors = ServerErrors(path)
                self._log = LogWatch(
                    path, policy.log_expected, (*policy.log_forbidden, *policy.log_noted)
                )
            await server.wait_ready()
            server.guard.measure_from_now()
            self._probe, silence = await server.greeted()
            self._add(ServerReady(self._now_s(), server.server.pid, silence))
            if self._probe is not None and not self._plan.planted_bytes:
                self._explainer = Explainer(self._probe, server.server.pids, self._now_s)
            yield server.server

    async def _cycles(self, server: ServerUnderTest) -> None:
        sampler = server.sampler(self._probe, self._began_s)
        async with (
            _in_background(self._fast_samples(sampler)),
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
                            self._in_cycle = True
                            await self._cycle(server, sampler)
                            self._in_cycle = False
                        if self._is_asked_to_stop:
                            return
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
        began_s, cpu_before_ns, first_sample = (
            self._now_s(),
            await sampler.used_ns(),
            len(self.record.fast_samples),
        )
        assert self._guard is not None, "it watches for as long as there is a server"
        sessions = self._plan.sessions_in(number)
        self._guard.sessions_open(min(sessions, self._plan.load.concurrency))
        if self._errors is not None:
            self._errors.begin()
        results = await run_cycle(
            self._plan.load_in(number),
            sessions,
            lambda now: (
                not (self._over_budget or is_hopeless(self.record, now))
                and server.exit_status is None
            ),
        )
        self._guard.sessions_open(0)
        if self._errors is not None:
            results = await self._errors.next_to(results)
        if self._plan.schedule:
            await rest(self._plan.schedule[number - 1])
        ended_s = self._now_s()
        talking = (await sampler.used_ns() - cpu_before_ns) / max(ended_s - began_s, 1e-3) / 1e7
        peaks = peaks_of([sample.values for sample in self.record.fast_samples[first_sample:]])
        self._add(CycleDone(number, began_s, ended_s, results, max(0.0, talking), peaks))
        server.check_alive()
        if results:
            check_hope(self.record, results[-1])
        await asyncio.sleep(self._plan.settle_s)
        if self._probe is not None and self._plan.planted_bytes:
            await self._probe.plant(self._plan.planted_bytes, len(results))
        self._add(await self._rest(sampler, number))
        server.check_alive()
        if census_is_due(self._census_tried, self.record.sessions) and self._has_worked():
            await self._take_census()

    def _has_worked(self) -> bool:
        """Whether a session of the latest cycle did what the script says. Sessions that a server
        turns away leave nothing, and hide what those before them have left.
        """
        latest = self.record.cycles[-1:]
        return any(cycle.failed_sessions < len(cycle.sessions) for cycle in latest)

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
        taken = max((census.sessions for census in self.record.censuses), default=0)
        if self.record.sessions > taken and self._has_worked():
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
        for news in self._probe.news() if self._probe is not None else ():
            source = PROCESS if news.is_blind else ""
            self._add(Incident(self._now_s(), news.what, source=source))
        if self._log is not None and not idle:
            is_failing = bool(self.record.cycles) and self.record.cycles[-1].failed_sessions > 0
            self._add(self._log.counts(self._now_s(), cycle, is_failing=is_failing))
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

    async def _fast_samples(self, sampler: AnySampler) -> None:
        while True:
            sample = await sampler.fast_sample()
            if sample.values:
                self._add(sample)
                self._watch_growth(sample.values[names.RSS])
            began_s = time.clock_gettime(time.CLOCK_BOOTTIME)  # goes on while a machine sleeps
            await asyncio.sleep(FAST_STEP_S)
            gap_s = time.clock_gettime(time.CLOCK_BOOTTIME) - began_s
            if gap_s > MAX_GAP_S and self._gaps < MAX_GAPS_TOLD:
                self._gaps += 1
                self._add(Incident(self._now_s(), _gap_in_words(gap_s)))

    def _watch_growth(self, held_bytes: float) -> None:
        """What connected sessions hold themselves is not growth yet."""
        assert self._guard is not None, "it watches for as long as there is a server"
        first = self.record.rests[0].values if self.record.rests else {}
        if names.RSS not in first:
            return
        self._guard.measure_from(first[names.RSS])
        if held_bytes - first[names.RSS] > SOFT_FACTOR * self._plan.policy.memory_budget_bytes:
            self._over_budget = True
        if not self._guard.sees_processes:
            self._guard.see(held_bytes)


def _gap_in_words(gap_s: float) -> str:
    return (
        f"there is no sample for {format_time(round(gap_s, 1))}: the machine or leak-harness was "
        "paused, or code of the script kept the event loop busy"
    )


@contextlib.asynccontextmanager
async def _masked_at_the_end(log: Path) -> AsyncIterator[None]:
    """What the server has written holds no secret once the block is over."""
    try:
        yield
    finally:
        await asyncio.to_thread(mask_log, log)


@contextlib.asynccontextmanager
async def _in_background(work: Coroutine[Any, Any, None]) -> AsyncIterator[None]:
    task = asyncio.ensure_future(work)
    try:
        yield
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task

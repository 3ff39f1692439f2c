"""Whole runs for programs: options in, what was measured and decided out.

`run` is `leak_harness.run`. The commands and the pytest plugin call it, too.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import cache, partial
from pathlib import Path
from typing import Final

from ..errors import ExitStatus
from ..record.record import RunRecord
from ..record.store import RunFolder, dated
from ..reporters import html, progress
from ..sessions.connection import Trace
from ..units import format_size
from ..verdict.judge import judge
from ..verdict.outcome import Finding, Judgement, Verdict, VerdictName
from ..verdict.several_runs import Done, controlled, together
from .experiment import Announce, Experiment
from .live_page import LivePage
from .options import RunOptions
from .plan import Plan, control_of, plan_of
from .reports import PAGE, write_reports
from .stopping import in_thread, run_stoppable

_LIVE_WIDTH: Final = 200
Tell = Callable[[str], None]
"""Hears a line on what goes on, for a person."""


@dataclass(frozen=True, slots=True)
class Run:
    """A run that has ended: what it measured, and what was decided."""

    record: RunRecord
    """All that was measured; of several runs, in the one that decides."""
    verdict: Verdict
    """The verdict over all runs."""
    folder: Path
    """The run folder, with the reports."""
    unwritten: Mapping[str, str] = field(default_factory=dict)
    """Reports that could not be drawn or written, each with the reason."""

    @property
    def is_flat(self) -> bool:
        """Whether growth was shown to be below the limit."""
        return self.verdict.name is VerdictName.FLAT

    @property
    def findings(self) -> tuple[Finding, ...]:
        """What piles up, the worst first."""
        return self.verdict.all_findings

    @property
    def exit_status(self) -> ExitStatus:
        """The status that `leak-harness run` ends with."""
        return self.verdict.exit_status

    @property
    def report(self) -> Path:
        """The file `report.html`."""
        return self.folder / PAGE


def _ignored(record: RunRecord, judgement: Judgement) -> None:
    """Nobody wants to know."""


def _unheard(line: str) -> None:
    """Announce to nobody."""


def run(
    options: RunOptions | None = None,
    *,
    announce: Announce = _ignored,
    tell: Tell = _unheard,
    trace: Trace | None = None,
) -> Run:
    """Drive sessions against a server, measure it, decide, and write the run folder.

    The call blocks until the run has ended. Where an event loop runs in this thread, the run has
    a thread of its own. In the main thread, Ctrl-C ends the run: its verdict is `interrupted`.

    Args:
        options: what to run; None is the default scenario on the embedded server.
        announce: called after each cycle, with what was measured and decided so far.
        tell: called with a line for a person, such as the verdict of each of several runs.
        trace: called with each message of each session.

    Returns:
        The run. A leak is a result and not an error.

    Raises:
        UsageError: the options ask for something that cannot be done, or the scenario is wrong.
        ServerError: the server that is meant is not there.
        RecordError: the run folder cannot be written.
        HarnessError: the base of all of these.
    """
    if _is_in_loop():
        again = partial(run, options, announce=announce, tell=tell, trace=trace)
        return in_thread(again)
    asked = RunOptions() if options is None else options

    @cache
    def plan(number: int) -> Plan:
        return plan_of(asked, trace=trace, number=number)

    folder = asked.output.out or dated(plan(0).load.scenario.name)
    done = all_runs(asked, folder, plan, announce, tell)
    unwritten = write_reports(folder, done.record, done.verdict, asked.output.lang)
    return Run(done.record, done.verdict, folder, unwritten)


def all_runs(
    options: RunOptions,
    folder: Path,
    plan: Callable[[int], Plan],
    announce: Announce = _ignored,
    tell: Tell = _unheard,
) -> Done:
    """One run in the folder itself; several, each in a folder of its own in it; then the control.

    Args:
        options: how many runs, and whether a control follows.
        folder: the run folder.
        plan: makes the plan of the run of that number, from 0.
        announce: called after each cycle.
        tell: called with a line for a person.
    """
    count, live = options.load.runs, options.output.live
    runs: list[Done] = []
    for number in range(count):
        name = f"run-{number + 1}" if count > 1 else ""
        with _seeded(options.load.seed + number):
            runs.append(_measured(plan(number), folder, name, announce, tell, live=live))
        if runs[-1].verdict.name is VerdictName.INTERRUPTED:
            break
    done = together(runs)
    if not options.measurement.control or done.verdict.name is VerdictName.INTERRUPTED:
        return done
    control_plan = control_of(plan(count))
    planted_bytes = control_plan.planted_bytes
    tell(f"control: {format_size(planted_bytes)} per session are planted")
    control = _measured(control_plan, folder, "control", announce, tell)
    return replace(done, verdict=controlled(done.verdict, control, planted_bytes))


def _measured(
    plan: Plan, path: Path, name: str, announce: Announce, tell: Tell, *, live: bool = False
) -> Done:
    folder = RunFolder(path / name)
    page = None
    try:
        experiment = Experiment(plan, folder, judge, announce)
        if live:
            page = _live_page(experiment.record)
            tell(f"live: {page.url}")
        record = run_stoppable(experiment.run, experiment.ask_to_stop)
    finally:
        folder.close()
        if page is not None:
            page.close()
    done = Done(record, judge(record).verdict, name)
    if name:
        for report, why in write_reports(path / name, record, done.verdict).items():
            tell(f"leak-harness: {report} is missing: {why}")
        tell(f"{name}: {done.verdict.summary}")
    return done


def _live_page(record: RunRecord) -> LivePage:
    def draw() -> bytes:
        judgement = judge(record)
        line = progress.render(record, judgement, width=_LIVE_WIDTH)
        # The plots take longest, and are for readers without a script.
        return html.render(record, judgement.verdict, pictures={}, progress=line)

    return LivePage(draw)


@contextmanager
def _seeded(seed: int) -> Iterator[None]:
    """A block in which the scenario's random numbers are those of the seed."""
    before = random.getstate()
    random.seed(seed)
    try:
        yield
    finally:
        random.setstate(before)


def _is_in_loop() -> bool:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True

"""A run whose cycles differ by plan, so that it shows which action leaves something behind."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Final

from ..blame.blame import MIN_CYCLES, Blame, blame
from ..blame.design_matrix import WARMUP_CYCLES
from ..blame.varied_load import schedule
from ..errors import UsageError
from ..record.metrics import METRICS
from ..record.record import RunRecord
from ..record.store import BLAME_FILE, RunFolder, dated, write_whole
from ..reporters import html
from ..sessions.varied_session import factors_of, unvaried_of
from ..verdict.judge import judge
from ..verdict.outcome import Judgement, NextStep, Verdict, VerdictName
from ..verdict.situation import Situation
from .experiment import Announce, Experiment
from .options import RunOptions
from .plan import plan_of
from .stopping import run_stoppable

MAX_CYCLES: Final = 82
"""Where the user does not say how many. What is rare takes long to show: 82 cycles are about 200
sessions, 20 of which leave something if every tenth does.
"""
LOOK_EVERY_CYCLES: Final = 6
"""Cycles between two looks at who is to blame: a block of the schedule."""
_UNFINISHED: Final = (VerdictName.SERVER_FAILED, VerdictName.INTERRUPTED)


@dataclass(frozen=True, slots=True)
class Blaming:
    """A run of a schedule that has ended."""

    verdict: Verdict
    """What a run with this record would be called."""
    blame: Blame | None
    """What each action leaves; None where the run did not come to its end."""
    folder: Path
    """The run folder."""


def run_schedule(options: RunOptions, announce: Announce) -> Blaming:
    """Vary how often each action happens, and see what each leaves.

    Raises:
        UsageError: there are too few cycles, or what was asked for cannot be done.
    """
    cycles = options.load.cycles or MAX_CYCLES
    needed = WARMUP_CYCLES + MIN_CYCLES
    if cycles < needed:
        raise UsageError(
            f"--cycles {cycles} are too few to tell actions apart",
            hint=f"give --cycles {needed} or more",
        )
    plan = plan_of(options)
    scenario, protocol = plan.load.scenario, plan.load.protocol
    if scenario.is_per_message:
        raise UsageError(
            f"blame varies how sessions end, and those of '{scenario.name}' stay",
            hint="leave per='message' out of its @scenario",
        )
    unvaried = unvaried_of(protocol)
    changes = schedule(cycles, options.load.seed, factors_of(scenario, protocol))
    policy = replace(plan.policy, fixed_cycles=cycles, grace_s=0.0, explain=False)
    plan = replace(plan, policy=policy, schedule=changes)
    path = options.output.out or dated(f"blame-{plan.load.scenario.name}")
    folder = RunFolder(path)
    try:
        decide = _judge_until(cycles, unvaried)
        experiment = Experiment(plan, folder, decide, announce)
        record = run_stoppable(experiment.run, experiment.ask_to_stop)
    finally:
        folder.close()
    verdict = judge(record).verdict
    if verdict.name in _UNFINISHED:
        return Blaming(verdict, None, path)
    shares = blame(record, unvaried)
    write_whole(path / BLAME_FILE, json.dumps(asdict(shares), indent=2).encode())
    page = html.render(record, verdict, options.output.lang, shares)
    write_whole(path / "report.html", page)
    return Blaming(verdict, shares, path)


def _judge_until(cycles: int, unvaried: Collection[str]) -> Callable[[RunRecord], Judgement]:
    """The verdict of the judge. The run goes on until an action is to blame, all cycles are done,
    or memory is exceeded.
    """

    def decide(record: RunRecord) -> Judgement:
        situation = Situation.of(record)
        is_over = (
            situation.ended
            or situation.over_budget
            or len(record.cycles) >= cycles
            or _is_decided(record, situation.full_guard, unvaried)
        )
        next_step = NextStep.STOP if is_over else NextStep.CONTINUE
        return replace(judge(record), next=next_step)

    return decide


def _is_decided(record: RunRecord, guard: int, unvaried: Collection[str]) -> bool:
    """Whether an action is to blame, after as many sessions as it takes to tell a leak from a
    cache that fills.
    """
    cycles = len(record.cycles)
    if cycles % LOOK_EVERY_CYCLES or cycles < MIN_CYCLES + WARMUP_CYCLES:
        return False
    return any(
        share.guilty and record.sessions >= _guard(share.metric, guard)
        for share in blame(record, unvaried).shares
    )


def _guard(metric: str, of_the_run: int) -> int:
    """Sessions before which a metric blames nobody: of some, nothing is cached."""
    known = METRICS.get(metric)
    own = None if known is None else known.guard_sessions
    return of_the_run if own is None else own

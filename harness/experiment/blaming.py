"""A run whose cycles differ by plan, so that it shows which action leaves something behind."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Final

from harness.blame.blame import MIN_CYCLES, Blame, blame
from harness.blame.design_matrix import WARMUP_CYCLES
from harness.blame.varied_load import schedule
from harness.errors import UsageError
from harness.experiment.experiment import Announce, Experiment
from harness.experiment.options import RunOptions
from harness.experiment.plan import plan_of
from harness.experiment.runs import judge
from harness.experiment.stopping import run_stoppable
from harness.record.policy import Policy
from harness.record.record import RunRecord
from harness.record.store import BLAME_FILE, RunFolder, dated, write_whole
from harness.reporters import html
from harness.verdict.evidence import GUARD_TASKS, Situation
from harness.verdict.judge import judge as judge_by
from harness.verdict.outcome import Judgement, NextStep, Verdict, VerdictName

MAX_CYCLES: Final = 82
"""Where nothing is to blame by then, and the user did not say how many: what is rare takes
longer to show.
"""
LOOK_EVERY_CYCLES: Final = 6
"""How often it is asked whether one action is to blame."""
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
    policy = replace(plan.policy, fixed_cycles=cycles, grace_s=0.0, explain=False)
    plan = replace(plan, policy=policy, schedule=schedule(cycles, options.load.seed))
    path = options.output.out or dated(f"blame-{plan.load.scenario.name}")
    folder = RunFolder(path)
    try:
        record = run_stoppable(Experiment(plan, folder, _judge_until(cycles), announce).run)
    finally:
        folder.close()
    verdict = judge(record).verdict
    if verdict.name in _UNFINISHED:
        return Blaming(verdict, None, path)
    shares = blame(record)
    write_whole(path / BLAME_FILE, json.dumps(asdict(shares), indent=2).encode())
    page = html.render(record, verdict, options.output.lang, shares)
    write_whole(path / "report.html", page)
    return Blaming(verdict, shares, path)


def _judge_until(cycles: int) -> Callable[[RunRecord, Policy], Judgement]:
    """The verdict of the judge. The run goes on until an action is to blame, all cycles are done,
    or memory is exceeded.
    """

    def decide(record: RunRecord, policy: Policy) -> Judgement:
        situation = Situation.of(record, policy)
        is_over = (
            situation.ended
            or situation.over_budget
            or len(record.cycles) >= cycles
            or _is_decided(record, situation.full_guard)
        )
        next_step = NextStep.STOP if is_over else NextStep.CONTINUE
        return replace(judge_by(record, policy), next=next_step)

    return decide


def _is_decided(record: RunRecord, guard: int) -> bool:
    """Whether an action is to blame, after as many sessions as it takes to tell a leak from a
    cache that fills.
    """
    cycles = len(record.cycles)
    if cycles % LOOK_EVERY_CYCLES or cycles < MIN_CYCLES + WARMUP_CYCLES:
        return False
    guards = {"tasks": GUARD_TASKS, "idle_cpu": 0}  # neither is cached
    return any(
        share.guilty and record.sessions >= guards.get(share.metric, guard)
        for share in blame(record).shares
    )

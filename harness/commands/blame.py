"""`leak-harness blame`: which action of a scenario leaves something behind?"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
from collections.abc import Callable, Sequence, Set
from dataclasses import asdict, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from harness.commands import run as run_verb
from harness.errors import ExitStatus
from harness.options import declare, plan_of

if TYPE_CHECKING:
    from harness.blame import Blame, Share
    from harness.policy import Policy
    from harness.record import RunRecord
    from harness.verdict import Judgement

HELP = "which action leaks? vary how often each happens, and see what each leaves"
MOST_CYCLES: Final = 82
"""Where nothing is to blame by then, and the user did not say how many: what is rare takes longer to show."""
LOOK_EVERY: Final = 6


def add_options(parser: argparse.ArgumentParser) -> None:
    """Declare this verb's options: those of a run."""
    declare(parser)


def defaults() -> dict[str, Any]:
    """What the configuration file sets, but for how long a run is."""
    return {name: one for name, one in run_verb.defaults().items() if name != "cycles"}


def run(options: argparse.Namespace) -> int:
    """Run a schedule, print what each action leaves; 1 if one is to blame, or time is."""
    from harness.blame import blame
    from harness.judge import judge
    from harness.reporters import html
    from harness.run import Experiment
    from harness.schedule import schedule
    from harness.store import RunFolder, write_whole

    cycles = options.cycles or MOST_CYCLES
    plan = plan_of(options)
    policy = replace(plan.policy, fixed_cycles=cycles, grace_s=0.0, explain=False)
    plan = replace(plan, policy=policy, schedule=schedule(cycles, options.seed))
    stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")
    path = options.out or Path("reports") / f"{stamp}-blame-{plan.load.scenario.name}"
    folder = RunFolder(path)
    try:
        record = asyncio.run(Experiment(plan, folder, _judge_until(cycles), _progress).run())
    finally:
        folder.close()
    ended = judge(record, policy).verdict
    if ended.name in ("server-failed", "interrupted"):
        print(f"leak-harness: {ended.summary}", file=sys.stderr)
        return ended.exit_status
    found = blame(record)
    result = json.dumps(asdict(found), indent=2)
    write_whole(path / "blame.json", result.encode())
    write_whole(path / "report.html", html.render(record, ended, options.lang, found))
    print(result if options.json else words(found))
    return ExitStatus.LEAK if found.guilty or found.with_time else ExitStatus.FLAT


def words(found: Blame) -> str:
    """A line for each action, the guilty first."""
    shares = [one for one in found.shares if one.action != "sample"]
    alone = {one.action for one in shares if not one.more_of}
    more = [one.label for one in shares if one.more_of and one.lower > 0]
    labels = dict.fromkeys([*found.guilty, *more, *(one.label for one in shares if _is_telling(one, alone))])
    width = max(map(len, labels), default=0)
    lines = [f"{label:{width}}  {_of([one for one in shares if one.label == label])}" for label in labels]
    if found.inseparable:
        lines.append(f"not told apart from the others: {', '.join(found.inseparable)}")
    if found.filling:
        lines.append(f"fills, and is no leak: {found.filling}")
    nobody = "no action is to blame" + (": it grows with time" if found.with_time else "")
    guilty = f"to blame: {', '.join(found.guilty)}" if found.guilty else nobody
    return "\n".join([*lines, "", f"{guilty}; {found.sessions} sessions in {found.cycles} cycles"])


def _is_telling(share: Share, alone: Set[str]) -> bool:
    """What may make nothing more is left out, unless nothing else is said of the action."""
    return not share.more_of or share.action not in alone


def _of(shares: Sequence[Share]) -> str:
    """What it leaves for sure; else what may be nothing, in bytes where they were measured."""
    sure = [one for one in shares if one.guilty or (one.more_of and one.lower > 0)]
    in_bytes = [one for one in shares if one.metric in ("malloc_in_use", "uss")]
    return "   ".join(map(_share, sure or in_bytes or shares[:1]))


def _share(share: Share) -> str:
    from harness.quantities import format_size

    in_bytes = share.metric in ("malloc_in_use", "uss")
    form: Callable[[float], str] = format_size if in_bytes else (lambda count: f"{count:.2f}")
    unit = "" if in_bytes else f" {share.metric.removeprefix('gc_')}"
    sign = "+" if share.estimate > 0 else ""
    return f"{sign}{form(share.estimate)}{unit} ({form(share.lower)} ... {form(share.upper)})"


def _judge_until(cycles: int) -> Callable[[RunRecord, Policy], Judgement]:
    """The judge's verdict; and on until it is known who is to blame, all is done, or memory is exceeded."""
    from harness.judge import judge
    from harness.standing import Situation
    from harness.verdict import NextStep

    def decide(record: RunRecord, policy: Policy) -> Judgement:
        at = Situation.of(record, policy)
        stop = at.ended or at.over_budget or len(record.cycles) >= cycles or _is_decided(record, at.full_guard)
        return replace(judge(record, policy), next=NextStep.STOP if stop else NextStep.CONTINUE)

    return decide


def _is_decided(record: RunRecord, guard: int) -> bool:
    """Whether one is to blame, after as many sessions as it takes to tell that from a cache that fills."""
    from harness.blame import LEAST_CYCLES, blame
    from harness.deeds import WARMUP_CYCLES
    from harness.standing import GUARD_TASKS

    cycles = len(record.cycles)
    if cycles % LOOK_EVERY or cycles < LEAST_CYCLES + WARMUP_CYCLES:
        return False
    guards = {"tasks": GUARD_TASKS, "idle_cpu": 0}  # neither is cached
    return any(one.guilty and record.sessions >= guards.get(one.metric, guard) for one in blame(record).shares)


def _progress(record: RunRecord, _: Any) -> None:
    if len(record.cycles) % 10 == 0:
        print(f"cycle {len(record.cycles):3}  sessions {record.sessions:4}", file=sys.stderr, flush=True)

"""`leak-harness blame`: which action of a scenario leaves something behind?"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
from collections.abc import Callable
from dataclasses import asdict, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from harness.errors import ExitStatus
from harness.options import declare, plan_of

if TYPE_CHECKING:
    from harness.blame import Blame, Share
    from harness.policy import Policy
    from harness.record import RunRecord
    from harness.verdict import Judgement

HELP = "which action leaks? vary how often each happens, and see what each leaves"
CYCLES: Final = 40
MOST_CYCLES: Final = 80
"""Where nothing is to blame by then, and the user did not say how many: what is rare takes longer to show."""


def add_options(parser: argparse.ArgumentParser) -> None:
    """Declare this verb's options: those of a run."""
    declare(parser)


def run(options: argparse.Namespace) -> int:
    """Run a schedule, print what each action leaves; 1 if one is to blame."""
    from harness.blame import blame
    from harness.reporters import html
    from harness.run import Experiment
    from harness.schedule import schedule
    from harness.store import RunFolder

    cycles = options.cycles or MOST_CYCLES
    plan = plan_of(options)
    policy = replace(plan.policy, fixed_cycles=cycles, grace_s=0.0, explain=False)
    plan = replace(plan, policy=policy, schedule=schedule(cycles, options.seed))
    stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")
    path = options.out or Path("reports") / f"{stamp}-blame-{plan.load.scenario.name}"
    folder = RunFolder(path)
    try:
        record = asyncio.run(Experiment(plan, folder, _judge_until(cycles, CYCLES), _progress).run())
    finally:
        folder.close()
    ended = _judge_until(cycles, cycles)(record, policy).verdict
    if ended.name in ("server-failed", "interrupted"):
        print(f"leak-harness: {ended.summary}", file=sys.stderr)
        return ended.exit_status
    found = blame(record)
    result = json.dumps({"guilty": found.guilty, **asdict(found)}, indent=2)
    (path / "blame.json").write_text(result, encoding="utf-8")
    (path / "report.html").write_bytes(html.render(record, ended, options.lang, found))
    print(result if options.json else words(found))
    return ExitStatus.LEAK if found.guilty else ExitStatus.FLAT


def words(found: Blame) -> str:
    """A line for each action, the guilty first."""
    actions = dict.fromkeys([*found.guilty, *(share.action for share in found.shares)])
    width = max(map(len, actions))
    lines = [f"{action:{width}}  {_of_action(found, action)}" for action in actions]
    if found.inseparable:
        lines.append(f"not told apart from the others: {', '.join(found.inseparable)}")
    guilty = f"to blame: {', '.join(found.guilty)}" if found.guilty else "no action is to blame"
    return "\n".join([*lines, "", f"{guilty}; {found.sessions} sessions in {found.cycles} cycles"])


def _of_action(found: Blame, action: str) -> str:
    shares = [share for share in found.shares if share.action == action]
    shown = [share for share in shares if share.guilty] or shares[:1]
    return "   ".join(map(_share, shown))


def _share(share: Share) -> str:
    from harness.quantities import format_size

    in_bytes = share.metric in ("malloc_in_use", "uss")
    form: Callable[[float], str] = format_size if in_bytes else (lambda count: f"{count:.2f}")
    unit = "" if in_bytes else f" {share.metric.removeprefix('gc_')}"
    sign = "+" if share.estimate > 0 else ""
    return f"{sign}{form(share.estimate)}{unit} ({form(share.lower)} ... {form(share.upper)})"


def _judge_until(cycles: int, look_every: int) -> Callable[[RunRecord, Policy], Judgement]:
    """The judge's verdict; and on to the next cycle until one is to blame, all are done, or memory is exceeded."""
    from harness.blame import blame
    from harness.judge import judge
    from harness.standing import Situation
    from harness.verdict import NextStep

    def decide(record: RunRecord, policy: Policy) -> Judgement:
        at = Situation.of(record, policy)
        done = len(record.cycles)
        stop = at.ended or at.over_budget or done >= cycles
        stop = stop or bool(done and done % look_every == 0 and blame(record).guilty)
        return replace(judge(record, policy), next=NextStep.STOP if stop else NextStep.CONTINUE)

    return decide


def _progress(record: RunRecord, _: Any) -> None:
    if len(record.cycles) % 10 == 0:
        print(f"cycle {len(record.cycles):3}  sessions {record.sessions:4}", file=sys.stderr, flush=True)

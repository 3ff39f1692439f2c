"""`leak-harness blame`: which action of a scenario leaves something behind?"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Sequence, Set
from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Any, Final

from harness.commands import run as run_verb
from harness.errors import ExitStatus, UsageError
from harness.experiment.options import declare, plan_of

if TYPE_CHECKING:
    from harness.blame.blame import Blame, Share
    from harness.record.record import RunRecord
    from harness.verdict.outcome import Judgement, Verdict

HELP = "which action leaks? vary how often each happens, and see what each leaves"
MAX_CYCLES: Final = 82
"""Where nothing is to blame by then, and the user did not say how many: what is rare takes
longer to show.
"""
LOOK_EVERY: Final = 6
IN_BYTES: Final = ("malloc_in_use", "uss")
CAUSE: Final = (
    "`leak-harness run` with the same options names what stays, and the line that made it"
)
AGAIN: Final = (
    "more --cycles, a scenario that does more, or, for CPU and replies, a machine with less to do"
)
NOTHING: Final = (
    "nothing, unless `leak-harness run` calls it a leak: then more --cycles, or a scenario that "
    "does more"
)
OF_A_VERDICT: Final = {"once": False, "runs": 1, "control": False, "live": False}
"""Options that a schedule has no use for, as they are when nobody asks for them."""
UNITS: Final = {"gc_objects": "objects", "idle_cpu": "% CPU at rest"}


def add_options(parser: argparse.ArgumentParser) -> None:
    """Declare this verb's options: those of a run."""
    declare(parser)


def defaults() -> dict[str, Any]:
    """What the configuration file sets, but for how long a run is."""
    return {
        name: one
        for name, one in run_verb.defaults().items()
        if name not in ("cycles", *OF_A_VERDICT)
    }


def run(options: argparse.Namespace) -> int:
    """Run a schedule, print what each action leaves; 1 if one is to blame, or time is."""
    from harness.blame.blame import MIN_CYCLES, blame
    from harness.blame.design_matrix import WARMUP_CYCLES
    from harness.blame.varied_load import schedule
    from harness.experiment.experiment import Experiment
    from harness.experiment.stopping import run_stoppable
    from harness.record.store import BLAME_FILE, RunFolder, dated, write_whole
    from harness.reporters import html
    from harness.verdict.judge import judge

    for name, unasked in OF_A_VERDICT.items():
        if getattr(options, name) != unasked:
            raise UsageError(
                f"blame runs one schedule, to its end: it has no --{name}",
                hint=f"leave --{name} out",
            )
    cycles = options.cycles or MAX_CYCLES
    if cycles < (needed := WARMUP_CYCLES + MIN_CYCLES):
        raise UsageError(
            f"--cycles {cycles} are too few to tell actions apart",
            hint=f"give --cycles {needed} or more",
        )
    plan = plan_of(options)
    policy = replace(plan.policy, fixed_cycles=cycles, grace_s=0.0, explain=False)
    plan = replace(plan, policy=policy, schedule=schedule(cycles, options.seed))
    path = options.out or dated(f"blame-{plan.load.scenario.name}")
    folder = RunFolder(path)
    try:
        record = run_stoppable(Experiment(plan, folder, _judge_until(cycles), _progress).run)
    finally:
        folder.close()
    ended = judge(record).verdict
    if ended.name in ("server-failed", "interrupted"):
        print(f"leak-harness: {ended.summary}", file=sys.stderr)
        return ended.exit_status
    found = blame(record)
    result = json.dumps(asdict(found), indent=2)
    write_whole(path / BLAME_FILE, result.encode())
    write_whole(path / "report.html", html.render(record, ended, options.lang, found))
    print(result if options.json else f"{words(found, ended)}\n\nreport: {path / 'report.html'}")
    return ExitStatus.LEAK if found.guilty or found.with_time else ExitStatus.FLAT


def words(found: Blame, ended: Verdict | None = None) -> str:
    """Who is to blame and what to do next; then a line for each action, the guilty first."""
    blames = bool(found.guilty or found.with_time)
    but = ended.summary if ended and not blames and ended.name in ("leak", "degraded") else ""
    shares = found.shares
    alone = {one.action for one in shares if not one.more_of}
    more = [one.label for one in shares if one.more_of and one.lower > 0]
    labels = dict.fromkeys(
        [*found.guilty, *more, *(one.label for one in shares if _is_telling(one, alone))]
    )
    width = max(map(len, labels), default=0)
    lines = [
        f"{label:{width}}  {_of([one for one in shares if one.label == label])}" for label in labels
    ]
    if found.inseparable:
        lines.append(
            f"not told apart from the others, as they always came together: "
            f"{', '.join(found.inseparable)}"
        )
    if found.filling:
        lines.append(f"fills, and is no leak: {found.filling}")
    lines += [f"doubt: {one}" for one in (ended.doubts if ended else ())]
    of = f"{found.sessions} sessions in {found.cycles} cycles after the warm-up"
    answer = f"{_answer(found)}; {of}" + (f", yet it is {but}" if but else "")
    return "\n".join(
        [answer, f"next: {CAUSE if blames else AGAIN if but else NOTHING}", "", *lines]
    )


def _answer(found: Blame) -> str:
    """The guilty, each with what it leaves for sure."""
    from harness.blame.design_matrix import SECOND

    def told(action: str, name: str, each: str) -> str:
        sure = [_amount(one) for one in found.shares if one.guilty and one.action == action]
        return f"{name} ({', '.join(sure)} {each})" if sure else name

    guilty = ", ".join(told(action, action, "each time") for action in found.guilty)
    answer = f"to blame: {guilty}" if guilty else "no action is to blame"
    return (
        f"{answer}; {told(SECOND, 'it grows with time', 'a second')}" if found.with_time else answer
    )


def _is_telling(share: Share, alone: Set[str]) -> bool:
    """What may make nothing more is left out, unless nothing else is said of the action."""
    return not share.more_of or share.action not in alone


def _of(shares: Sequence[Share]) -> str:
    """What it leaves for sure; else what may be nothing, in bytes where they were measured."""
    sure = [one for one in shares if one.guilty or (one.more_of and one.lower > 0)]
    in_bytes = [one for one in shares if one.metric in IN_BYTES]
    return "   ".join(map(figure, sure or in_bytes or shares[:1]))


def figure(share: Share) -> str:
    """What an action leaves of a metric, with the interval."""
    return (
        f"{_amount(share)} ({_number(share.metric, share.lower)} ... "
        f"{_number(share.metric, share.upper)})"
    )


def _amount(share: Share) -> str:
    sign = "+" if share.estimate > 0 else ""
    return f"{sign}{_number(share.metric, share.estimate)}{_unit(share.metric)}"


def _number(metric: str, value: float) -> str:
    from harness.units import format_size

    return format_size(value) if metric in IN_BYTES else f"{value:.2f}"


def _unit(metric: str) -> str:
    return "" if metric in IN_BYTES else f" {UNITS.get(metric, metric)}"


def _judge_until(cycles: int) -> Callable[[RunRecord], Judgement]:
    """The judge's verdict; and on until it is known who is to blame, all is done, or memory is
    exceeded.
    """
    from harness.verdict.judge import judge
    from harness.verdict.outcome import NextStep
    from harness.verdict.situation import Situation

    def decide(record: RunRecord) -> Judgement:
        at = Situation.of(record)
        stop = (
            at.ended
            or at.over_budget
            or len(record.cycles) >= cycles
            or _is_decided(record, at.full_guard)
        )
        return replace(judge(record), next=NextStep.STOP if stop else NextStep.CONTINUE)

    return decide


def _is_decided(record: RunRecord, guard: int) -> bool:
    """Whether one is to blame, after as many sessions as it takes to tell that from a cache that
    fills.
    """
    from harness.blame.blame import MIN_CYCLES, blame
    from harness.blame.design_matrix import WARMUP_CYCLES
    from harness.verdict.situation import GUARD_TASKS

    cycles = len(record.cycles)
    if cycles % LOOK_EVERY or cycles < MIN_CYCLES + WARMUP_CYCLES:
        return False
    guards = {"tasks": GUARD_TASKS, "idle_cpu": 0}  # neither is cached
    return any(
        one.guilty and record.sessions >= guards.get(one.metric, guard)
        for one in blame(record).shares
    )


def _progress(record: RunRecord, _: Any) -> None:
    if len(record.cycles) % 10 == 0:
        print(
            f"cycle {len(record.cycles):3}  sessions {record.sessions:4}",
            file=sys.stderr,
            flush=True,
        )

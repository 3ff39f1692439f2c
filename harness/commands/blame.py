"""`leak-harness blame`: which action of a scenario leaves something behind?"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Collection, Sequence, Set
from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Any, Final

from harness.commands import run as run_verb
from harness.errors import ExitStatus, UsageError
from harness.experiment.options import declare, plan_of
from harness.record.metrics import METRICS, Unit

if TYPE_CHECKING:
    from harness.blame.blame import Blame, Share
    from harness.record.record import RunRecord
    from harness.verdict.outcome import Judgement, Verdict

HELP = "which action leaks? vary how often each happens, and see what each leaves"
MAX_CYCLES: Final = 82
"""Where the user does not say how many. What is rare takes long to show: 82 cycles are about 200
sessions, 20 of which leave something if every tenth does.
"""
LOOK_EVERY: Final = 6
"""Cycles between two looks at who is to blame: a block of the schedule."""
IN_BYTES: Final = tuple(metric.name for metric in METRICS.values() if metric.unit is Unit.BYTES)
"""Metrics that are shown as sizes."""
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


def add_options(parser: argparse.ArgumentParser) -> None:
    """Declare this verb's options: those of a run."""
    declare(parser)


def defaults() -> dict[str, Any]:
    """What the configuration file sets, but for how long a run is."""
    return {
        name: value
        for name, value in run_verb.defaults().items()
        if name not in ("cycles", *OF_A_VERDICT)
    }


def run(options: argparse.Namespace) -> int:
    """Run a schedule and print what each action leaves; 1 if one is to blame, or time is."""
    from harness.blame.blame import MIN_CYCLES, blame
    from harness.blame.design_matrix import WARMUP_CYCLES
    from harness.blame.varied_load import schedule
    from harness.experiment.experiment import Experiment
    from harness.experiment.stopping import run_stoppable
    from harness.record.store import BLAME_FILE, RunFolder, dated, write_whole
    from harness.reporters import html
    from harness.sessions.varied_session import factors_of, unvaried_of
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
    if plan.load.scenario.is_per_message:
        raise UsageError(
            f"blame varies how sessions end, and those of '{plan.load.scenario.name}' stay",
            hint="leave per='message' out of its @scenario",
        )
    policy = replace(plan.policy, fixed_cycles=cycles, grace_s=0.0, explain=False)
    factors = factors_of(plan.load.scenario, plan.load.protocol)
    unvaried = unvaried_of(plan.load.protocol)
    plan = replace(plan, policy=policy, schedule=schedule(cycles, options.seed, factors))
    path = options.out or dated(f"blame-{plan.load.scenario.name}")
    folder = RunFolder(path)
    try:
        decide = _judge_until(cycles, unvaried)
        record = run_stoppable(Experiment(plan, folder, decide, _progress).run)
    finally:
        folder.close()
    ended = judge(record).verdict
    if ended.name in ("server-failed", "interrupted"):
        print(f"leak-harness: {ended.summary}", file=sys.stderr)
        return ended.exit_status
    blamed = blame(record, unvaried)
    result = json.dumps(asdict(blamed), indent=2)
    write_whole(path / BLAME_FILE, result.encode())
    write_whole(path / "report.html", html.render(record, ended, options.lang, blamed))
    print(result if options.json else f"{words(blamed, ended)}\n\nreport: {path / 'report.html'}")
    return ExitStatus.LEAK if blamed.guilty or blamed.with_time else ExitStatus.FLAT


def words(blamed: Blame, ended: Verdict | None = None) -> str:
    """Who is to blame and what to do next; then a line for each action, the guilty first.

    Args:
        blamed: what each action leaves.
        ended: the verdict on the run, where there is one.
    """
    yet = _yet(blamed, ended)
    lines = [f"{_answer(blamed)}; {_seen(blamed)}", f"next: {_next_step(blamed, yet)}", ""]
    if yet:
        lines[0] += f", yet it is {yet}"
    lines += _action_lines(blamed.shares, blamed.guilty)
    if blamed.inseparable:
        lines.append(
            f"not told apart from the others, as they always came together: "
            f"{', '.join(blamed.inseparable)}"
        )
    if blamed.filling:
        lines.append(f"fills, and is not a leak: {blamed.filling}")
    lines += [f"doubt: {doubt}" for doubt in (ended.doubts if ended else ())]
    return "\n".join(lines)


def _yet(blamed: Blame, ended: Verdict | None) -> str:
    """What the verdict says though nobody is to blame; empty where they agree."""
    if ended is None or blamed.guilty or blamed.with_time:
        return ""
    return ended.summary if ended.name in ("leak", "degraded") else ""


def _next_step(blamed: Blame, yet: str) -> str:
    if blamed.guilty or blamed.with_time:
        return CAUSE
    return AGAIN if yet else NOTHING


def _seen(blamed: Blame) -> str:
    return f"{blamed.sessions} sessions in {blamed.cycles} cycles after the warm-up"


def _answer(blamed: Blame) -> str:
    """The guilty, each with what it leaves for sure."""
    from harness.blame.design_matrix import SECOND

    guilty = [_with_amounts(name, name, "each time", blamed.shares) for name in blamed.guilty]
    answer = f"to blame: {', '.join(guilty)}" if guilty else "no action is to blame"
    if not blamed.with_time:
        return answer
    return f"{answer}; {_with_amounts(SECOND, 'it grows with time', 'per second', blamed.shares)}"


def _with_amounts(action: str, name: str, each: str, shares: Sequence[Share]) -> str:
    """The name, with what the action leaves for sure in parentheses."""
    sure = [_amount(share) for share in shares if share.guilty and share.action == action]
    return f"{name} ({', '.join(sure)} {each})" if sure else name


def _action_lines(shares: Sequence[Share], guilty: Sequence[str]) -> list[str]:
    """A line per label: the guilty, what makes their leavings more, then the others."""
    alone = {share.action for share in shares if not share.more_of}
    more = [share.label for share in shares if share.more_of and share.lower > 0]
    others = [share.label for share in shares if _is_telling(share, alone)]
    by_label: dict[str, list[Share]] = {label: [] for label in (*guilty, *more, *others)}
    for share in shares:
        if share.label in by_label:
            by_label[share.label].append(share)
    width = max(map(len, by_label), default=0)
    return [f"{label:{width}}  {_figures(of_label)}" for label, of_label in by_label.items()]


def _is_telling(share: Share, alone: Set[str]) -> bool:
    """What may make nothing more is left out, unless nothing else is said of the action."""
    return not share.more_of or share.action not in alone


def _figures(shares: Sequence[Share]) -> str:
    """What it leaves for sure; else what may be nothing, in bytes where they were measured."""
    sure = [share for share in shares if share.guilty or (share.more_of and share.lower > 0)]
    in_bytes = [share for share in shares if share.metric in IN_BYTES]
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
    if metric in IN_BYTES:
        return ""
    known = METRICS.get(metric)  # entries of a container are no metric
    return f" {(known.counted_as if known else '') or metric}"


def _judge_until(cycles: int, unvaried: Collection[str]) -> Callable[[RunRecord], Judgement]:
    """The judge's verdict, but the run goes on until an action is to blame, all cycles are done, or
    the memory budget is exceeded.
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
            or _is_decided(record, at.full_guard, unvaried)
        )
        return replace(judge(record), next=NextStep.STOP if stop else NextStep.CONTINUE)

    return decide


def _is_decided(record: RunRecord, guard: int, unvaried: Collection[str]) -> bool:
    """Whether an action is to blame, after as many sessions as it takes to tell a leak from a cache
    that fills.
    """
    from harness.blame.blame import MIN_CYCLES, blame
    from harness.blame.design_matrix import WARMUP_CYCLES

    cycles = len(record.cycles)
    if cycles % LOOK_EVERY or cycles < MIN_CYCLES + WARMUP_CYCLES:
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


def _progress(record: RunRecord, _: Any) -> None:
    if len(record.cycles) % 10 == 0:
        print(
            f"cycle {len(record.cycles):3}  sessions {record.sessions:4}",
            file=sys.stderr,
            flush=True,
        )

"""Which action leaves something behind, in words."""

from __future__ import annotations

from collections.abc import Sequence, Set
from typing import Final

from harness.blame.blame import Blame, Share
from harness.blame.design_matrix import SECOND
from harness.units import format_size
from harness.verdict.outcome import Verdict

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
UNITS: Final = {"gc_objects": "objects", "idle_cpu": "% CPU at rest"}


def words(result: Blame, ended: Verdict | None = None) -> str:
    """Who is to blame and what to do next; then a line for each action, the guilty first."""
    blames = bool(result.guilty or result.with_time)
    but = ended.summary if ended and not blames and ended.name in ("leak", "degraded") else ""
    shares = result.shares
    alone = {share.action for share in shares if not share.more_of}
    more = [share.label for share in shares if share.more_of and share.lower > 0]
    labels = dict.fromkeys(
        [*result.guilty, *more, *(share.label for share in shares if _is_telling(share, alone))]
    )
    width = max(map(len, labels), default=0)
    lines = [
        f"{label:{width}}  {_of([share for share in shares if share.label == label])}"
        for label in labels
    ]
    if result.inseparable:
        lines.append(
            f"not told apart from the others, as they always came together: "
            f"{', '.join(result.inseparable)}"
        )
    if result.filling:
        lines.append(f"fills, and is no leak: {result.filling}")
    lines += [f"doubt: {doubt}" for doubt in (ended.doubts if ended else ())]
    of = f"{result.sessions} sessions in {result.cycles} cycles after the warm-up"
    answer = f"{_answer(result)}; {of}" + (f", yet it is {but}" if but else "")
    next_step = AGAIN if but else NOTHING
    if blames:
        next_step = CAUSE
    return "\n".join([answer, f"next: {next_step}", "", *lines])


def _answer(result: Blame) -> str:
    """The guilty, each with what it leaves for sure."""

    def sure_of(action: str, name: str, each: str) -> str:
        sure = [
            _amount(share) for share in result.shares if share.guilty and share.action == action
        ]
        return f"{name} ({', '.join(sure)} {each})" if sure else name

    guilty = ", ".join(sure_of(action, action, "each time") for action in result.guilty)
    answer = f"to blame: {guilty}" if guilty else "no action is to blame"
    return (
        f"{answer}; {sure_of(SECOND, 'it grows with time', 'a second')}"
        if result.with_time
        else answer
    )


def _is_telling(share: Share, alone: Set[str]) -> bool:
    """What may make nothing more is left out, unless nothing else is said of the action."""
    return not share.more_of or share.action not in alone


def _of(shares: Sequence[Share]) -> str:
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
    return format_size(value) if metric in IN_BYTES else f"{value:.2f}"


def _unit(metric: str) -> str:
    return "" if metric in IN_BYTES else f" {UNITS.get(metric, metric)}"

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
    return format_size(value) if metric in IN_BYTES else f"{value:.2f}"


def _unit(metric: str) -> str:
    return "" if metric in IN_BYTES else f" {UNITS.get(metric, metric)}"

"""Which action leaves something behind, in words."""

from __future__ import annotations

from collections.abc import Sequence, Set
from typing import Final

from ..blame.blame import Blame, Share
from ..blame.design_matrix import SECOND
from ..record.metrics import METRICS, Unit
from ..units import format_size
from ..verdict.outcome import Verdict

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
    return format_size(value) if metric in IN_BYTES else f"{value:.2f}"


def _unit(metric: str) -> str:
    if metric in IN_BYTES:
        return ""
    known = METRICS.get(metric)  # entries of a container are not a metric
    return f" {(known.counted_as if known else '') or metric}"

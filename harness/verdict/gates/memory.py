"""The memory gate: malloc in use, USS and RSS, decided together, with kind and tags."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from harness.record.metrics import METRICS
from harness.record.policy import KIB
from harness.record.record import Series
from harness.units import format_size
from harness.verdict.bounded_growth import filling
from harness.verdict.evidence import (
    Evidence,
    Situation,
    Standing,
    after_idle,
    evidence,
    held_metric,
    lasting_rate,
    sessions_needed,
    went_with_collection,
)
from harness.verdict.gates.counters import Judged, standing_reason
from harness.verdict.growth_engine import (
    STEP_SPAN_SESSIONS,
    Look,
    first_of_tail,
    steady_growth,
    tail_rate,
)
from harness.verdict.kinds import (
    SMALL_BLOCK_BYTES,
    Rates,
    flat_kind,
    is_fragmentation,
    leak_kind,
    leaking_share,
    tags,
)
from harness.verdict.outcome import Kind, MemoryGate, Outcome, Tag
from harness.verdict.page_reuse import Refilling, tail_growths

LIMIT_PROBE_BYTES: Final = KIB
LIMIT_BARE_BYTES: Final = 4 * KIB
MALLOC_SHARE: Final = 0.5
"""Malloc in use is exact and is held to half of the limit."""

USUAL_BLOCK_BYTES: Final = 64
"""Less than a small object of Python takes on average: what so many take at least."""

_METRICS: Final = {"malloc": "malloc_in_use", "uss": "uss", "rss": "rss"}


@dataclass(frozen=True, slots=True)
class Decision:
    """How the bytes stand together."""

    standing: Standing
    by: str | None = None
    """The metric that decided: `malloc`, `uss` or `rss`."""
    kind: Kind | None = None
    """Where the standing already says it."""
    reason: str = ""
    confirmed: bool = True
    """False where the run was too short for the guard, and the growth too large to go on."""


USED_AGAIN: Final = Decision(
    Standing.RELEASED,
    None,
    Kind.RELEASED_LATE,
    "grew, and what was released while the run idled is used again",
)


def limit_bytes(situation: Situation) -> int:
    """Growth per session that is still flat."""
    default = LIMIT_PROBE_BYTES if situation.probe else LIMIT_BARE_BYTES
    return default if situation.policy.limit_bytes is None else situation.policy.limit_bytes


def memory_gate(situation: Situation) -> Judged:
    """Malloc in use, USS and RSS, decided together."""
    limit = limit_bytes(situation)
    bytes_ = _evidence(situation, limit)
    held = bytes_.get("uss" if "uss" in bytes_ else "rss")
    if held is None:
        return Judged(
            MemoryGate(Outcome.NOT_MEASURED, "the server's memory could not be read", limit=limit)
        )
    decision = decide(situation, bytes_, evidence(situation, "blocks", limit / SMALL_BLOCK_BYTES))
    decision = _unless_filling(situation, decision, held)
    outcome, kind, reason = _outcome(situation, decision, held.series)
    if outcome is Outcome.LEAK and _went_with_collection(situation, bytes_, decision.by):
        kind, reason = Kind.NOT_YET_COLLECTED, "grew, and went when the probe collected at the end"
    leak = outcome is Outcome.LEAK
    metric, shown = held_metric(situation.record), held
    if (
        leak and decision.by == "malloc" and (held.rate or 0.0) <= held.limit
    ):  # pages that were free before take it
        metric, shown = _METRICS["malloc"], bytes_["malloc"]
    gate = MemoryGate(
        outcome=outcome,
        reason=reason,
        kind=kind,
        tags=_tags(situation, decision, bytes_) if leak else (),
        decided_by=decision.by,
        metric=metric,
        first=float(shown.series.x[0]),
        last=float(shown.series.x[-1]),
        peak=_peak(situation, metric),
        growth_per_session=shown.rate,
        bounds=shown.bounds,
        limit=limit,
        smallest_detectable=_smallest_detectable(held.trend.latest, limit),
    )
    open_ones = list(_not_calm(bytes_).values())
    since = [
        one.trend.suspected_sessions
        for one in open_ones
        if one.trend.suspected_sessions is not None
    ]
    needed = (
        [sessions_needed(situation, one) for one in open_ones]
        if outcome is Outcome.INCONCLUSIVE
        else []
    )
    return Judged(
        gate,
        suspect=decision.standing is Standing.SUSPECT,
        suspected_sessions=min(since, default=None),
        sessions_needed=max(needed, default=None),
    )


def decide(situation: Situation, bytes_: dict[str, Evidence], blocks: Evidence | None) -> Decision:
    """The joint standing, by the first rule that fires: engine, budget, a short run that the
    user fixed.
    """
    engine = _by_engine(situation, bytes_, blocks)
    if engine.standing is not Standing.OPEN:
        return engine
    if situation.over_budget:
        return _by_budget(
            situation, bytes_, situation.policy.memory_budget_bytes, "the memory budget"
        )
    if (
        situation.policy.fixed_cycles is not None
        and situation.at_bounds
        and situation.sessions < situation.full_guard
    ):
        held = bytes_[held_metric(situation.record)].series
        by_half = _by_budget(
            situation,
            bytes_,
            held.x[0] / 2,
            "half of what the server held before the first session",
        )
        return by_half if by_half.standing is not Standing.OPEN else engine
    return engine


def _evidence(situation: Situation, limit: int) -> dict[str, Evidence]:
    limits = {"malloc": limit * MALLOC_SHARE, "uss": limit, "rss": limit}
    found = {by: evidence(situation, metric, limits[by]) for by, metric in _METRICS.items()}
    return {by: one for by, one in found.items() if one is not None}


def _by_engine(
    situation: Situation, bytes_: dict[str, Evidence], blocks: Evidence | None
) -> Decision:
    malloc = bytes_.get("malloc")
    if malloc is not None and malloc.standing.growing:
        return _growing(situation, "malloc", malloc)
    outside = [by for by in ("uss", "rss") if by in bytes_]
    growing = [by for by in outside if bytes_[by].standing.growing]
    if growing:
        return _by_outside(situation, growing[0], bytes_, blocks)
    if not _not_calm(bytes_):
        return _calm(bytes_)
    late = _released_late(situation, bytes_, blocks)
    if late is not None:
        return late
    if (
        blocks is not None
        and blocks.standing.growing
        and _near_the_limit(bytes_, _small_rate(situation, blocks), outside)
    ):
        return _growing(situation, outside[0], blocks)
    return Decision(Standing.OPEN, reason=_open_reason(bytes_))


def _not_calm(bytes_: dict[str, Evidence]) -> dict[str, Evidence]:
    """What holds up a flat verdict. USS that neither grows nor rests does not where RSS, which
    contains it, is flat: it moves by hundreds of KiB whenever another process maps, or lets go, the
    same libraries.
    """
    rss = bytes_.get("rss")
    contained = (
        {"uss"}
        if rss is not None
        and rss.standing.calm
        and "uss" in bytes_
        and not bytes_["uss"].standing.growing
        else set()
    )
    return {by: one for by, one in bytes_.items() if not one.standing.calm and by not in contained}


def _growing(situation: Situation, by: str, found: Evidence) -> Decision:
    begun = situation.sessions >= situation.full_guard
    return Decision(found.standing, by, reason=standing_reason(found), confirmed=begun)


def _calm(bytes_: dict[str, Evidence]) -> Decision:
    released = [by for by, one in bytes_.items() if one.standing is Standing.RELEASED]
    if released:
        return Decision(
            Standing.RELEASED, released[0], Kind.RELEASED_LATE, standing_reason(bytes_[released[0]])
        )
    return Decision(Standing.FLAT)


def _by_outside(
    situation: Situation, by: str, bytes_: dict[str, Evidence], blocks: Evidence | None
) -> Decision:
    """USS or RSS grows, malloc does not (or was not read): what is it that grows?

    Objects of 512 bytes or less live in Python's own arenas, which malloc does not count. They can
    hold the growth only where blocks grow, too; fewer than limit / 512 of them per session cannot
    hold the limit.
    """
    malloc, found = bytes_.get("malloc"), bytes_[by]
    if malloc is None or _explain(_small_rate(situation, blocks), found):
        return _growing(situation, by, found)
    if not malloc.standing.calm or (blocks is not None and blocks.standing is Standing.OPEN):
        return Decision(Standing.OPEN, reason=f"{by} grows; whether what is in use does, is open")
    growth, free_growth = tail_growths(situation)
    if not is_fragmentation(growth, free_growth):
        return _unless_used_again(situation, by, found)
    if malloc.standing is Standing.RELEASED:
        return Decision(Standing.RELEASED, by, Kind.RELEASED_LATE, standing_reason(malloc))
    return Decision(
        found.standing if "fragmentation" in situation.policy.fail_on else Standing.FLAT,
        by,
        Kind.FRAGMENTATION,
        f"{by} grows by {format_size(found.rate or 0)} per session, while what is in use does not",
    )


def _released_late(
    situation: Situation, bytes_: dict[str, Evidence], blocks: Evidence | None
) -> Decision | None:
    """Where what is open is memory that the allocators hold, since a wait took what was in it;
    None where not.
    """
    malloc = bytes_.get("malloc")
    if malloc is None or not malloc.standing.calm:
        return None
    if malloc.standing is Standing.RELEASED and _is_held_free(situation):
        return Decision(Standing.RELEASED, "malloc", Kind.RELEASED_LATE, standing_reason(malloc))
    refilling, small = Refilling.of(situation), _small_rate(situation, blocks)
    if refilling is None or refilling.sessions < STEP_SPAN_SESSIONS:
        return None
    level = all(
        refilling.is_level(_METRICS[by], one.limit) and not _explain(small, one)
        for by, one in _not_calm(bytes_).items()
    )
    return USED_AGAIN if level else None


def _unless_used_again(situation: Situation, by: str, found: Evidence) -> Decision:
    """Growth outside that a wait did not take: open where its pages may be those of what the
    wait took.
    """
    growing = _growing(situation, by, found)
    refilling = Refilling.of(situation)
    if refilling is None:
        return growing
    if refilling.sessions >= STEP_SPAN_SESSIONS:
        return USED_AGAIN if refilling.is_level(_METRICS[by], found.limit) else growing
    may_tell = situation.may_idle and not situation.final and not refilling.is_over
    words = f"{by} stays up after a late release; whether sessions use it again is open"
    return (
        Decision(Standing.OPEN, by, reason=words)
        if may_tell and found.standing is Standing.LEAK
        else growing
    )


def _small_rate(situation: Situation, blocks: Evidence | None) -> float:
    """Small objects more per session; none where containers with a bound account for what a wait
    has left of them.
    """
    if blocks is None or not blocks.standing.growing:
        return 0.0
    fills, lasting = filling(situation.record), lasting_rate(situation, blocks, "blocks")
    accounted = fills is not None and fills.explains(
        lasting * USUAL_BLOCK_BYTES, 0.0, fills.bytes_per_session
    )
    return 0.0 if accounted else blocks.rate or 0.0


def _explain(small_rate: float, outside: Evidence) -> bool:
    """Whether so many small objects a session may hold what grows outside."""
    return small_rate > 0 and small_rate * SMALL_BLOCK_BYTES >= (outside.rate or 0) / 2


def _near_the_limit(bytes_: dict[str, Evidence], small_rate: float, outside: Sequence[str]) -> bool:
    """Bytes outside grow by more than the limit, but in pages too coarse to be sure; an exact count
    of the small objects that explain it is sure.
    """
    return bool(outside) and all(
        bytes_[by].trend.latest is not None
        and (bytes_[by].rate or 0) > bytes_[by].limit
        and not bytes_[by].standing.calm
        and _explain(small_rate, bytes_[by])
        for by in outside
    )


def _by_budget(
    situation: Situation, bytes_: dict[str, Evidence], budget: float, name: str
) -> Decision:
    by = held_metric(situation.record)
    found = bytes_[by]
    growth = float(found.series.x[-1] - found.series.x[0])
    if growth < budget:
        return Decision(
            Standing.OPEN, by, reason=f"grew by {format_size(growth)}, less than {name}"
        )
    if (found.rate or 0.0) <= found.limit:
        reason = (
            f"grew by {format_size(growth)}, over {name}, but by less than the limit for each "
            f"session"
        )
        return Decision(Standing.OPEN, by, reason=reason)
    if not steady_growth(found.series.t, found.series.x):
        reason = (
            f"grew by {format_size(growth)}, over {name}, but not steadily enough, or too soon, "
            f"to call it a leak"
        )
        return Decision(Standing.OPEN, by, reason=reason)
    standing = after_idle(situation, by, found.series, found.limit, int(found.series.cycles[-1]))
    if standing is Standing.RELEASED:
        return Decision(
            standing, by, Kind.RELEASED_LATE, "grew, and was released while the run idled"
        )
    return Decision(
        standing, by, reason=f"grew steadily by {format_size(growth)}, over {name}", confirmed=False
    )


def _is_held_free(situation: Situation) -> bool:
    """Whether what RSS has grown by from one wait to the next is memory that malloc holds and
    nobody uses.
    """
    ends = [one.values for one in situation.ends_of_waits[-2:]]
    names = {"rss", "malloc_system", "malloc_in_use"}
    if len(ends) < 2 or not all(names <= values.keys() for values in ends):
        return False
    free = [values["malloc_system"] - values["malloc_in_use"] for values in ends]
    return is_fragmentation(ends[1]["rss"] - ends[0]["rss"], free[1] - free[0])


def _outcome(
    situation: Situation, decision: Decision, held: Series
) -> tuple[Outcome, Kind | None, str]:
    match decision.standing:
        case Standing.LEAK:
            return (
                Outcome.LEAK,
                decision.kind or leak_kind(_rates(situation, held)),
                decision.reason,
            )
        case Standing.FLAT | Standing.RELEASED:
            kind, words = (
                (decision.kind, decision.reason) if decision.kind else flat_kind(held.t, held.x)
            )
            return Outcome.FLAT, kind, words
        case Standing.OPEN | Standing.SUSPECT:
            return Outcome.INCONCLUSIVE, None, decision.reason


def _unless_filling(situation: Situation, decision: Decision, held: Evidence) -> Decision:
    """Growth that containers with a bound account for is no leak: they will be full."""
    is_plain = decision == Decision(Standing.FLAT)
    found = filling(situation.record) if decision.standing.growing or is_plain else None
    rate = lasting_rate(situation, held, held_metric(situation.record))
    if found is None or not found.explains(rate, held.limit, found.bytes_per_session):
        return decision
    if is_plain and not (found.is_going_on and found.accounts_for_most(rate)):
        return decision
    return Decision(Standing.FLAT, decision.by, Kind.FILLING, found.told)


def _went_with_collection(
    situation: Situation, bytes_: dict[str, Evidence], by: str | None
) -> bool:
    """Malloc says it where it was read: what a collection frees need not go back to the system."""
    names = [name for name in ("malloc", by or "malloc") if name in bytes_]
    return any(went_with_collection(situation, bytes_[name], _METRICS[name]) for name in names)


def _rates(situation: Situation, held: Series) -> Rates:
    def rate(metric: str) -> float | None:
        series = situation.record.series(metric)
        return tail_rate(series.t, series.x) if len(series.x) > 1 else None

    in_use = situation.record.series("malloc_in_use")
    metric, events = ("malloc_in_use", in_use) if len(in_use.x) > 1 else ("uss", held)
    return Rates(
        total=tail_rate(held.t, held.x),
        children=_children_rate(situation, held_metric(situation.record)),
        malloc=rate("malloc_in_use"),
        blocks=rate("blocks"),
        objects=rate("gc_objects"),
        leaking_share=leaking_share(events.t, events.x, METRICS[metric].quantum),
    )


def _children_rate(situation: Situation, metric: str) -> float:
    """Growth per session, over the tail, of all processes but the one that was started."""
    rests = situation.record.rests
    ready = situation.record.ready
    if ready is None or len(rests) < 2:
        return 0.0
    start = min(len(rests) - 2, first_of_tail(len(rests) - 1))
    sums = [
        sum(
            process.values.get(metric, 0.0)
            for process in rests[at].processes
            if process.pid != ready.pid
        )
        for at in (start, -1)
    ]
    return (sums[1] - sums[0]) / max(1, rests[-1].sessions - rests[start].sessions)


def _tags(situation: Situation, decision: Decision, bytes_: dict[str, Evidence]) -> tuple[Tag, ...]:
    found = bytes_[decision.by or held_metric(situation.record)]
    latest = found.trend.latest
    shape = tags(found.series.t, found.series.x, latest) if latest is not None else ()
    unwaited = situation.is_worth_waiting and not situation.record.idles
    return shape if decision.confirmed and not unwaited else (*shape, Tag.UNCONFIRMED)


def _peak(situation: Situation, metric: str) -> float:
    record = situation.record
    readings = [rest.values for rest in record.rests] + [cycle.peaks for cycle in record.cycles]
    return max(
        values[metric]
        for values in [*readings, *(beat.values for beat in record.beats)]
        if metric in values
    )


def _smallest_detectable(look: Look | None, limit: float) -> float | None:
    """The least growth per session that this tail, with its noise and jumps, would have shown to be
    over the limit.

    It must exceed the limit after the largest jump and 2.5 times the noise are taken off; a jump
    that is the growth itself, once a cycle, does not count.
    """
    if look is None:
        return None
    own = 2 * max(0.0, look.rate) * look.span / max(1, look.sample - look.warmup)
    return limit + (max(0.0, look.jump - own) + 2.5 * look.noise) / look.span


def _open_reason(bytes_: dict[str, Evidence]) -> str:
    names: dict[str, list[str]] = {}
    for by, one in _not_calm(bytes_).items():
        names.setdefault(standing_reason(one), []).append(by)
    return "; ".join(f"{', '.join(bys)}: {reason}" for reason, bys in names.items())

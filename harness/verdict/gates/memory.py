"""The memory gate: malloc in use, USS and RSS, decided together, with kind and tags."""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import isfinite
from typing import Final

import numpy as np

from ...record.facts import reported_metric
from ...record.metrics import METRICS, names
from ...record.policy import KIB
from ...record.record import Series
from ...units import format_size
from ..evidence import Evidence, sessions_needed
from ..gate import GateEntry, GateResult
from ..growth_engine import NOISE_FACTOR, Look
from ..growth_rates import tail_rate
from ..growth_rules import GROWTH_RULES, GrowthFacts
from ..guard_rules import GuardReading
from ..kinds import Rates, flat_kind, leak_kind, leaking_share, tags
from ..look_schedule import first_of_tail
from ..memory_answer import MemoryAnswer
from ..memory_facts import MALLOC_SHARE, METRIC_OF, MemoryFacts
from ..memory_rules import MEMORY_RULES
from ..metric_rules import METRIC_RULES
from ..outcome import KINDS_IN_PYTHON, Gate, Kind, Status, Tag
from ..rows import Row, change, known, named_values, signed
from ..rules import Rule, Step, first_answer, source
from ..situation import Situation
from ..suspects import suspects
from ..waits import is_worth_waiting

LIMIT_PROBE_BYTES: Final = KIB
"""Growth per session that is still flat, with the probe (docs/verdict.md#constants)."""
LIMIT_BARE_BYTES: Final = 4 * KIB
"""Growth per session that is still flat, without the probe (docs/verdict.md#constants)."""
SHARE_OF_CONTAINERS: Final = 0.5
"""Share of the growth that containers of Python hold, from which on it is not called native."""
HEAP_STEP_SHARE: Final = 0.25
"""Share of the growth over the tail above which one rise is a step, and not told as a rate."""


@dataclass(frozen=True, slots=True)
class MemoryGate(Gate):
    """Bytes: malloc in use, USS and RSS, decided together."""

    kind: Kind | None = None
    tags: tuple[Tag, ...] = ()
    decided_by: str | None = None
    metric: str | None = None
    first: float | None = None
    last: float | None = None
    peak: float | None = None
    growth_per_session: float | None = None
    bounds: tuple[float, float] | None = None
    limit: float | None = None
    smallest_detectable: float | None = None


def _not_measured(facts: MemoryFacts | None) -> bool | None:
    return True if facts is None else None


NOT_MEASURED: Final[Rule[MemoryFacts | None, bool]] = Rule(
    "memory.not-measured",
    "No sample holds USS or RSS: not measured.",
    source("gates"),
    _not_measured,
)


def limit_bytes(situation: Situation) -> int:
    """Growth per session that is still flat."""
    default = LIMIT_PROBE_BYTES if situation.probe else LIMIT_BARE_BYTES
    return default if situation.policy.limit_bytes is None else situation.policy.limit_bytes


def decide(situation: Situation) -> GateResult:
    """Whether memory grows with the sessions, and what of it."""
    limit = limit_bytes(situation)
    facts = MemoryFacts.of(situation, limit)
    if facts is None:
        _, trace = first_answer([NOT_MEASURED], facts)
        words = "the server's memory could not be read"
        return GateResult(MemoryGate(Status.NOT_MEASURED, words, limit=limit, trace=trace))
    grown, first_steps = first_answer(MEMORY_RULES, facts)
    answer, second_steps = first_answer(GROWTH_RULES, GrowthFacts(facts, grown))
    trace = (*_metric_steps(facts), *first_steps, *second_steps)
    gate = _gate(situation, facts, answer, limit, trace)
    not_flat = facts.not_flat.values()
    since = [growth.trend.suspected_sessions for growth in not_flat]
    needed: list[int] = []
    if gate.outcome is Status.INCONCLUSIVE:
        needed = [sessions_needed(situation, growth) for growth in not_flat]
    return GateResult(
        gate,
        suspect=answer.standing.suspect,
        suspected_sessions=min((at for at in since if at is not None), default=None),
        sessions_needed=max(needed, default=None),
    )


def _metric_steps(facts: MemoryFacts) -> list[Step]:
    """How each metric that takes part has been decided."""
    metrics = [*facts.bytes_by.values(), *([facts.blocks] if facts.blocks is not None else [])]
    return [step for metric in metrics for step in metric.trace]


def _gate(
    situation: Situation,
    facts: MemoryFacts,
    answer: MemoryAnswer,
    limit: int,
    trace: tuple[Step, ...],
) -> MemoryGate:
    reported = facts.bytes_by[facts.reported]
    by = facts.reported if answer.by is None else answer.by
    decided = facts.bytes_by[by]
    leaks = answer.status is Status.LEAK
    kind, reason = _kind(situation, answer, reported.series)
    rate, bounds = _without_step(decided) if leaks else (decided.rate, decided.bounds)
    gate = MemoryGate(
        outcome=answer.status,
        reason=reason,
        trace=trace,
        kind=kind,
        tags=_tags(situation, facts, answer) if leaks else (),
        decided_by=answer.by,
        metric=METRIC_OF[by],
        first=float(decided.series.x[0]),
        last=float(decided.series.x[-1]),
        peak=_peak(situation, METRIC_OF[by]),
        growth_per_session=rate,
        bounds=bounds,
        limit=limit,
        smallest_detectable=_smallest_detectable(reported.trend.latest, limit),
    )
    if facts.stop is None or answer.kind is not Kind.UNATTRIBUTED:
        return gate
    seen = GuardReading.of(facts.stop, facts)
    return replace(
        gate,
        metric=names.RSS,
        first=seen.first,
        last=seen.last,
        peak=max(seen.last, _peak(situation, names.RSS)),
        growth_per_session=seen.growth_per_session,
        bounds=None,
    )


def _without_step(growth: Evidence) -> tuple[float | None, tuple[float, float] | None]:
    """Growth per session of what leaks, and its bounds. One rise between two samples that is a
    quarter of the growth above the usual is a step of the heap. It is not a rate.
    """
    latest = growth.trend.latest
    if latest is None:
        return growth.rate, growth.bounds
    tail = slice(latest.warmup, latest.sample + 1)
    rises, sessions = np.diff(growth.series.x[tail]), np.diff(growth.series.t[tail])
    usual = float(np.median(rises / sessions))
    step = float((rises - usual * sessions).max())
    if step <= HEAP_STEP_SHARE * latest.rate * latest.span:
        return growth.rate, growth.bounds
    per_session = step / latest.span
    return latest.rate - per_session, (latest.lower, latest.upper - per_session)


def _kind(situation: Situation, answer: MemoryAnswer, reported: Series) -> tuple[Kind | None, str]:
    """What sort of leak or of flat it is, and why, in words."""
    if answer.status is Status.INCONCLUSIVE:
        return None, answer.standing.reason
    if answer.kind is not None:
        return answer.kind, answer.standing.reason
    if answer.status is Status.LEAK:
        return _leak_kind(situation, reported), answer.standing.reason
    return flat_kind(reported.t, reported.x)


def _leak_kind(situation: Situation, reported: Series) -> Kind:
    """Where leaked memory lies. What a container of Python holds half of is not native."""
    rates, record = _rates(situation, reported), situation.record
    kind = leak_kind(rates)
    held = sum(
        suspect.per_session * record.causes[suspect.key].bytes
        for suspect in suspects(record)
        if suspect.key in record.causes
    )
    is_held = kind is Kind.NATIVE and held >= SHARE_OF_CONTAINERS * rates.total > 0
    return Kind.PYTHON if is_held else kind


def _rates(situation: Situation, reported: Series) -> Rates:
    def rate(metric: str) -> float | None:
        series = situation.record.series(metric)
        return tail_rate(series.t, series.x) if len(series.x) > 1 else None

    in_use = situation.record.series(names.MALLOC_IN_USE)
    metric, events = (names.MALLOC_IN_USE, in_use) if len(in_use.x) > 1 else (names.USS, reported)
    return Rates(
        total=tail_rate(reported.t, reported.x),
        children=_children_rate(situation, reported_metric(situation.record)),
        malloc=rate(names.MALLOC_IN_USE),
        blocks=rate(names.BLOCKS),
        objects=rate(names.TRACKED_OBJECTS),
        leaking_share=leaking_share(events.t, events.x, METRICS[metric].quantum),
    )


def _children_rate(situation: Situation, metric: str) -> float:
    """Growth per session, over the tail, of all processes but the one that was started."""
    rests = situation.record.rests
    ready = situation.record.ready
    if ready is None or len(rests) < 2:
        return 0.0
    start = min(len(rests) - 2, first_of_tail(len(rests) - 1))

    def held(at: int) -> float:
        children = [process for process in rests[at].processes if process.pid != ready.pid]
        return sum(process.values.get(metric, 0.0) for process in children)

    return (held(-1) - held(start)) / max(1, rests[-1].sessions - rests[start].sessions)


def _tags(situation: Situation, facts: MemoryFacts, answer: MemoryAnswer) -> tuple[Tag, ...]:
    growth: Evidence = facts.bytes_by[answer.by or facts.reported]
    latest = growth.trend.latest
    shape = tags(growth.series.t, growth.series.x, latest) if latest is not None else ()
    unwaited = is_worth_waiting(situation) and not situation.record.idles
    return shape if answer.confirmed and not unwaited else (*shape, Tag.UNCONFIRMED)


def _peak(situation: Situation, metric: str) -> float:
    record = situation.record
    readings = [rest.values for rest in record.rests]
    readings += [cycle.peaks for cycle in record.cycles]
    readings += [sample.values for sample in record.fast_samples]
    return max(values[metric] for values in readings if metric in values)


def _smallest_detectable(look: Look | None, limit: float) -> float | None:
    """The least growth per session that this tail, with its noise and jumps, would have shown to be
    over the limit.

    It must exceed the limit after the largest jump and 2.5 times the noise are taken off; a jump
    that is the growth itself, once a cycle, does not count.
    """
    if look is None:
        return None
    return limit + (look.excess_jump + NOISE_FACTOR * look.noise) / look.span


def row(name: str, gate: MemoryGate) -> Row:
    """The gate as a row of a table."""
    # A flat gate of the kind flat is flat and nothing else.
    kinds = [kind for kind in (gate.kind, *gate.tags) if kind and kind is not Kind.FLAT]
    growth = gate.growth_per_session
    metric = label_of(gate) if gate.metric else ""
    peak = named_values({"peak": gate.peak}, format_size)
    return Row(
        name,
        gate.outcome,
        kind=", ".join(kinds),
        growth="" if growth is None else signed(growth, format_size),
        bounds="" if gate.bounds is None else " to ".join(map(format_size, gate.bounds)),
        limit="" if gate.limit is None else format_size(limit_of_metric(gate)),
        changes=known(change(metric, gate.first, gate.last, format_size), peak),
        reason=gate.reason,
    )


def summary(_: str, gate: MemoryGate, sessions: int) -> str:
    """Why the gate fails the run, or what a flat run has shown."""
    if gate.outcome is Status.FLAT:
        return _flat_summary(gate, sessions)
    unconfirmed = ", unconfirmed" if Tag.UNCONFIRMED in gate.tags else ""
    return f"memory grows by {growth_words(gate)}, shown by {label_of(gate)}{unconfirmed}"


def growth_words(gate: MemoryGate) -> str:
    """How much per session, with its interval and the limit."""
    size = format_size(gate.growth_per_session or 0)
    held = f"limit {format_size(limit_of_metric(gate))}"
    if limit_of_metric(gate) != gate.limit:
        held = f"{held}, half of {format_size(gate.limit or 0)}"
    between = ""
    if gate.bounds is not None and all(map(isfinite, gate.bounds)):
        between = f"{' to '.join(map(format_size, gate.bounds))}; "
    return f"{size} per session ({between}{held})"


def label_of(gate: MemoryGate) -> str:
    """The metric that decided, in words."""
    return METRICS[gate.metric or names.RSS].label


def limit_of_metric(gate: MemoryGate) -> float:
    """The limit that decided: malloc in use is held to half of what was asked for. Where it grows
    by more than the whole, that is the plainer number.
    """
    limit = gate.limit or 0.0
    is_half = gate.decided_by == "malloc" and (gate.growth_per_session or 0.0) <= limit
    return limit * MALLOC_SHARE if is_half else limit


def _flat_summary(gate: MemoryGate, sessions: int) -> str:
    limit = f"(limit {format_size(gate.limit or 0)})"
    if gate.kind is Kind.FRAGMENTATION:
        return f"the heap is fragmented: {gate.reason} {limit}"
    if gate.kind is Kind.FILLING:
        return f"memory grows, but {gate.reason} {limit}"
    if gate.kind is Kind.RELEASED_LATE:
        return (
            f"memory grew and was released later: after {sessions} sessions, no growth over the "
            f"limit remains {limit}"
        )
    upper = gate.bounds[1] if gate.bounds else 0.0
    if upper <= 0:
        return f"memory did not grow over {sessions} sessions {limit}"
    most = format_size(upper)
    return f"memory grew by less than {most} per session over {sessions} sessions {limit}"


GATE: Final = GateEntry(
    name="memory",
    label_zh="内存",
    order=10,
    result=MemoryGate,
    decide=decide,
    row=row,
    summary=summary,
    rules=(NOT_MEASURED, *METRIC_RULES, *MEMORY_RULES, *GROWTH_RULES),
    explained_by=KINDS_IN_PYTHON | {"native"},
    may_settle_by_wait=True,
)

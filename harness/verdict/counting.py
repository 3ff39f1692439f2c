"""Gates of exact counters: tracked objects, tasks, threads, descriptors, children, files.

Each is one metric with a limit. Objects are excused where containers with a maximum account for
them, and tasks are also asked for by their sessions.
"""

from __future__ import annotations

from dataclasses import dataclass

from ..record.metrics import METRICS, CounterLimit, Metric, names
from ..record.policy import Policy
from ..units import format_count
from .bounded_growth import objects_when_full
from .counter_rules import CounterFacts, rules_of
from .evidence import Evidence, evidence, lasting_rate, sessions_needed
from .exhaustion import exhaustion
from .gate import GateEntry, GateResult
from .metric_rules import METRIC_RULES
from .orphan_tasks import orphans
from .outcome import Gate, Kind, Status
from .rows import Row, change, known, signed
from .rules import first_answer
from .situation import Situation
from .suspects import unsure
from .uncollected import uncollected
from .waits import may_wait


@dataclass(frozen=True, slots=True)
class CounterGate(Gate):
    """Objects, tasks, threads, descriptors, children or files: exact counts."""

    first: float | None = None
    last: float | None = None
    growth_per_session: float | None = None
    bounds: tuple[float, float] | None = None
    limit: float | None = None
    kind: Kind | None = None
    """Why it is flat although it grew, as memory has it: `released-late`, `filling`."""


def counter_gate(situation: Situation, metric: str) -> GateResult:
    """How a counter stands.

    Args:
        situation: where the run is.
        metric: the counter's name among the metrics.
    """
    guard = METRICS[metric].guard_sessions
    limit = _limit(situation.policy, METRICS[metric].gate)
    counted = evidence(situation, metric, limit, guard)
    met = exhaustion(situation.record)
    facts = CounterFacts(
        metric=metric,
        counted=counted,
        growth_per_session=0.0 if counted is None else lasting_rate(situation, counted),
        limit_per_session=limit,
        filling=situation.filling if metric == names.TRACKED_OBJECTS else None,
        unsure=unsure(situation.record) if metric == names.TRACKED_OBJECTS else None,
        swing=None if counted is None else _swing(counted),
        full_objects=(
            objects_when_full(situation.record) if metric == names.TRACKED_OBJECTS else None
        ),
        upper_per_session=None if counted is None or not counted.bounds else counted.bounds[1],
        is_past_guard=situation.sessions >= situation.full_guard,
        is_over=_is_over(situation),
        orphans=orphans(situation) if metric == names.TASKS else None,
        is_final=situation.final,
        uncollected=uncollected(situation, metric),
        exhaustion=met if met is not None and metric in met.rates else None,
    )
    answer, trace = first_answer(rules_of(metric), facts)
    standing = answer.standing
    if counted is None:
        gate = CounterGate(standing.status, standing.reason, limit=limit, trace=trace)
        return GateResult(gate)
    x, is_open = counted.series.x, standing.status is Status.INCONCLUSIVE
    gate = CounterGate(
        standing.status,
        standing.reason,
        float(x[0]),
        float(x[-1]),
        counted.rate if answer.per_session is None else answer.per_session,
        counted.bounds if answer.per_session is None else None,
        limit,
        answer.kind,
        trace=(*counted.trace, *trace),
    )
    return GateResult(
        gate,
        suspect=standing.suspect,
        suspected_sessions=answer.since_sessions,
        sessions_needed=sessions_needed(situation, counted, guard) if is_open else None,
    )


def _limit(policy: Policy, rule: CounterLimit | None) -> float:
    """Growth per session that is still flat: the metric's own, else that of the policy."""
    if rule is None:
        return policy.counter_limit
    policy_limit: float = getattr(policy, rule.policy_limit)
    return policy_limit if rule.limit is None else rule.limit


def _is_over(situation: Situation) -> bool:
    return situation.at_bounds and (situation.latest.idle or not may_wait(situation))


def _swing(counted: Evidence) -> float | None:
    latest = counted.trend.latest
    if latest is None:
        return None
    tail = counted.series.x[latest.warmup :]
    return float(tail.max() - tail.min())


def counter_row(name: str, gate: CounterGate) -> Row:
    """The row of a counter."""
    growth = gate.growth_per_session
    return Row(
        name,
        gate.outcome,
        kind=gate.kind or "",
        growth="" if growth is None else signed(growth, format_count),
        bounds="" if gate.bounds is None else " to ".join(map(format_count, gate.bounds)),
        limit="" if gate.limit is None else format_count(gate.limit),
        changes=known(change("", gate.first, gate.last, format_count)),
        reason=gate.reason,
    )


def counter_entry(metric: Metric, rule: CounterLimit) -> GateEntry:
    """A gate of one counter.

    Args:
        metric: what is counted.
        rule: the gate that the metric asks for.
    """

    def summary(_: str, gate: CounterGate, __: int) -> str:
        growth = format_count(gate.growth_per_session or 0)
        return f"{metric.label} grow by {growth} per session (limit {gate.limit:g})"

    return GateEntry(
        name=rule.gate,
        label_zh=metric.label_zh,
        order=rule.order,
        result=CounterGate,
        decide=lambda situation: counter_gate(situation, metric.name),
        row=counter_row,
        summary=summary,
        rules=(*METRIC_RULES, *rules_of(metric.name)),
        explained_by=frozenset(rule.explained_by),
        may_settle_by_wait=True,
    )

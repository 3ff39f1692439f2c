"""The judge: a record in; the verdict as it stands, and the run's next step, out.

Pure: the same record gives the same judgement on any machine, at any time. The record holds the
policy that the run is held to. Each gate is decided for itself (`gates`); here they are put
together: the verdict by the first rule that answers (`verdict_rules`), its findings, and what to do
next.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from ..record.facts import reported_metric
from ..record.policy import Policy
from ..record.record import RunRecord
from .allowances import allowed_findings, excused_gates
from .bounded_growth import is_in_bounded
from .doubts import MAX_FAILED_SHARE, doubts_of
from .findings import all_findings, as_notice, shown, why_unexplained, worth_telling
from .gate import GateResult
from .gates import entries
from .look_schedule import first_of_tail, look_numbers
from .outcome import (
    Finding,
    Judgement,
    Kind,
    NextStep,
    Status,
    Verdict,
    VerdictName,
)
from .rules import Rule, first_answer
from .situation import Situation
from .summary import summarise
from .units_of_run import in_units
from .verdict_rules import VERDICT_RULES, VerdictFacts
from .waits import due_wait

GIVE_UP_SESSIONS: Final = 5
"""A run without fixed cycles stops from here on when most of its sessions fail."""
_FAILING: Final = (VerdictName.LEAK, VerdictName.DEGRADED)


def judge(record: RunRecord) -> Judgement:
    """The verdict as it stands, and what the run should do next.

    Args:
        record: the run as far as it has come, with the policy that it is held to.
    """
    situation = Situation.of(record)
    results = {name: gate.decide(situation) for name, gate in entries().items()}
    facts = VerdictFacts(
        situation, _counted(results, situation.policy), doubts_of(record), _stood(record)
    )
    allowed = _allowed(record, facts, results)
    facts = replace(facts, counted=allowed.counted)
    name, trace = first_answer(VERDICT_RULES, facts)
    findings = _findings(name, allowed, record)
    best = shown(findings, first=_pointed_at(name, results))
    as_shown = {
        gate: _told_as_allowed(result, allowed.excused[gate]) if gate in allowed.excused else result
        for gate, result in results.items()
    }
    verdict = Verdict(
        name=name,
        summary="",
        gates={gate: result.gate for gate, result in as_shown.items()},
        doubts=facts.doubts,
        findings=best,
        unshown=tuple(finding for finding in findings if finding not in best),
        warmup_cycles=_warmup_cycles(situation),
        first_suspicion_sessions=_first_suspicion(facts),
        open_gates=facts.having(Status.INCONCLUSIVE),
        unexplained="" if best or name is not VerdictName.LEAK else why_unexplained(record),
        sessions_needed=_sessions_needed(facts) if name is VerdictName.INCONCLUSIVE else None,
        trace=trace,
    )
    counted = {gate: result.gate for gate, result in facts.counted.items()}
    summary = summarise(verdict, record, counted, [*allowed.excused])
    return _with_next_step(in_units(replace(verdict, summary=summary), record.started.per), facts)


def _stood(record: RunRecord) -> VerdictName | None:
    """What had been decided when the user stopped the run; None where nothing was."""
    if not any(incident.interrupted for incident in record.incidents):
        return None
    incidents = [incident for incident in record.incidents if not incident.interrupted]
    before = judge(replace(record, incidents=incidents, ended=None))
    is_decided = before.next in (NextStep.EXPLAIN, NextStep.STOP)
    return before.verdict.name if is_decided and before.verdict.name in _FAILING else None


def every_rule() -> tuple[Rule[Any, Any], ...]:
    """All rules that a judgement may ask, each once: those of the gates, then of the verdict."""
    rules = [rule for gate in entries().values() for rule in gate.rules]
    return tuple({rule.id: rule for rule in [*rules, *VERDICT_RULES]}.values())


def _counted(results: Mapping[str, GateResult], policy: Policy) -> dict[str, GateResult]:
    """Gates that can fail the run."""
    on_request = {name for name, gate in entries().items() if gate.fails_only_on_request}
    left_out = {*policy.allow, *(on_request - {*policy.fail_on})}
    return {name: result for name, result in results.items() if name not in left_out}


@dataclass(frozen=True, slots=True)
class _Allowed:
    """What the allow-list makes of the gates."""

    counted: Mapping[str, GateResult]
    """Gates that can fail the run, without those that are excused by their findings."""
    excused: Mapping[str, str]
    """Gates that would have failed it, each with the reason why they do not."""
    before: VerdictName
    """The verdict before any gate was excused by its findings."""
    findings: tuple[Finding, ...]
    """All that there are."""
    known: frozenset[Finding]
    """Those among them that are allowed."""


def _allowed(record: RunRecord, facts: VerdictFacts, results: Mapping[str, GateResult]) -> _Allowed:
    policy = record.started.policy
    before, _ = first_answer(VERDICT_RULES, facts)
    failing = [
        name
        for name, result in results.items()
        if result.gate.outcome in (Status.LEAK, Status.DRIFT)
    ]
    excused = {name: policy.reasons.get(name, "") for name in failing if name in policy.allow}
    findings = all_findings(record)
    if before not in _FAILING:
        return _Allowed(facts.counted, excused, before, findings, frozenset())
    known = allowed_findings(record, findings, policy)
    counted_failing = [name for name in failing if name in facts.counted]
    by_findings = excused_gates(counted_failing, findings, known, policy)
    left = {name: result for name, result in facts.counted.items() if name not in by_findings}
    return _Allowed(left, excused | by_findings, before, findings, known)


def _told_as_allowed(result: GateResult, why: str) -> GateResult:
    allowed = f"allowed: {why}" if why else "allowed"
    reason = "; ".join(filter(None, (result.gate.reason, allowed)))
    return replace(result, gate=replace(result.gate, reason=reason, allowed=True))


def _findings(name: VerdictName, allowed: _Allowed, record: RunRecord) -> tuple[Finding, ...]:
    """All findings that the verdict tells of, each a leak or a notice.

    What a cache with a bound holds is a notice where something else leaks.
    """
    if allowed.before not in _FAILING:
        return _as_notices(
            finding for finding in worth_telling(allowed.findings) if finding.kind == "container"
        )
    if name not in _FAILING:
        return _as_notices(allowed.findings)
    bounded = {finding for finding in allowed.findings if is_in_bounded(finding.chain, record)}
    if len(bounded | allowed.known) == len(allowed.findings):
        bounded = set()
    return tuple(
        as_notice(finding) if finding in bounded | allowed.known else finding
        for finding in allowed.findings
    )


def _as_notices(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    return tuple(as_notice(finding) for finding in findings)


def _pointed_at(name: VerdictName, results: Mapping[str, GateResult]) -> Collection[str]:
    """Kinds of findings that are shown first."""
    if name is VerdictName.DEGRADED:
        return frozenset(("cpu",))
    kind = getattr(results["memory"].gate, "kind", None)
    return frozenset(("garbage",) if kind is Kind.NOT_YET_COLLECTED else ())


def _with_next_step(verdict: Verdict, facts: VerdictFacts) -> Judgement:
    """Go on, wait for late releases, explain, or stop."""
    situation, gates = facts.situation, entries()
    if situation.ended:
        return Judgement(verdict, NextStep.STOP)
    if not situation.final and not _may_stop_early(facts):
        return Judgement(verdict, NextStep.CONTINUE)
    if not facts.leaking_gates:
        open_gates = facts.having(Status.INCONCLUSIVE)
        may_settle = any(gates[name].may_settle_by_wait for name in open_gates)
        wait = due_wait(situation, suspect=facts.suspect, may_settle=may_settle)
        if wait is not None:
            return Judgement(verdict, NextStep.WAIT, wait)
    record = situation.record
    unexplained = situation.policy.explain and record.has_probe and not record.explained
    drifting = facts.having(Status.DRIFT)
    explains = facts.leaking_gates or any(gates[name].explains_drift for name in drifting)
    return Judgement(verdict, NextStep.EXPLAIN if unexplained and explains else NextStep.STOP)


def _may_stop_early(facts: VerdictFacts) -> bool:
    situation = facts.situation
    if situation.policy.fixed_cycles is not None:
        return False
    if facts.mostly_failed and situation.sessions >= GIVE_UP_SESSIONS:
        return True
    decided = facts.suspect or facts.leaking_gates or not facts.open_gates
    return bool(decided) and len(situation.record.cycles) >= situation.policy.min_cycles


def _warmup_cycles(situation: Situation) -> int:
    cycles = situation.record.series(reported_metric(situation.record)).cycles
    looks = look_numbers(len(cycles) - 1, final=situation.final)
    if not looks or not len(cycles):
        return 0
    return int(cycles[min(looks[-1], first_of_tail(looks[-1]))])


def _first_suspicion(facts: VerdictFacts) -> int | None:
    """Of gates that are not shown to be flat."""
    since = [
        result.suspected_sessions
        for result in facts.counted.values()
        if result.gate.outcome is not Status.FLAT
    ]
    return min((round(sessions) for sessions in since if sessions is not None), default=None)


def _sessions_needed(facts: VerdictFacts) -> int | None:
    """None also where the memory budget ends any run, however long it was meant to be."""
    if facts.situation.over_budget:
        return None
    needed = [
        result.sessions_needed
        for result in facts.counted.values()
        if result.sessions_needed is not None
    ]
    needed.append(round(facts.failed_sessions / MAX_FAILED_SHARE) - facts.sessions)
    return max(needed) if max(needed) > 0 else None

"""The judge: a record and a policy in; the verdict as it stands, and the run's next step, out.

Pure: the same record gives the same judgement on any machine, at any time. Each gate is decided for
itself (gates, memory); here they are put together: doubts, the verdict by the first rule that
fires, and what to do next.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Final

from harness.record.metrics import DECISIVE
from harness.record.policy import Policy
from harness.record.record import RestSample, RunRecord
from harness.verdict.allowances import allowed_findings, excused_gates
from harness.verdict.evidence import Situation, held_metric
from harness.verdict.findings import all_findings, shown, why_unexplained, worth_telling
from harness.verdict.gates.containers import containers_gate
from harness.verdict.gates.counters import COUNTERS, Judged, counter_gate, cpu_gate, latency_gate
from harness.verdict.gates.log import files_gate, log_gate
from harness.verdict.gates.memory import memory_gate
from harness.verdict.growth_engine import first_of_tail, look_numbers
from harness.verdict.outcome import (
    Finding,
    Judgement,
    Kind,
    NextStep,
    Outcome,
    Verdict,
    VerdictName,
)
from harness.verdict.problems import problems
from harness.verdict.summary import summarise
from harness.verdict.suspects import MIN_LENGTHS

TOLERATED_FAILURES: Final = 0.01
TOLERATED_GAPS: Final = 0.05
"""A reading that failed now and then does not hurt: series are over sessions, not over samples."""
TOLERATED_UNSETTLED: Final = 0.2
GATES: Final = ("memory", *COUNTERS, "containers", "latency", "cpu", "log", "files")
_FAILING: Final = (VerdictName.LEAK, VerdictName.DEGRADED)
ENOUGH_SESSIONS_TO_GIVE_UP: Final = 5
"""A run without fixed cycles stops from here on when most of its sessions fail."""


@dataclass(frozen=True, slots=True)
class Facts:
    """What the rules decide on."""

    situation: Situation
    counted: Mapping[str, Judged]
    """By gate; those that never fail the run are left out."""
    doubts: tuple[str, ...]

    def having(self, outcome: Outcome) -> tuple[str, ...]:
        """Gates with this outcome."""
        return tuple(name for name, one in self.counted.items() if one.gate.outcome is outcome)

    @property
    def suspect(self) -> bool:
        """Whether something grows that may be released late."""
        return any(one.suspect for one in self.counted.values())

    @property
    def mostly_failed(self) -> bool:
        """Whether under half of the sessions did what the script says."""
        record = self.situation.record
        return record.failed_sessions > self.situation.sessions / 2


def judge(record: RunRecord, policy: Policy) -> Judgement:
    """The verdict as it stands, and what the run should do next."""
    situation = Situation.of(record, policy)
    judged = {
        "memory": memory_gate(situation),
        **{name: counter_gate(situation, metric) for name, metric in COUNTERS.items()},
        "containers": containers_gate(situation),
        "latency": latency_gate(situation),
        "cpu": cpu_gate(situation),
        "log": log_gate(situation),
        "files": files_gate(situation),
    }
    left_out = {*policy.allow, *({"files"} - set(policy.fail_on))}
    facts = Facts(
        situation,
        {name: one for name, one in judged.items() if name not in left_out},
        doubts_of(record),
    )
    name = _name(facts)
    failing = [
        gate for gate, one in judged.items() if one.gate.outcome in (Outcome.LEAK, Outcome.DRIFT)
    ]
    excused = {gate: policy.reasons.get(gate, "") for gate in failing if gate in policy.allow}
    everything = all_findings(record)
    known: frozenset[Finding] = frozenset()
    if name in _FAILING:
        known = allowed_findings(record, everything, policy)
        by_findings = excused_gates(
            [gate for gate in failing if gate in facts.counted], everything, known, policy
        )
        excused |= by_findings
        left = {gate: one for gate, one in facts.counted.items() if gate not in by_findings}
        facts = replace(facts, counted=left)
    findings = _findings(name, _name(facts), everything, known)
    name = _name(facts)
    best = shown(findings, first=_pointed_at(name, judged))
    judged |= {gate: _told_as_allowed(judged[gate], why) for gate, why in excused.items()}
    verdict = Verdict(
        name=name,
        summary="",
        gates={gate: one.gate for gate, one in judged.items()},
        doubts=facts.doubts,
        findings=best,
        unshown=tuple(finding for finding in findings if finding not in best),
        warmup_cycles=_warmup_cycles(situation),
        first_suspicion_sessions=_first_suspicion(facts),
        open_gates=facts.having(Outcome.INCONCLUSIVE),
        unexplained="" if best or name is not VerdictName.LEAK else why_unexplained(record),
        sessions_needed=_sessions_needed(facts) if name is VerdictName.INCONCLUSIVE else None,
    )
    return Judgement(
        replace(verdict, summary=summarise(verdict, record, facts.counted, [*excused])),
        next_step(facts),
    )


def _name(facts: Facts) -> VerdictName:
    return next(found for rule in RULES if (found := rule(facts)) is not None)


def _told_as_allowed(one: Judged, why: str) -> Judged:
    told = "; ".join(filter(None, (one.gate.reason, f"allowed: {why}" if why else "allowed")))
    return replace(one, gate=replace(one.gate, reason=told))


def _findings(
    before: VerdictName,
    name: VerdictName,
    findings: Sequence[Finding],
    allowed: Collection[Finding],
) -> tuple[Finding, ...]:
    """All findings that the verdict tells of, each a leak or a notice.

    Args:
        before: the verdict as it was before any gate was excused by findings.
        name: the verdict.
        findings: all that there are.
        allowed: those among them that are allowed.
    """
    if before not in _FAILING:
        return tuple(
            replace(one, severity="notice")
            for one in worth_telling(findings)
            if one.kind == "container"
        )
    fails = name in _FAILING
    return tuple(
        one if fails and one not in allowed else replace(one, severity="notice") for one in findings
    )


def _pointed_at(name: VerdictName, judged: Mapping[str, Judged]) -> frozenset[str]:
    """Kinds of findings that are shown first."""
    if name is VerdictName.DEGRADED:
        return frozenset(("cpu",))
    kind = getattr(judged["memory"].gate, "kind", None)
    return frozenset(("garbage",) if kind is Kind.NOT_YET_COLLECTED else ())


def next_step(facts: Facts) -> NextStep:
    """Go on, wait for late releases, or stop."""
    at = facts.situation
    if at.ended:
        return NextStep.STOP
    if not at.final and not _may_stop_early(facts):
        return NextStep.CONTINUE
    if not facts.having(Outcome.LEAK) and (facts.suspect or _may_a_wait_settle(facts)):
        return NextStep.IDLE
    unexplained = at.policy.explain and at.record.has_probe and not at.record.explained
    fails = facts.having(Outcome.LEAK) or "cpu" in facts.having(Outcome.DRIFT)
    return NextStep.EXPLAIN if unexplained and fails else NextStep.STOP


def _may_a_wait_settle(facts: Facts) -> bool:
    """Whether a long run ends with something open that may go by itself, such as what is let go
    of late.
    """
    at = facts.situation
    is_open = not {"memory", *COUNTERS}.isdisjoint(facts.having(Outcome.INCONCLUSIVE))
    return (
        at.at_bounds
        and at.sessions >= at.full_guard
        and is_open
        and at.may_idle
        and not at.latest.idle
    )


def _may_stop_early(facts: Facts) -> bool:
    at = facts.situation
    if at.policy.fixed_cycles is not None:
        return False
    if facts.mostly_failed and at.sessions >= ENOUGH_SESSIONS_TO_GIVE_UP:
        return True
    decided = facts.suspect or facts.having(Outcome.LEAK) or not facts.having(Outcome.INCONCLUSIVE)
    return bool(decided) and len(at.record.cycles) >= at.policy.min_cycles


def _ended_early(facts: Facts) -> VerdictName | None:
    for incident in facts.situation.record.incidents:
        if incident.interrupted:
            return VerdictName.INTERRUPTED
        if incident.fatal:
            return VerdictName.SERVER_FAILED
    return None


def _failed(facts: Facts) -> VerdictName | None:
    return VerdictName.SERVER_FAILED if facts.mostly_failed else None


def _leaks(facts: Facts) -> VerdictName | None:
    return VerdictName.LEAK if facts.having(Outcome.LEAK) else None


def _drifts(facts: Facts) -> VerdictName | None:
    return VerdictName.DEGRADED if facts.having(Outcome.DRIFT) else None


def _undecided(facts: Facts) -> VerdictName | None:
    """Open gates, or no memory: what was not looked at is not flat."""
    blind = "memory" in facts.having(Outcome.NOT_MEASURED)
    return VerdictName.INCONCLUSIVE if blind or facts.having(Outcome.INCONCLUSIVE) else None


def _doubted(facts: Facts) -> VerdictName:
    return VerdictName.INCONCLUSIVE if facts.doubts else VerdictName.FLAT


RULES: Final[tuple[Callable[[Facts], VerdictName | None], ...]] = (
    _ended_early,
    _failed,
    _leaks,
    _drifts,
    _undecided,
    _doubted,
)
"""In order: the first that answers gives the verdict."""


def doubts_of(record: RunRecord) -> tuple[str, ...]:
    """What speaks against trusting a flat verdict, in words; never against a leak."""
    found = []
    failures = [
        session.failure for cycle in record.cycles for session in cycle.sessions if not session.ok
    ]
    if len(failures) > TOLERATED_FAILURES * record.sessions:
        first = failures[0] or "no reason given"
        found.append(
            f"{len(failures)} of {record.sessions} sessions failed, the first with: {first}"
        )
    after_cycles = record.rests[1:]
    unsettled = sum(not rest.settled for rest in after_cycles)
    if unsettled > TOLERATED_UNSETTLED * len(after_cycles):
        found.append(
            f"the server did not come to rest after {unsettled} of {len(after_cycles)} cycles"
        )
    if missing := _missing_samples(record):
        found.append(missing)
    if replaced := sum(_replaced(before, after) for before, after in pairwise(record.rests)):
        found.append(
            f"a process of the server was replaced by a new one of its name, {replaced} times"
        )
    too_few = len({census.sessions for census in record.censuses}) < MIN_LENGTHS
    found += [
        problem.words
        for problem in problems(record)
        if problem.is_doubt
        or (problem.source == "census" and too_few)  # then the gate of containers is not measured
    ]
    return tuple(found)


def _missing_samples(record: RunRecord) -> str:
    if not record.rests:
        return ""
    expected = record.rests[-1].cycle + 1
    gaps = {"rest": expected - len(record.rests)}
    for metric in DECISIVE:
        having = sum(metric in rest.values for rest in record.rests)
        gaps[metric] = len(record.rests) - having if having else 0
    worst = max(gaps, key=gaps.__getitem__)
    return (
        f"{gaps[worst]} of {expected} {worst} samples are missing"
        if gaps[worst] > TOLERATED_GAPS * expected
        else ""
    )


def _replaced(before: RestSample, after: RestSample) -> bool:
    """A worker that died and was started anew would hide a leak in the sum over all processes."""
    old, new = (
        {process.pid: process.name for process in rest.processes} for rest in (before, after)
    )
    gone = {name for pid, name in old.items() if pid not in new}
    return bool(gone & {name for pid, name in new.items() if pid not in old})


def _warmup_cycles(situation: Situation) -> int:
    cycles = situation.record.series(held_metric(situation.record)).cycles
    looks = look_numbers(len(cycles) - 1, final=situation.final)
    return int(cycles[min(looks[-1], first_of_tail(looks[-1]))]) if looks else 0


def _first_suspicion(facts: Facts) -> int | None:
    """Of gates that are not shown to be flat."""
    since = [
        one.suspected_sessions
        for one in facts.counted.values()
        if one.gate.outcome is not Outcome.FLAT
    ]
    return min((round(sessions) for sessions in since if sessions is not None), default=None)


def _sessions_needed(facts: Facts) -> int | None:
    """None also where the memory budget ends any run, however long it was meant to be."""
    if facts.situation.over_budget:
        return None
    needed = [
        one.sessions_needed for one in facts.counted.values() if one.sessions_needed is not None
    ]
    failed = facts.situation.record.failed_sessions
    needed.append(round(failed / TOLERATED_FAILURES) - facts.situation.sessions)
    return max(needed) if max(needed) > 0 else None

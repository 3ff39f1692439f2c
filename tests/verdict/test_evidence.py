"""Where a run is, and how one metric stands before and after the wait for late releases."""

from __future__ import annotations

from dataclasses import replace

import pytest
from record_builder import KIB, MIB, NOW, Of, Script, memory, rising, under

from harness.record.policy import Policy
from harness.record.record import Incident, RunEnded, RunRecord
from harness.verdict.evidence import evidence, sessions_needed
from harness.verdict.metric_rules import Standing
from harness.verdict.situation import Situation

PATIENT = Policy()
LEAKING = Script(memory(16 * KIB))


def standing(
    record: RunRecord, policy: Policy = PATIENT, metric: str = "malloc_in_use", limit: float = 512
) -> str:
    found = evidence(Situation.of(under(record, policy)), metric, limit)
    assert found is not None
    return word(found.standing)


def word(stands: Standing) -> str:
    """How a metric stands, in one word."""
    if stands.released:
        return "released"
    if stands.suspect:
        return "suspect"
    return "open" if stands.open else stands.status


def idled(script: Script, cycles: int, **values: float) -> RunRecord:
    record = script.record(cycles)
    record.add(script.idle(record, **values))
    return record


def test_a_metric_that_no_sample_holds_has_no_evidence() -> None:
    assert evidence(Situation.of(under(Script(probe=False).record(12), NOW)), "tasks", 0.02) is None


def test_growth_is_suspect_until_the_run_has_idled() -> None:
    assert standing(LEAKING.record(40)) == "suspect"


def test_growth_is_a_leak_at_once_where_no_grace_was_given() -> None:
    assert standing(LEAKING.record(40), NOW) == "leak"


@pytest.mark.parametrize(("kept", "expected"), [(0.4 * KIB, "released"), (2 * KIB, "open")])
def test_what_two_waits_have_left_tells_a_server_that_holds_on_for_a_while_from_one_that_leaks(
    kept: float, expected: str
) -> None:
    def held(sessions: float) -> float:
        """Half a MiB a session until the waits, after 70 and 160 sessions, take all but what is
        kept.
        """
        since = sessions - (0 if sessions <= 70 else 70 if sessions <= 160 else 160)
        return 50 * MIB + kept * sessions + MIB / 2 * since

    script = Script({"malloc_in_use": held})
    record = RunRecord.from_lines(script.lines(46))
    for number, cycle in ((70, 22), (160, 40)):
        after = next(rest for rest in record.rests if rest.cycle == cycle)
        values = {**after.values, "malloc_in_use": 50 * MIB + kept * number}
        record.add(replace(after, idle=True, values=values))
    assert standing(record, limit=KIB) == expected


def test_growth_that_is_still_there_after_the_wait_is_a_leak() -> None:
    assert standing(idled(LEAKING, 40)) == "leak"


def test_growth_that_is_gone_after_the_wait_was_released_late() -> None:
    assert standing(idled(LEAKING, 40, malloc_in_use=5 * MIB)) == "released"


@pytest.mark.parametrize(("left", "expected"), [(500, "released"), (520, "leak")])
def test_what_remains_per_session_is_held_to_the_limit(left: float, expected: str) -> None:
    assert standing(idled(LEAKING, 40, malloc_in_use=5 * MIB + left * 160)) == expected


def test_a_metric_that_was_released_and_then_fell_stays_released() -> None:
    def held_for_160(t: float) -> float:
        return 5 * MIB + 16 * KIB * (t if t <= 160 else t - 160)

    script = Script({"malloc_in_use": held_for_160})
    record = script.record(40)
    idle = script.idle(record, malloc_in_use=5 * MIB)
    longer = script.record(54)
    assert standing(longer) == "open"
    longer.add(idle)
    assert standing(longer) == "released"


def test_growth_after_an_earlier_wait_is_waited_for_again_but_not_for_ever() -> None:
    record = LEAKING.record(40)
    early = [replace(LEAKING.idle(record), cycle=cycle) for cycle in (16, 22, 30)]
    record.add(early[0])
    assert standing(record) == "suspect"
    for idle in early[1:]:
        record.add(idle)
    assert standing(record) == "leak"


def test_a_run_that_is_over_waits_no_more() -> None:
    record = LEAKING.record(40)
    record.add(Incident(99.0, "the server exited", fatal=True))
    assert standing(record) == "leak"


def test_a_run_is_at_its_bounds_by_sessions_or_by_cycles() -> None:
    record = Script().record(22)
    assert Situation.of(under(record, replace(NOW, max_sessions=70))).at_bounds
    assert not Situation.of(under(record, replace(NOW, max_sessions=71))).at_bounds
    assert Situation.of(under(record, replace(NOW, max_cycles=22))).at_bounds
    assert not Situation.of(under(record, replace(NOW, max_cycles=23))).at_bounds


def test_a_fixed_run_has_no_bound_but_its_cycles() -> None:
    record = Script().record(22)
    assert Situation.of(under(record, replace(NOW, fixed_cycles=22))).at_bounds
    assert not Situation.of(
        under(record, replace(NOW, fixed_cycles=23, max_sessions=1, max_cycles=1))
    ).at_bounds


def test_a_run_is_over_its_budget_when_uss_has_grown_by_it() -> None:
    record = Script(memory(MIB)).record(22)
    assert Situation.of(under(record, replace(NOW, memory_budget_bytes=70 * 2**20))).over_budget
    assert not Situation.of(under(record, replace(NOW, memory_budget_bytes=71 * 2**20))).over_budget


@pytest.mark.parametrize(
    ("probe", "max_sessions", "guard"),
    [(True, 40, 48), (True, 70, 70), (True, 500, 150), (False, 70, 150)],
)
def test_a_run_that_must_end_early_has_a_shorter_guard_but_a_floor(
    probe: bool, max_sessions: int, guard: int
) -> None:
    cycles = {40: 16, 70: 22, 500: 108}[max_sessions]
    record = Script(probe=probe).record(cycles)
    assert Situation.of(under(record, replace(NOW, max_sessions=max_sessions))).guard == guard


def test_a_record_that_is_closed_says_what_it_said_before() -> None:
    record = LEAKING.record(31)
    before = standing(record, NOW)
    record.add(RunEnded(99.0, "decided"))
    assert standing(record, NOW) == before == "open"


def step_at(session: float, size: float) -> Of:
    return lambda t: 50 * MIB + (size if t >= session else 0)


def test_the_sessions_needed_lead_to_a_decision() -> None:
    for script, limit in [
        (Script(), 1024.0),
        (LEAKING, 1024.0),
        (Script({"uss": step_at(45, 400 * KIB)}), 1024.0),
        (Script({"uss": rising(50 * MIB, 600)}), 1024.0),
    ]:
        at = Situation.of(under(script.record(20), NOW))
        found = evidence(at, "uss", limit)
        assert found is not None
        assert found.standing.open
        more = sessions_needed(at, found)
        assert 0 < more < 500
        assert standing(script.record(20 + more // 5), NOW, "uss", limit) != "open"


def test_a_budget_that_idling_gives_back_is_not_used_up() -> None:
    policy = replace(PATIENT, memory_budget_bytes=70 * 2**20)
    script = Script(memory(MIB))
    record = script.record(22)
    assert Situation.of(under(record, policy)).over_budget
    record.add(script.idle(record, uss=51 * MIB))
    assert not Situation.of(under(record, policy)).over_budget
    record.add(script.idle(record, uss=100 * MIB))
    assert Situation.of(under(record, policy)).over_budget


def test_what_was_released_before_it_could_be_declared_is_still_open() -> None:
    record = Script({"malloc_in_use": lambda t: 5 * MIB + 16 * KIB * (t % 45)}).record(20)
    record.add(replace(LEAKING.idle(record, malloc_in_use=5 * MIB), cycle=16))
    assert standing(record) == "open"


def test_growth_after_the_last_wait_is_open_where_that_wait_took_growth_of_the_same_sort() -> None:
    record = LEAKING.record(40)
    for cycle in (16, 22, 30):
        after = next(rest for rest in record.rests if rest.cycle == cycle)
        values = {**after.values, "malloc_in_use": 5 * MIB}
        record.add(replace(after, idle=True, values=values))
    seen = evidence(Situation.of(under(record, PATIENT)), "malloc_in_use", 512)
    assert seen is not None
    assert seen.trace[-1].rule == "metric.grows-anew"
    assert seen.standing.open

"""Containers that have a bound and fill up."""

from __future__ import annotations

from dataclasses import replace

import pytest
from record_builder import KIB, Script, memory, rising, under

from harness.record.policy import Policy
from harness.record.record import Bounded, Cause, Causes, Census, RunRecord
from harness.verdict.bounded_growth import filling
from harness.verdict.judge import judge
from harness.verdict.outcome import Kind, Status, VerdictName


def run(
    entry_bytes: int, *, per_session: float = 1.0, entry_objects: int = 0, objects: float = 0.0
) -> RunRecord:
    """A run that grows by 2 KiB a session, and a deque of 1 500 that grows by so many entries of
    so many bytes.
    """
    script = Script({**memory(2 * KIB), "gc_objects": rising(21_000, objects)})
    record = script.record(40)
    for cycle, sessions in ((13, 25), (22, 70), (40, 160)):
        length = round(per_session * sessions)
        deque = Bounded("100:7", "deque", length, 1_500, entry_bytes, entry_objects)
        record.add(Census(1.0, cycle, sessions, {}, bounded=(deque,)))
    return record


def test_growth_that_a_bounded_container_accounts_for_is_filling_and_says_when_it_ends() -> None:
    record = run(2_000)
    verdict = judge(record).verdict
    memory_gate = verdict.gates["memory"]
    assert (verdict.name, getattr(memory_gate, "kind", None)) == (VerdictName.FLAT, Kind.FILLING)
    assert "deque 160 of 1500" in verdict.summary
    assert "until about session 1,500" in verdict.summary


def test_growth_beside_a_container_that_fills_is_a_leak() -> None:
    record = run(200)
    assert judge(record).verdict.name is VerdictName.LEAK


def test_tracked_objects_of_the_entries_are_no_leak_either() -> None:
    record = run(2_000, entry_objects=2, objects=2.0)
    gate = judge(record).verdict.gates["objects"]
    assert (gate.outcome, getattr(gate, "kind", None)) == (Status.FLAT, Kind.FILLING)
    assert "deque 160 of 1500" in gate.reason


def test_what_a_cache_with_a_bound_holds_is_a_notice_where_something_else_leaks() -> None:
    record = Script({**memory(8 * KIB), "gc_objects": rising(21_000, 2.0)}).record(40)
    for cycle, sessions in ((5, 5), (13, 25), (22, 70), (40, 160)):
        cache = Bounded("100:7", "orm.LRUCache", sessions, 750, 500, 1)
        types = {"orm.Compiled": sessions, "shop.Basket": sessions}
        record.add(Census(1.0, cycle, sessions, types, bounded=(cache,)))
    in_cache = ("module orm", ".cache <orm.LRUCache>", "['a'] <orm.Compiled>")
    kept = ("module shop", ".baskets <builtins.list>", "[3] <shop.Basket>")
    causes = {"object:orm.Compiled": Cause(in_cache), "object:shop.Basket": Cause(kept)}
    record.add(Causes(2.0, causes))
    verdict = judge(record).verdict
    assert verdict.name is VerdictName.LEAK
    assert {finding.type: finding.severity for finding in verdict.findings} == {
        "shop.Basket": "leak",
        "orm.Compiled": "notice",
    }


def test_what_a_cache_holds_stays_a_leak_where_nothing_else_is_found() -> None:
    record = run(200)
    for census in record.censuses:
        census.types["orm.Compiled"] = census.sessions
    chain = ("module orm", ".cache <orm.LRUCache>", "['a'] <orm.Compiled>")
    record.add(Causes(2.0, {"object:orm.Compiled": Cause(chain)}))
    assert [finding.severity for finding in judge(record).verdict.findings] == ["leak"]


def test_what_was_seen_before_its_bound_was_found_counts() -> None:
    record = Script(memory(2 * KIB)).record(40)
    record.add(Census(1.0, 13, 25, {}, rising={"100:7": (3, 6, 11, 25)}))
    for earlier in (10, 5, 2):
        record.censuses.insert(0, Census(1.0, earlier, earlier, {}))
    now = Bounded("100:7", "server.pages", 160, 200, 2_000, 0)
    record.add(Census(1.0, 40, 160, {}, bounded=(now,)))
    found = filling(record)
    assert found is not None
    assert found.bytes_per_session == pytest.approx(2_000)
    assert found.full_after_sessions == 200


def test_what_became_full_lately_accounts_for_what_it_took_until_then() -> None:
    record = Script(memory(2 * KIB)).record(40)
    for sessions, length in ((25, 25), (70, 70), (110, 110), (160, 130)):
        record.add(
            Census(
                1.0,
                13,
                sessions,
                {},
                bounded=(Bounded("100:7", "server.pages", length, 130, 2_000, 0),),
            )
        )
    found = filling(record)
    assert found is not None
    assert found.words == "server.pages 130 of 130"
    assert found.bytes_per_session == pytest.approx(2_000 * (130 - 160 / 3) / (160 - 160 / 3))


def test_what_fills_is_no_leak_beside_what_is_released_late() -> None:
    record = run(2_000, entry_objects=2, objects=11.0)
    last = record.rests[-1]
    for objects, outcome in ((21_000 + 160 * 2, Status.FLAT), (21_000 + 160 * 6, Status.LEAK)):
        values = {**last.values, "gc_objects": objects}
        record.add(replace(last, at_s=last.at_s + 90, idle=True, values=values))
        assert judge(under(record, Policy())).verdict.gates["objects"].outcome is outcome
    record.idles.pop()
    script = Script({**memory(2 * KIB), "gc_objects": rising(21_000, 11.0)})
    record.add(script.cycle(41, 160, 5))
    record.add(script.rest(41, 165))
    assert (
        judge(under(record, Policy())).verdict.gates["objects"].outcome is Status.FLAT
    )  # until the next look


def test_a_container_that_stays_as_long_as_it_is_fills_nothing() -> None:
    assert filling(run(2_000, per_session=0.0)) is None


def test_without_a_second_census_nothing_is_known_to_fill() -> None:
    record = run(2_000)
    del record.censuses[1:]
    assert filling(record) is None


def test_what_was_known_as_bounded_once_is_known_for_the_run() -> None:
    record = run(2_000, entry_objects=2, objects=2.0)
    record.add(Census(1.0, 40, 161, {}))
    found = filling(record)
    assert found is not None
    assert found.bytes_per_session == pytest.approx(2_000)


def test_what_passes_its_bound_has_none() -> None:
    record = run(2_000)
    record.add(Census(1.0, 41, 165, {}, rising={"100:7": (1_400, 1_500, 1_600, 1_700)}))
    assert filling(record) is None


def test_flat_memory_says_what_it_is_that_fills() -> None:
    record = Script(memory(600)).record(40)
    for sessions in (25, 70, 160):
        cache = Bounded("100:7", "cachetools.TTLCache", sessions, 400, 360, 1)
        twin = Bounded("100:8", "cachetools.TTLCache", sessions, 400, 90, 1)
        record.add(Census(1.0, 40, sessions, {}, bounded=(cache, twin)))
    verdict = judge(record).verdict
    assert getattr(verdict.gates["memory"], "kind", None) is Kind.FILLING
    assert verdict.summary.count("cachetools.TTLCache 160 of 400") == 1


def sawtooth(session: float) -> float:
    """Two weak references a session, swept at every 200th."""
    return 22_000 + 2 * (session % 100)


def test_objects_that_a_known_container_lets_go_of_now_and_then_are_flat() -> None:
    record = Script({"gc_objects": sawtooth}).record(40)
    swept = Bounded("100:7", "sqlite3.Connection ->", 81, 300, 80, 1)
    assert judge(record).verdict.gates["objects"].outcome is Status.INCONCLUSIVE
    for sessions, length in ((40, 81), (55, 111), (70, 141)):
        record.add(Census(1.0, 20, sessions, {}, bounded=(replace(swept, length=length),)))
    record.add(Census(1.0, 40, 160, {}))
    gate = judge(record).verdict.gates["objects"]
    assert (gate.outcome, getattr(gate, "kind", None)) == (Status.FLAT, Kind.FILLING)
    assert gate.trace[-1].rule == "counter.swept"


def test_objects_that_rise_and_fall_by_more_than_such_a_container_holds_stay_open() -> None:
    record = Script({"gc_objects": sawtooth}).record(40)
    for sessions, length in ((40, 11), (70, 21), (160, 22)):
        small = Bounded("100:7", "sqlite3.Connection ->", length, 30, 80, 1)
        record.add(Census(1.0, 40, sessions, {}, bounded=(small,)))
    assert judge(record).verdict.gates["objects"].outcome is Status.INCONCLUSIVE


def growing_in_c(last: int) -> RunRecord:
    """A run with a list of which only C code knows, and objects and memory that grow with it."""
    record = Script({**memory(2 * KIB), "gc_objects": rising(21_000, 1.0)}).record(40)
    lengths = (25, 70, 110, last)
    for at, sessions in enumerate((25, 70, 110, 160), start=1):
        record.add(Census(1.0, 40, sessions, {}, rising={"100:7": lengths[:at]}))
    record.add(
        Causes(1.0, {"100:7": Cause(name="x.C ->", trimmed_at="C code", bytes=2_048, objects=1)})
    )
    return record


def test_what_hangs_on_a_list_that_c_code_may_keep_short_is_open_and_says_so() -> None:
    verdict = judge(growing_in_c(160)).verdict
    assert verdict.name is VerdictName.INCONCLUSIVE
    for name in ("memory", "objects"):
        gate = verdict.gates[name]
        assert gate.outcome is Status.INCONCLUSIVE
        assert "not bounded as far as the source tells, x.C -> with 160 entries" in gate.reason


def test_a_list_of_c_code_that_is_longer_than_any_usual_cache_is_a_leak() -> None:
    assert judge(growing_in_c(1_200)).verdict.gates["containers"].outcome is Status.LEAK


def test_an_open_container_says_at_the_end_that_it_fills_or_leaks() -> None:
    record = growing_in_c(160)
    ended = under(record, replace(record.started.policy, max_sessions=160))
    assert "filling or leaking" in judge(ended).verdict.gates["containers"].reason


def test_what_grows_decides_and_not_what_is_only_reported() -> None:
    """USS jumps with pages that others share; malloc shows the growth that a cache explains."""
    metrics = {**memory(2 * KIB), "uss": lambda t: 50 * 1024 * KIB + (900 * KIB if t > 140 else 0)}
    record = Script(metrics).record(40)
    for sessions in (25, 70, 160):
        cache = Bounded("100:7", "shop.Cache", sessions, 750, 2_000, 40)
        record.add(Census(1.0, 40, sessions, {}, bounded=(cache,)))
    gate = judge(record).verdict.gates["memory"]
    assert (gate.outcome, getattr(gate, "kind", None)) == (Status.FLAT, Kind.FILLING)


def test_a_bound_at_which_the_entries_exceed_the_memory_budget_is_none() -> None:
    record = run(2_000)
    assert judge(record).verdict.name is VerdictName.FLAT
    small = under(record, replace(record.started.policy, memory_budget_bytes=1_500 * 1_999))
    assert judge(small).verdict.name is VerdictName.LEAK

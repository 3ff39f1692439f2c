"""The memory gate: malloc in use, USS and RSS decided together, and what sort of leak, or of
flat, they show.
"""

from __future__ import annotations

from dataclasses import replace

import pytest
from memory_gates import LONG, gate, gate_of
from record_builder import KIB, MIB, NOW, Of, Script, memory, rising

from harness.record.policy import Policy
from harness.record.record import Bounded, Cause, Causes, Census
from harness.verdict.gates import memory as memory_gate
from harness.verdict.gates.memory import MemoryGate
from harness.verdict.outcome import Kind, Status, Tag
from harness.verdict.page_reuse import PageReuse


def steps_of(size: float, every: float) -> Of:
    return lambda t: 50 * MIB + size * (t // every)


def test_a_healthy_server_is_flat_after_110_sessions() -> None:
    found = gate(Script(), cycles=30)
    assert (found.outcome, found.kind, found.metric) == (Status.FLAT, Kind.FLAT, "uss")
    assert found.limit == 1024
    assert gate(Script(), cycles=22).outcome is Status.INCONCLUSIVE


def test_no_leak_is_declared_before_150_sessions_with_a_probe() -> None:
    leaking = Script(memory(16 * KIB))
    assert gate(leaking, cycles=37).outcome is Status.INCONCLUSIVE
    found = gate(leaking, cycles=40)
    assert (found.outcome, found.decided_by) == (Status.LEAK, "malloc")
    assert found.growth_per_session == pytest.approx(16 * KIB)
    assert found.bounds is not None
    assert found.bounds[0] < 16 * KIB <= found.bounds[1]


def test_growth_into_pages_that_were_free_is_told_as_malloc_counts_it() -> None:
    found = gate(Script({"malloc_in_use": rising(5 * MIB, 2 * KIB)}), cycles=40)
    assert (found.outcome, found.metric, found.growth_per_session) == (
        Status.LEAK,
        "malloc_in_use",
        2 * KIB,
    )


def test_the_metric_that_decided_is_told_though_uss_is_over_its_limit_too() -> None:
    found = gate(Script(memory(23 * KIB, malloc=3 * KIB)), cycles=40)
    assert (found.decided_by, found.metric) == ("malloc", "malloc_in_use")
    assert found.growth_per_session == pytest.approx(3 * KIB)
    words = memory_gate.summary("memory", found, 160)
    assert words.startswith("memory grows by 3KiB per session (")
    assert "limit 1KiB), shown by malloc in use" in words
    assert memory_gate.row("memory", found).changes[0].startswith("malloc in use 5MiB")


def test_growth_by_less_than_the_limit_names_the_half_of_it_that_malloc_is_held_to() -> None:
    found = gate(Script({**memory(0), "malloc_in_use": rising(5 * MIB, 700)}))
    words = memory_gate.summary("memory", found, 230)
    assert "limit 512B, half of 1KiB" in words
    assert memory_gate.row("memory", found).limit == "512B"


def test_one_step_of_the_heap_is_not_part_of_the_growth_per_session() -> None:
    grown = memory(8 * KIB)["uss"]

    def stepped(t: float) -> float:
        return grown(t) + (500 * KIB if t > 190 else 0)

    found = gate(Script({"uss": stepped, "rss": stepped}, probe=False))
    assert found.outcome is Status.LEAK
    assert found.growth_per_session == pytest.approx(8 * KIB, rel=0.05)
    assert found.bounds is not None
    assert found.bounds[0] <= 8 * KIB <= found.bounds[1]


def test_a_short_run_that_grows_by_less_than_the_limit_is_no_leak_however_much_that_is_in_all() -> (
    None
):
    policy = replace(NOW, fixed_cycles=16, limit_bytes=2 * 2**20)
    growing = Script(memory(MIB), first_single=0, batch=6)
    assert gate(growing, 16, policy).outcome is not Status.LEAK
    assert gate(growing, 16, replace(policy, limit_bytes=2**19)).outcome is Status.LEAK


def test_no_leak_is_declared_before_200_sessions_without_a_probe() -> None:
    leaking = Script(memory(16 * KIB), probe=False)
    assert gate(leaking, cycles=47).outcome is Status.INCONCLUSIVE
    found = gate(leaking, cycles=54)
    assert (found.outcome, found.decided_by, found.kind) == (Status.LEAK, "uss", Kind.UNATTRIBUTED)


def test_a_guard_of_the_policy_replaces_both() -> None:
    policy = replace(NOW, guard_sessions=54)
    assert gate(Script(memory(16 * KIB)), 22, policy).outcome is Status.LEAK


def test_the_limit_is_four_times_as_high_without_a_probe() -> None:
    assert gate(Script(memory(2 * KIB))).outcome is Status.LEAK
    assert gate(Script(memory(2 * KIB), probe=False)).outcome is Status.FLAT


def test_malloc_is_held_to_half_of_the_limit_that_was_asked_for() -> None:
    creeping = Script({**memory(0), "malloc_in_use": rising(5 * MIB, 700)})
    assert gate(creeping).outcome is Status.LEAK
    assert gate(creeping, policy=replace(NOW, limit_bytes=2048)).outcome is Status.FLAT


def test_growth_of_rss_alone_keeps_the_gate_from_flat() -> None:
    found = gate(Script({"rss": rising(60 * MIB, 1500)}), cycles=30)
    assert found.outcome is Status.INCONCLUSIVE
    assert found.reason.startswith("rss: growth suspected since session")


def test_a_leak_in_small_objects_is_python_though_malloc_does_not_see_it() -> None:
    found = gate(Script({**memory(8 * KIB, malloc=0), "blocks": rising(90_000, 80)}))
    assert (found.outcome, found.kind, found.decided_by) == (Status.LEAK, Kind.PYTHON, "uss")


def test_what_a_python_container_holds_is_not_called_native() -> None:
    record = Script(memory(8 * KIB)).record(LONG)
    assert gate_of(record).kind is Kind.NATIVE
    sessions = (2, 5, 10, 25, 40, 55, 70, 110, 160, 230)
    for number, after in enumerate(sessions, 1):
        lengths = {"100:1": sessions[:number]} if number > 3 else {}
        record.add(Census(1.0, number, after, {}, rising=lengths))
    record.add(Causes(1.0, {"100:1": Cause(name="server.pages", bytes=8 * 1024)}))
    assert gate_of(record).kind is Kind.PYTHON


def test_blocks_that_are_too_few_to_hold_the_growth_do_not_make_it_python() -> None:
    def grown(blocks: float) -> MemoryGate:
        heap = rising(8 * MIB, 8 * KIB)
        return gate(
            Script(
                {
                    **memory(8 * KIB, malloc=0),
                    "blocks": rising(90_000, blocks),
                    "malloc_system": heap,
                }
            )
        )

    assert grown(9).kind is Kind.PYTHON
    assert grown(7).kind is Kind.FRAGMENTATION


def test_growth_of_rss_waits_while_blocks_are_open() -> None:
    heap = rising(8 * MIB, 6 * KIB)
    swinging = {"blocks": lambda t: 90_000 + 3 * (t % 190), "malloc_system": heap}
    assert gate(Script({**memory(6 * KIB, malloc=0), **swinging})).outcome is Status.INCONCLUSIVE


def test_an_exact_count_of_small_objects_settles_bytes_that_are_too_coarse() -> None:
    def coarse(t: float) -> float:
        return 50 * MIB + 4096 * (t * 1150 // 4096)

    metrics = {**memory(0), "uss": coarse, "rss": coarse}
    assert gate(Script(metrics), cycles=40).outcome is Status.INCONCLUSIVE
    found = gate(Script({**metrics, "blocks": rising(90_000, 12)}), cycles=40)
    assert (found.outcome, found.decided_by) == (Status.LEAK, "uss")


@pytest.mark.parametrize(("per_session", "jump"), [(1150, 4 * MIB), (1000, -20_000)])
def test_blocks_settle_nothing_that_they_do_not_explain_or_that_is_below_the_limit(
    per_session: float, jump: float
) -> None:
    def coarse(t: float) -> float:
        return 50 * MIB + 4096 * (t * per_session // 4096) + (jump if t >= 120 else 0)

    metrics = {**memory(0), "uss": coarse, "rss": coarse}
    assert (
        gate(Script({**metrics, "blocks": rising(90_000, 12)}), cycles=40).outcome
        is Status.INCONCLUSIVE
    )


def test_blocks_alone_decide_nothing() -> None:
    found = gate(Script({"blocks": rising(90_000, 12)}))
    assert found.outcome is Status.FLAT


def test_a_heap_that_grows_while_nothing_in_use_does_is_fragmented_and_flat() -> None:
    system = rising(8 * MIB, 6 * KIB)
    found = gate(Script({**memory(6 * KIB, malloc=0), "malloc_system": system}))
    assert (found.outcome, found.kind) == (Status.FLAT, Kind.FRAGMENTATION)


def after_two_waits(per_session: float) -> tuple[MemoryGate, MemoryGate, MemoryGate]:
    """The gate after a wait that takes the objects and leaves their pages, after the next cycle,
    and after another wait, a hundred sessions later, with memory that has grown by so much for each
    of them.
    """

    def held(start: float) -> Of:
        return lambda t: start + 16 * KIB * min(t, 160) + per_session * max(0, t - 160)

    metrics = {"uss": held(50 * MIB), "rss": held(60 * MIB)}
    script = Script({**metrics, "blocks": lambda t: 90_000 + 200 * (t if t <= 160 else t - 160)})
    record = script.record(40)
    record.add(script.idle(record, blocks=90_200.0))
    gates = [gate_of(record, Policy())]
    for cycle, done in enumerate(range(160, 260, 5), start=41):
        record.add(script.cycle(cycle, done, 5))
        record.add(script.rest(cycle, done + 5))
        gates.append(gate_of(record, Policy()))
    record.add(script.idle(record, blocks=90_200.0))
    return gates[0], gates[1], gate_of(record, Policy())


def test_pages_of_small_objects_that_were_released_late_are_open_until_they_are_used_again() -> (
    None
):
    first, then, last = after_two_waits(per_session=0)
    assert (first.outcome, then.outcome) == (Status.INCONCLUSIVE, Status.INCONCLUSIVE)
    assert "whether sessions use it again is open" in first.reason
    assert (last.outcome, last.kind) == (Status.FLAT, Kind.RELEASED_LATE)


def test_memory_is_not_level_where_a_reading_is_missing() -> None:
    before, after = Script().record(40).rests[-2:]
    assert PageReuse(before, after, is_over=False).is_level("uss", KIB)
    assert not PageReuse(replace(before, values={}), after, is_over=False).is_level("uss", KIB)
    assert not PageReuse(before, replace(after, values={}), is_over=False).is_level("uss", KIB)


def test_memory_that_grows_on_after_a_late_release_of_small_objects_is_a_leak() -> None:
    first, then, last = after_two_waits(per_session=16 * KIB)
    assert (first.outcome, then.outcome) == (Status.INCONCLUSIVE, Status.INCONCLUSIVE)
    assert last.outcome is Status.LEAK


def test_small_objects_of_what_fills_are_no_growth_beside_a_late_release() -> None:
    script = Script({**memory(16 * KIB, malloc=0), "blocks": rising(90_000, 200)})
    for bound, outcome in ((200, Status.INCONCLUSIVE), (0, Status.LEAK)):
        record = script.record(40)
        for cycle, sessions in ((13, 25), (22, 70), (40, 160)):
            pages = (Bounded("1:1", "server.pages", sessions, bound, 500, 3),) if bound else ()
            record.add(Census(1.0, cycle, sessions, {}, bounded=pages))
        record.add(script.idle(record, blocks=90_000.0 + 7 * 160))
        assert gate_of(record, Policy()).outcome is outcome


def test_what_a_late_release_of_a_few_small_objects_cannot_have_held_is_a_leak_at_once() -> None:
    script = Script({**memory(16 * KIB, malloc=0), "blocks": rising(90_000, 1)})
    record = script.record(40)
    record.add(script.idle(record, blocks=90_000.0))
    assert gate_of(record, Policy()).outcome is Status.LEAK


def test_fragmentation_fails_where_the_policy_says_so() -> None:
    script = Script({**memory(6 * KIB, malloc=0), "malloc_system": rising(8 * MIB, 6 * KIB)})
    found = gate(script, policy=replace(NOW, fail_on=("fragmentation",)))
    assert (found.outcome, found.kind) == (Status.LEAK, Kind.FRAGMENTATION)


def test_growth_outside_of_malloc_and_of_its_heap_is_a_native_leak() -> None:
    found = gate(Script(memory(6 * KIB, malloc=0)))
    assert (found.outcome, found.kind) == (Status.LEAK, Kind.NATIVE)


def test_without_the_systems_share_growth_outside_of_use_is_called_fragmentation() -> None:
    record = Script(memory(6 * KIB, malloc=0)).record(LONG)
    for rest in record.rests:
        del rest.values["malloc_system"]
    assert gate_of(record).kind is Kind.FRAGMENTATION


def test_growth_of_rss_waits_while_what_is_in_use_is_open() -> None:
    found = gate(Script({**memory(6 * KIB), "malloc_in_use": lambda t: 5 * MIB + 900 * (t % 190)}))
    assert found.outcome is Status.INCONCLUSIVE
    assert "in use" in found.reason


@pytest.mark.parametrize(
    ("blocks", "objects", "kind"),
    [
        (0.9, 0.0, Kind.NATIVE),
        (1.5, 0.0, Kind.LARGE_OBJECT),
        (4.6, 0.0, Kind.PYTHON),
        (1.5, 1.0, Kind.PYTHON),
    ],
)
def test_blocks_and_objects_per_session_tell_where_a_leak_lies(
    blocks: float, objects: float, kind: Kind
) -> None:
    metrics = {"blocks": rising(90_000, blocks), "gc_objects": rising(21_000, objects)}
    assert gate(Script({**memory(64 * KIB), **metrics})).kind is kind


def test_a_leak_of_which_half_is_in_children_is_theirs() -> None:
    assert gate(Script(memory(64 * KIB), child_share=0.6)).kind is Kind.CHILD_PROCESS
    assert gate(Script(memory(64 * KIB), child_share=0.4)).kind is not Kind.CHILD_PROCESS


def test_a_leak_of_every_tenth_session_is_tagged_sparse() -> None:
    tenth = {
        "uss": steps_of(160 * KIB, 10),
        "rss": steps_of(160 * KIB, 10),
        "malloc_in_use": steps_of(160 * KIB, 10),
    }
    found = gate(Script(tenth, first_single=200), cycles=200)
    assert (found.outcome, found.tags) == (Status.LEAK, (Tag.SPARSE,))


def test_a_leak_that_grows_faster_and_faster_is_tagged_accelerating() -> None:
    def square(t: float) -> float:
        return 50 * MIB + 200 * t * t

    found = gate(Script({"uss": square, "rss": square, "malloc_in_use": square}))
    assert (found.outcome, found.tags) == (Status.LEAK, (Tag.ACCELERATING,))
    assert gate(Script(memory(16 * KIB))).tags == ()


def test_rss_is_reported_where_the_system_does_not_say_uss() -> None:
    record = Script(memory(16 * KIB), probe=False).record(LONG)
    for rest in record.rests:
        del rest.values["uss"]
    found = gate_of(record)
    assert (found.outcome, found.metric, found.first) == (Status.LEAK, "rss", 60 * MIB)


def test_first_last_and_peak_are_those_of_the_metric_that_decided() -> None:
    record = Script(memory(16 * KIB), probe=False).record(LONG)
    record.cycles[3] = replace(record.cycles[3], peaks={"uss": 99 * MIB, "rss": 200 * MIB})
    found = gate_of(record)
    assert (found.first, found.last, found.peak) == (50 * MIB, 50 * MIB + 230 * 16 * KIB, 99 * MIB)


def test_noise_and_jumps_raise_the_smallest_leak_that_the_run_would_have_found() -> None:
    def noisy(t: float) -> float:
        return 50 * MIB + 20 * KIB * (t // 20 % 2)

    quiet, loud = gate(Script()), gate(Script({"uss": noisy}))
    assert quiet.smallest_detectable is not None
    assert loud.smallest_detectable is not None
    assert 1024 < quiet.smallest_detectable < loud.smallest_detectable


def test_a_leak_does_not_hide_itself_from_the_smallest_that_would_have_been_found() -> None:
    found = gate(Script(memory(16 * KIB)))
    assert found.smallest_detectable is not None
    assert found.smallest_detectable < 1300

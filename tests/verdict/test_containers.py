"""Containers that get longer: what is followed from census to census, and when it fails a run."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from record_builder import NOW, Script, under

from harness.record.policy import Policy
from harness.record.record import Cause, Causes, Census, RestSample, RunRecord
from harness.verdict.container_lengths import Lengths
from harness.verdict.gates.containers import ContainersGate
from harness.verdict.judge import judge
from harness.verdict.outcome import NextStep, Status
from harness.verdict.suspects import census_is_due, suspects

SESSIONS = (10, 25, 40, 55, 70, 110, 160)


def followed(*censuses: dict[int, int], sessions: tuple[int, ...] = SESSIONS) -> Lengths:
    """Lengths by identity, census by census, of process 7."""
    lengths = Lengths()
    for after, census in zip(sessions, censuses, strict=False):
        pairs = np.array([number for pair in census.items() for number in pair], dtype=np.uint64)
        lengths.add(after, {7: pairs}, {7: [99]})
    return lengths


def test_what_is_longer_every_time_is_rising_and_what_rests_once_is_not() -> None:
    lengths = followed({1: 10, 2: 10}, {1: 11, 2: 12}, {1: 13, 2: 12}, {1: 14, 2: 13})
    assert lengths.rising(4) == {(7, 1): (10, 11, 13, 14)}


def test_a_container_that_comes_later_is_followed_from_then_on() -> None:
    assert followed({1: 1}, {1: 1, 5: 3}, {1: 1, 5: 4}, {5: 6}).rising(3) == {(7, 5): (3, 4, 6)}


def test_what_the_probe_sets_apart_is_not_followed() -> None:
    assert followed({99: 1}, {99: 2}, {99: 3}).rising(2) == {}


def test_a_census_without_new_sessions_takes_the_place_of_the_one_before() -> None:
    grown = ({1: 1, 2: 1}, {1: 2, 2: 2}, {1: 5, 2: 5})
    assert followed(*grown, {1: 4, 2: 2}, sessions=(10, 25, 40, 40)).rising(3) == {
        (7, 1): (1, 2, 4)
    }


def test_containers_in_the_order_of_their_growth() -> None:
    assert list(followed({1: 1, 2: 1}, {1: 2, 2: 9}).rising(2)) == [(7, 2), (7, 1)]


def test_censuses_are_taken_often_at_first_and_then_ever_more_rarely() -> None:
    taken: list[int] = []
    for sessions in [*range(1, 11), *range(15, 505, 5)]:
        if census_is_due(taken, sessions):
            taken.append(sessions)
    assert taken[:7] == [2, 5, 10, 25, 40, 55, 70]
    assert len(taken) < 14


def record_with(
    rising: dict[str, tuple[int, ...]], *, sessions: tuple[int, ...] = SESSIONS
) -> RunRecord:
    """A flat run of 40 cycles with these containers in its last census."""
    record = Script().record(40)
    for place, after in enumerate(sessions):
        last = place == len(sessions) - 1
        record.add(Census(1.0, place, after, {}, rising=rising if last else {}))
    return record


@pytest.mark.parametrize(
    ("lengths", "names"),
    [
        pytest.param((10, 25, 40, 55, 70, 110, 160), ["7:1"], id="one entry a session"),
        pytest.param((10, 11, 13, 14, 15, 19, 24), ["7:1"], id="one in ten sessions"),
        pytest.param((10, 25, 40, 55, 70, 80, 82), [], id="filling up"),
        pytest.param((10, 11, 12, 13, 14, 15, 16), [], id="rarer than can be told from chance"),
    ],
)
def test_a_suspect_grows_steadily(lengths: tuple[int, ...], names: list[str]) -> None:
    assert [one.key for one in suspects(record_with({"7:1": lengths}))] == names


def test_a_container_that_grows_past_the_guard_is_waited_for_and_then_a_leak_however_small() -> (
    None
):
    record = record_with({"7:1": (10, 25, 40, 55, 70, 110, 160)})
    record.add(Causes(1.0, {"7:1": Cause(name="server.names", owner="application")}))
    waiting = judge(under(record, Policy()))
    assert (waiting.next, waiting.verdict.gates["containers"].outcome) == (
        NextStep.WAIT,
        Status.INCONCLUSIVE,
    )
    last = record.rests[-1]
    record.add(
        RestSample(last.cycle, last.sessions, last.at_s + 30, True, 0.0, last.values, idle=True)
    )
    done = judge(under(record, Policy())).verdict
    assert (done.name, done.gates["containers"].outcome) == ("leak", Status.LEAK)
    assert "server.names grows by 1.00 entries per session" in done.summary
    assert done.first_suspicion_sessions == 55


def gate_with(cause: Cause, *, last: int = 160) -> ContainersGate:
    """The gate of a run in which a container of that cause grows past the guard."""
    record = record_with({"7:1": (10, 25, 40, 55, 70, 110, last)})
    record.add(Causes(1.0, {"7:1": cause}))
    gate = judge(under(record, NOW)).verdict.gates["containers"]
    assert isinstance(gate, ContainersGate)
    return gate


def test_a_container_that_its_own_code_keeps_below_a_bound_fills_and_is_no_suspect() -> None:
    gate = gate_with(Cause(name="server.pages", trimmed_at="/srv/server.py:9", bound=200))
    assert (gate.outcome, gate.suspects) == (Status.FLAT, 0)
    assert gate.reason == "server.pages fills: 160 of 200, kept by /srv/server.py:9"


def test_a_container_that_grows_past_its_bound_is_a_leak_all_the_same() -> None:
    bounded = Cause(name="server.pages", trimmed_at="/srv/server.py:9", bound=200)
    assert gate_with(bounded, last=215).outcome is Status.FLAT  # trimmed now and then
    assert gate_with(bounded, last=240).outcome is Status.LEAK


def test_a_bound_at_which_a_container_would_be_larger_than_a_server_may_grow_is_none() -> None:
    bounded = Cause(name="server.pages", trimmed_at="/srv/server.py:9", bound=100_000, bytes=5_000)
    assert gate_with(bounded).outcome is Status.FLAT
    assert gate_with(replace(bounded, bytes=6_000)).outcome is Status.LEAK


def test_a_container_with_a_bound_that_is_not_known_stays_open() -> None:
    gate = gate_with(Cause(name="server.pages", trimmed_at="/srv/server.py:9"))
    assert gate.outcome is Status.INCONCLUSIVE
    assert "/srv/server.py:9 may make it shorter, at a length that is not known" in gate.reason


def test_a_leak_is_told_of_the_container_that_leaks_by_its_own_rate() -> None:
    record = record_with(
        {
            key: tuple(times * n for n in SESSIONS)
            for times, key in ((3, "7:1"), (2, "7:2"), (1, "7:3"))
        }
    )
    record.add(
        Causes(
            1.0, {"7:1": Cause(name="server.pages", trimmed_at="/srv/server.py:9"), "7:2": Cause()}
        )
    )
    record.add(Causes(1.0, {"7:3": Cause(name="server.names")}))
    gate = judge(under(record, NOW)).verdict.gates["containers"]
    assert (gate.outcome, gate.reason) == (
        Status.LEAK,
        "server.names grows by 1.00 entries per session, and 1 more",
    )


def test_how_long_a_container_is_now_is_known_while_it_is_there() -> None:
    lengths = followed({1: 10, 2: 5}, {1: 12})
    assert [lengths.latest((7, number)) for number in (1, 2)] == [12, None]


def test_before_the_guard_a_suspect_is_named_and_decides_nothing() -> None:
    record = record_with({"7:1": (10, 25, 40, 55)}, sessions=SESSIONS[:4])
    gate = judge(record).verdict.gates["containers"]
    assert (gate.outcome, getattr(gate, "suspects", None)) == (Status.INCONCLUSIVE, 1)


def test_without_censuses_containers_are_not_measured() -> None:
    record = Script().record(40)
    assert judge(record).verdict.gates["containers"].outcome is Status.NOT_MEASURED

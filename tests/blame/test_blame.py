"""Which action leaks: the regression on scripted cycles, the schedule, and a real run."""

from __future__ import annotations

import json
import random
import subprocess
import sys
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from varied_runs import Actions, Leaves, each, ran
from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed

from harness.blame.blame import Blame, Share, blame
from harness.blame.design_matrix import SECOND, may_explain
from harness.blame.regression import Columns, fit
from harness.blame.varied_load import Variation
from harness.errors import UsageError
from harness.record.record import (
    Bounded,
    Cause,
    Causes,
    Census,
)
from harness.reporters.blame_text import words
from harness.sessions.contract import Reply
from harness.sessions.handshake import Address
from harness.sessions.protocols import protocol_named
from harness.sessions.protocols.plain import Session as PlainSession
from harness.sessions.varied_session import varied


def share(found: Blame, action: str, metric: str = "malloc_in_use") -> Share:
    return next(one for one in found.shares if (one.action, one.metric) == (action, metric))


def test_the_action_that_leaves_something_is_to_blame_and_how_much_it_leaves_is_told() -> None:
    found = blame(ran(each(switch_character=4096.0)))
    assert found.guilty == ("switch_character",)
    guilty = share(found, "switch_character")
    assert guilty.lower < 4096 < guilty.upper
    assert guilty.upper - guilty.lower < 200


def test_the_intervals_of_the_other_actions_contain_nothing() -> None:
    found = blame(ran(each(chat=2048.0)))
    assert all(
        share(found, action).may_be_nothing
        for action in ("connect", "switch_character", "drop", "close")
    )


def test_two_actions_are_both_to_blame_the_worse_one_first() -> None:
    assert blame(ran(each(chat=2000.0, switch_character=9000.0))).guilty == (
        "switch_character",
        "chat",
    )


def test_a_server_that_keeps_nothing_has_nobody_to_blame() -> None:
    assert blame(ran()).guilty == ()


def test_what_stays_only_of_sessions_that_were_dropped_is_blamed_on_the_drop() -> None:
    found = blame(ran(each(drop=3000.0)))
    assert found.guilty == ("drop",)
    assert share(found, "connect").may_be_nothing


def test_what_the_last_dropped_session_holds_until_the_next_one_is_taken_off_no_other_action() -> (
    None
):
    held = 0

    def leaves(actions: Actions, _: int) -> Mapping[str, float]:
        nonlocal held
        before, held = held, 3 * actions["drop"]
        return {"gc_objects": 67 * actions["drop"] + held - before}

    found = blame(ran(leaves))
    assert found.guilty == ("drop",)
    assert share(found, "drop", "gc_objects").estimate == pytest.approx(67, abs=0.1)
    assert share(found, "connect", "gc_objects").may_be_nothing


def test_what_stays_only_of_sessions_that_were_closed_is_blamed_on_the_close() -> None:
    found = blame(ran(lambda actions, _: {"gc_objects": 0 if actions["drop"] else 3}))
    assert found.guilty == ("close",)


def test_what_stays_however_a_session_ends_is_blamed_on_the_connect() -> None:
    found = blame(ran(lambda actions, _: {"gc_objects": 77 if actions["drop"] else 68}))
    assert found.guilty == ("connect",)
    assert share(found, "connect", "gc_objects").guilty


def test_a_page_that_stays_and_is_larger_after_chats_is_no_second_leak() -> None:
    found = blame(
        ran(lambda actions, _: {"tasks": 1, "malloc_in_use": 100_000 + 700 * actions["chat"]})
    )
    assert found.guilty == ("connect",)
    more = next(
        one for one in found.shares if one.label == "chat, more of connect" and one.lower > 0
    )
    assert more.estimate == pytest.approx(700, rel=0.05)
    assert "chat, more of connect" in words(found)


def test_a_page_that_stays_once_it_has_switched_is_blamed_on_the_switch_alone() -> None:
    def leaves(actions: Actions, _: int) -> Mapping[str, float]:
        switches = actions["switch_character"]
        return {"tasks": switches, "malloc_in_use": (1e6 + 500 * actions["chat"]) * bool(switches)}

    found = blame(ran(leaves))
    assert found.guilty == ("switch_character",)
    assert all(
        one.may_be_nothing
        for one in found.shares
        if one.action in ("connect", "chat", "close") and not one.more_of
    )
    assert "a session with switch_character" in words(found)


def test_what_stays_of_every_tenth_session_is_blamed_on_the_connect() -> None:
    assert blame(ran(lambda _, number: {"gc_objects": number % 10 == 0}, cycles=82)).guilty == (
        "connect",
    )


def test_what_is_released_later_is_nobodys_fault() -> None:
    recent = 12
    found = blame(ran(lambda _, number: {"gc_objects": 5 if number < recent else 0}))
    assert found.guilty == ()


def test_a_cache_that_was_full_before_the_end_is_nobodys_fault() -> None:
    entries = 80
    assert (
        blame(ran(lambda _, number: {"malloc_in_use": 16_384 * (number <= entries)})).guilty == ()
    )


def test_a_container_with_a_bound_that_fills_is_nobodys_fault_and_is_named() -> None:
    record = ran(each(connect=2048.0))
    for sessions in (40, 150):
        bounded = Bounded("1:1", "deque", sessions, 1500, 2048, 0)
        record.add(Census(0.0, 0, sessions, {}, bounded=(bounded,)))
    found = blame(record)
    assert found.guilty == ()
    assert "deque 150 of 1500" in words(found)


def test_readings_that_are_missing_from_some_samples_are_no_reason_to_forget_the_others() -> None:
    record = ran(each(chat=2048.0))
    for rest in record.rests[40:]:
        del rest.values["malloc_in_use"]
    assert blame(record).guilty == ("chat",)


def test_two_containers_that_follow_two_actions_are_two_leaks() -> None:
    record = ran(each(connect=900.0, chat=700.0))
    cycles = (4, 10, 20, 34, 50)
    did = [
        [one.actions for cycle in record.cycles[:number] for one in cycle.sessions]
        for number in cycles
    ]
    pages, lines = [len(done) for done in did], [sum(one["chat"] for one in done) for done in did]
    rising = {"1:1": tuple(pages), "1:2": tuple(lines)}
    record.censuses += [
        Census(0.0, number, n, {}, rising=rising) for number, n in zip(cycles, pages, strict=True)
    ]
    found = blame(record)
    assert found.guilty == ("connect", "chat")
    assert share(found, "chat", "entries").estimate == 1


def test_a_container_that_its_own_code_bounds_is_nobodys_leak() -> None:
    record = ran(each())
    cycles = (4, 10, 20, 34, 50)
    pages = [sum(len(cycle.sessions) for cycle in record.cycles[:number]) for number in cycles]
    record.censuses += [
        Census(0.0, number, n, {}, rising={"1:1": tuple(pages)})
        for number, n in zip(cycles, pages, strict=True)
    ]
    assert blame(record).guilty == ("connect",)
    record.add(
        Causes(
            0.0,
            {"1:1": Cause(name="server.pages", trimmed_at="/srv/server.py:9", bound=2 * pages[-1])},
        )
    )
    assert blame(record).guilty == ()


def test_small_objects_alone_are_seen_by_the_blocks_they_take() -> None:
    assert blame(ran(lambda _, number: {"blocks": 3 + number % 2})).guilty == ("connect",)


def test_cpu_at_rest_that_rises_with_each_close_is_blamed_on_it_despite_noise() -> None:
    found = blame(ran(lambda actions, _: {"idle_cpu": 0.0 if actions["drop"] else 0.8}))
    assert found.guilty == ("close",)


def test_intervals_are_honest_where_readings_are_noisy_and_something_wanders() -> None:
    def wandering(noise: random.Random) -> Leaves:
        off = [0.0]

        def leaves(_: Actions, _number: int) -> Mapping[str, float]:
            off.append(noise.gauss(0, 30_000))
            return {"malloc_in_use": off[-1] - off[-2] + noise.gauss(0, 6_000)}

        return leaves

    runs = [blame(ran(wandering(random.Random(seed)))) for seed in range(12)]
    missed = [
        one
        for run in runs
        for one in run.shares
        if one.metric == "malloc_in_use" and not one.may_be_nothing
    ]
    assert len(missed) <= 1


def test_what_one_cycle_left_is_not_taken_for_what_was_long_in_it() -> None:
    cycles = np.arange(50)
    connects, seconds = 1.0 + cycles % 2, np.where(cycles == 20, 4.0, 1.0 + 0.1 * (cycles % 3))
    grown = (
        2048 * connects
        + np.random.default_rng(1).normal(0.0, 300.0, 50)
        + np.where(cycles == 20, 4000.0, 0.0)
    )
    columns: Columns = {
        ("connect", ""): connects.astype(float),
        ("second", ""): seconds.astype(float),
    }
    connect, second = fit(grown.astype(float), columns, 512, (("second", ""),), may_explain)
    assert connect.lower < 2048 < connect.upper
    assert second.lower < 0 < second.upper


def test_what_grows_with_time_is_told_from_what_grows_with_sessions() -> None:
    found = blame(ran(per_second=5000.0))
    assert found.guilty == ()
    assert share(found, SECOND).estimate == pytest.approx(5000, rel=0.05)
    assert words(found).startswith(
        "no action is to blame; it grows with time (+4.88KiB per second); "
    )


def test_a_warm_up_is_nobodys_fault() -> None:
    assert blame(ran(warmup=1e6)).guilty == ()


def test_an_exact_counter_that_never_moves_has_an_interval_of_nothing() -> None:
    tasks = share(blame(ran()), "connect", "tasks")
    assert not tasks.guilty
    assert tasks.estimate == pytest.approx(0, abs=1e-9)


def test_a_few_cycles_are_enough_where_each_leaves_a_whole_number() -> None:
    record = ran(lambda actions, _: {"tasks": actions["switch_character"]}, cycles=10)
    assert blame(record).guilty == ("switch_character",)


def test_too_few_cycles_are_an_error_that_says_how_many_are_needed() -> None:
    with pytest.raises(UsageError, match="too few"):
        blame(ran(cycles=9))


@pytest.mark.parametrize(("drop", "code"), [(False, 1000), (True, 1006)])
async def test_a_session_ends_as_its_cycle_has_it_and_asks_as_often(drop: bool, code: int) -> None:
    codes: list[int | None] = []

    async def answer(connection: ServerConnection) -> None:
        with suppress(ConnectionClosed):
            async for message in connection:
                await connection.send(message)
        codes.append(connection.close_code)

    variation = Variation(1, {"request": 2, "chat": 0}, leave=False, drop=drop)
    async with serve(answer, "127.0.0.1", 0) as serving:
        url = f"ws://127.0.0.1:{next(iter(serving.sockets)).getsockname()[1]}"
        session: Any = varied(PlainSession)(variation, Address(url), protocol_named("plain")())
        await session.connect()
        assert await session.chat("left out", leave_at="first_text") == Reply("")
        assert await session.request("hello", "hello") == "hello"
        await session.drop()
        await session.close()
    assert codes == [code]
    assert (session.counts["request"], session.counts["drop"]) == (2, int(drop))
    assert session.counts["chat"] == 0


@pytest.mark.slow
def test_a_real_fault_in_a_chat_is_blamed_on_the_chat(tmp_path: Path) -> None:
    command = [
        sys.executable,
        "-m",
        "harness",
        "blame",
        "plain-chat",
        "--fault",
        "unbounded-history",
        "--json",
    ]
    done = subprocess.run(
        [*command, "--agent-size", "1MiB", "--cycles", "24", "--out", str(tmp_path / "out")],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert (done.returncode, json.loads(done.stdout)["guilty"]) == (1, ["chat"]), done.stderr
    assert (tmp_path / "out" / "run.jsonl").exists()

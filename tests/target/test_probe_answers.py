"""What probes answer, scripted or real: sums, late answers, and answers that are none."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from probe_links import LIMIT_S, folder_of, running, until

from harness.errors import ProbeError, ProbeSilent, ProbeVersionMismatch
from harness.probe import wire
from harness.target.probe_client import ProbeLink, summed

WAIT = "import signal; signal.pause()"


def states_of_threads(pid: int) -> set[str]:
    """One letter of proc(5) for each."""
    stats = [(task / "stat").read_text() for task in Path(f"/proc/{pid}/task").iterdir()]
    return {stat.rpartition(")")[2].split()[0] for stat in stats}


Reply = Callable[[dict[str, Any]], bytes | None]


GREETING = {
    **wire.Greeting(
        wire=wire.WIRE_VERSION,
        pid=1,
        python="3.99.0",
        implementation="scripted",
        argv=[],
        gauges=[],
    )
}


@asynccontextmanager
async def scripted_probe(
    link: ProbeLink, reply: Reply, greeting: dict[str, Any] = GREETING
) -> AsyncIterator[list[int]]:
    """A probe that says what it is told, under our own pid; None hangs up. Yields one entry for
    each connection.
    """
    connections: list[int] = []

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connections.append(len(connections))
        writer.write(wire.pack(greeting, wire.MAX_ANSWER_BYTES))
        while header := await reader.read(wire.HEADER_BYTES):
            request = wire.unpack(
                await reader.readexactly(wire.body_bytes(header, wire.MAX_REQUEST_BYTES))
            )
            answer = reply(request)
            if answer is None:
                break
            writer.write(answer)
        writer.close()

    path = folder_of(link) / f"{os.getpid()}{wire.SOCKET_SUFFIX}"
    server = await asyncio.start_unix_server(talk, path)
    async with server:
        yield connections
    path.unlink(missing_ok=True)


def gauges(**values: int) -> bytes:
    return wire.pack({"answer": {"gauges": values, "collection": None}}, wire.MAX_ANSWER_BYTES)


async def test_another_version_of_the_wire_is_refused(link: ProbeLink) -> None:
    async with scripted_probe(link, lambda _: None, {**GREETING, "wire": 99}):
        with pytest.raises(ProbeVersionMismatch, match="speaks version 99 of the wire, we speak 1"):
            await link.greet(LIMIT_S)
        with pytest.raises(ProbeVersionMismatch):
            await link.sample()


async def test_one_connection_serves_all_samples(link: ProbeLink) -> None:
    async with scripted_probe(link, lambda _: gauges(blocks=7)) as connections:
        await link.greet(LIMIT_S)
        assert [await link.sample() for _ in range(3)] == [{os.getpid(): {"blocks": 7.0}}] * 3
        assert len(connections) == 1


async def test_a_probe_that_has_let_us_go_is_called_again(link: ProbeLink) -> None:
    replies = iter([gauges(blocks=1), None, gauges(blocks=2)])
    async with scripted_probe(link, lambda _: next(replies)) as connections:
        assert await link.sample() == {os.getpid(): {"blocks": 1.0}}
        assert await link.sample() == {os.getpid(): {"blocks": 2.0}}
        assert len(connections) == 2


async def test_a_process_that_ends_in_the_middle_is_gone(link: ProbeLink) -> None:
    async with scripted_probe(link, lambda _: None):
        assert await link.sample() == {}


async def test_whether_to_collect_is_part_of_the_question(link: ProbeLink) -> None:
    requests: list[dict[str, Any]] = []

    def reply(request: dict[str, Any]) -> bytes:
        requests.append(request)
        return gauges()

    async with scripted_probe(link, reply):
        await link.sample()
        await link.sample(collect=False)
    assert requests == [
        {"request": "sample", "collect": True},
        {"request": "sample", "collect": False},
    ]


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (wire.pack({"error": "sample: RuntimeError: no"}, 99), "sample: RuntimeError: no"),
        (wire.pack({"answer": {"gauges": "many"}}, 99), "does not answer as a probe"),
        (b"\xff\xff\xff\xff", "does not answer as a probe"),
        (b"\x00\x00\x00\x01{", "no JSON"),
    ],
    ids=["an error", "another shape", "a giant length", "no JSON"],
)
async def test_an_answer_that_is_none_is_an_error_of_the_probe(
    link: ProbeLink, answer: bytes, said: str
) -> None:
    async with scripted_probe(link, lambda _: answer):
        with pytest.raises(ProbeError, match=said):
            await link.sample()


async def test_a_process_that_is_stopped_is_silent_and_answers_again_when_it_goes_on(
    link: ProbeLink,
) -> None:
    async with running(link, sys.executable, "-c", WAIT) as server:
        await link.greet(LIMIT_S)
        os.kill(server.pid, signal.SIGSTOP)

        async def states() -> set[str]:
            return states_of_threads(server.pid)

        await until(states, lambda found: found == {"T"})
        with pytest.raises(
            ProbeSilent, match=f"process {server.pid} did not answer 'sample' within 0.2 s"
        ):
            await link.sample(limit_s=0.2)
        os.kill(server.pid, signal.SIGCONT)
        assert server.pid in await link.sample()


async def test_a_sample_that_is_given_up_half_way_does_not_spoil_the_next(link: ProbeLink) -> None:
    replies = iter([gauges(blocks=1), gauges(blocks=2)[:9], gauges(blocks=3)])
    asked = asyncio.Queue[object]()

    def reply(request: dict[str, Any]) -> bytes:
        asked.put_nowait(request)
        return next(replies)

    async with scripted_probe(link, reply) as connections:
        await link.sample()
        await asked.get()
        given_up = asyncio.ensure_future(link.sample())
        await asked.get()
        given_up.cancel()
        await asyncio.wait([given_up])
        assert await link.sample() == {os.getpid(): {"blocks": 3.0}}
        assert len(connections) == 2


def test_gauges_are_summed_over_the_processes_that_are_asked_for() -> None:
    samples = {
        1: {"blocks": 10.0, "tasks": 1.0},
        2: {"blocks": 20.0, "tasks": 2.0},
        3: {"blocks": 40.0, "tasks": 4.0},
    }
    assert summed(samples, [1, 3]) == {"blocks": 50.0, "tasks": 5.0}


def test_a_gauge_that_one_process_lacks_is_left_out_of_the_sum() -> None:
    assert summed({1: {"blocks": 1.0, "tasks": 1.0}, 2: {"tasks": 2.0}}, [1, 2]) == {"tasks": 3.0}


def test_a_process_without_a_probe_adds_nothing_to_the_sum() -> None:
    assert summed({1: {"blocks": 1.0}}, [1, 99]) == {"blocks": 1.0}
    assert summed({1: {"blocks": 1.0}}, [99]) == {}

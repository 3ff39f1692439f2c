"""Our end of the talk with the probes: real servers where it can be, a scripted probe where it
must misbehave.
"""

from __future__ import annotations

import asyncio
import os
import signal
import stat
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, TypeVar

import psutil
import pytest
import websockets

from harness.errors import ProbeError, ProbeSilent, ProbeVersionMismatch
from harness.probe import wire
from harness.record.metrics import METRICS, Source
from harness.target.launched import free_port
from harness.target.probe_answers import Collection
from harness.target.probe_client import ProbeLink, summed
from harness.target.probe_peers import INJECTED

LIMIT_S = 60.0
T = TypeVar("T")

ECHO_SERVER = """
import asyncio, sys, websockets

async def echo(connection):
    keep.append(asyncio.ensure_future(asyncio.sleep(3600)))
    async for message in connection:
        await connection.send(message)

async def main():
    async with websockets.serve(echo, "127.0.0.1", int(sys.argv[1])):
        await asyncio.Event().wait()

keep = []
asyncio.run(main())
"""

ASGI_APPLICATION = """
async def application(scope, receive, send):
    await receive()
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"ready"})
"""

FAMILY = """
import multiprocessing, os, signal, sys

def child():
    signal.pause()

if __name__ == "__main__":
    forked = os.fork()
    if not forked:
        child()
    spawned = multiprocessing.get_context("spawn").Process(target=child, daemon=True)
    spawned.start()
    print(forked, spawned.pid, flush=True)
    sys.stdin.read()
    os.kill(forked, 9)
    spawned.kill()
    spawned.join()
    os.waitpid(forked, 0)
    print("alone", flush=True)
    signal.pause()
"""

WAIT = "import signal; signal.pause()"


@pytest.fixture
async def link() -> AsyncIterator[ProbeLink]:
    link = ProbeLink()
    yield link
    await link.close()


def folder_of(link: ProbeLink) -> Path:
    return Path(link.environment({})[wire.ENVIRONMENT_VARIABLE])


@asynccontextmanager
async def running(
    link: ProbeLink, *command: str, cwd: Path | None = None
) -> AsyncIterator[asyncio.subprocess.Process]:
    """A process started as our launcher starts servers; it ends, with its children, when the
    block does.
    """
    process = await asyncio.create_subprocess_exec(
        *command,
        env=link.environment(os.environ),
        cwd=cwd,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        yield process
    finally:
        for member in [
            psutil.Process(process.pid),
            *psutil.Process(process.pid).children(recursive=True),
        ]:
            member.kill()
        await process.communicate()


async def until(ask: Callable[[], Awaitable[T]], is_right: Callable[[T], object] = bool) -> T:
    """What `ask` gives once it is right."""
    async with asyncio.timeout(LIMIT_S):
        while True:
            value = await ask()
            if is_right(value):
                return value
            await asyncio.sleep(0.01)


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


async def test_the_folder_is_private_and_goes_when_the_link_is_closed() -> None:
    link = ProbeLink()
    folder = folder_of(link)
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    await link.close()
    assert not folder.exists()


def test_a_long_name_of_the_temporary_folder_still_leaves_room_for_a_socket(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    deep = tmp_path / ("d" * 100)
    deep.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(deep))
    link = ProbeLink()
    assert len(str(folder_of(link) / "4194304.sock")) < 108
    assert list(deep.iterdir()) == []
    asyncio.run(link.close())


async def test_our_folder_comes_first_on_the_python_path_and_all_else_is_kept(
    link: ProbeLink,
) -> None:
    environment = link.environment({"PYTHONPATH": "/a:/b", "HOME": "/home/me"})
    assert environment["PYTHONPATH"] == f"{INJECTED}:/a:/b"
    assert environment["HOME"] == "/home/me"
    for without in ({}, {"PYTHONPATH": ""}):
        assert link.environment(without)["PYTHONPATH"] == str(INJECTED)


async def test_a_websocket_server_greets_and_is_sampled(link: ProbeLink) -> None:
    port = free_port()
    async with running(link, sys.executable, "-c", ECHO_SERVER, str(port)) as server:
        greeting = await link.greet(LIMIT_S)
        assert (greeting["pid"], greeting["implementation"]) == (server.pid, "cpython")

        async def talked() -> bool:
            try:
                async with websockets.connect(f"ws://127.0.0.1:{port}") as connection:
                    await connection.send("hello")
                    return await connection.recv() == "hello"
            except OSError:
                return False

        async def tasks() -> float:
            return (await link.sample())[server.pid]["tasks"]

        await until(talked)
        assert set((await link.sample())[server.pid]) == {
            metric.name for metric in METRICS.values() if metric.source is Source.PROBE
        }
        await until(
            tasks, lambda found: found == 2
        )  # the main one, and what the first connection has left
        await talked()
        await talked()
        await until(tasks, lambda found: found == 4)


async def test_collecting_says_what_was_found_and_whether_the_loop_took_part(
    link: ProbeLink,
) -> None:
    async with running(
        link, sys.executable, "-c", "import asyncio; asyncio.run(asyncio.sleep(3600))"
    ) as server:
        await link.greet(LIMIT_S)

        async def collected() -> Collection:
            return (await link.collect())[server.pid]

        found = await until(collected, lambda found: found.loop_answered)
        assert len(found.found) == 2
        assert found.trimmed
        assert 0 < found.took_s < LIMIT_S


async def test_the_workers_of_uvicorn_on_uvloop_are_found_with_their_supervisor(
    link: ProbeLink, tmp_path: Path
) -> None:
    (tmp_path / "served.py").write_text(ASGI_APPLICATION)
    port = free_port()
    uvicorn = (sys.executable, "-m", "uvicorn", "served:application", "--port", str(port))
    async with running(
        link, *uvicorn, "--workers", "2", "--loop", "uvloop", cwd=tmp_path
    ) as server:
        await link.greet(LIMIT_S)

        async def loops_that_answer() -> list[int]:
            return [pid for pid, found in (await link.collect()).items() if found.loop_answered]

        workers = await until(loops_that_answer, lambda pids: len(pids) == 2)
        samples = await link.sample()
        assert {server.pid, *workers} <= set(samples)
        assert set(workers) <= {child.pid for child in psutil.Process(server.pid).children()}
        assert all(samples[pid]["tasks"] >= 1 for pid in workers)


async def test_forked_and_spawned_children_are_found_and_dropped_when_they_end(
    link: ProbeLink, tmp_path: Path
) -> None:
    script = tmp_path / "family.py"
    script.write_text(FAMILY)
    async with running(link, sys.executable, str(script)) as server:
        assert server.stdout is not None
        assert server.stdin is not None
        children = {int(pid) for pid in (await server.stdout.readline()).split()}
        family = children | {server.pid}
        await until(link.sample, lambda samples: family <= set(samples))
        server.stdin.close()
        assert await server.stdout.readline() == b"alone\n"
        samples = await link.sample()
        assert server.pid in samples
        assert not children & set(samples)
        assert not any((folder_of(link) / f"{pid}.sock").exists() for pid in children)


@pytest.mark.parametrize("flag", ["-I", "-E", "-S"])
async def test_a_python_that_ignores_the_environment_is_silent_and_the_error_says_why(
    link: ProbeLink, flag: str
) -> None:
    async with running(
        link, sys.executable, flag, "-c", "print('up', flush=True); input()"
    ) as server:
        assert server.stdout is not None
        assert await server.stdout.readline() == b"up\n"
        with pytest.raises(ProbeSilent) as raised:
            await link.greet(limit_s=0.2)
        assert "no probe greeted within 0.2 s" in raised.value.what
        assert flag in raised.value.why
        assert "--no-probe" in raised.value.hint
        assert await link.sample() == {}


async def test_a_probe_that_could_not_start_is_told_in_the_error(link: ProbeLink) -> None:
    (folder_of(link) / "17.error").write_text("Traceback\nOSError: AF_UNIX path too long\n")
    with pytest.raises(ProbeSilent, match="failed in process 17: OSError: AF_UNIX path too long"):
        await link.greet(limit_s=0.05)


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

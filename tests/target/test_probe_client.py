"""Our end of the talk with the probes: real servers where it can be, a scripted probe where it
must misbehave.
"""

from __future__ import annotations

import asyncio
import stat
import sys
from pathlib import Path

import psutil
import pytest
import websockets
from probe_links import LIMIT_S, folder_of, running, until

from harness.errors import ProbeSilent
from harness.record.metrics import METRICS, Source
from harness.target.launched import free_port
from harness.target.probe_answers import Collection
from harness.target.probe_client import ProbeLink
from harness.target.probe_peers import INJECTED

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

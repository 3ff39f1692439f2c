"""What a server, a log, a metrics page or a table may take of the harness itself: memory and time
have an end.
"""

from __future__ import annotations

import asyncio
import subprocess
import sys
import tracemalloc
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from command import done
from server_scripts import ECHO_SCENARIO, written

from harness.errors import NoMetrics, RecordDamaged
from harness.record.policy import Policy
from harness.record.record import RunRecord, RunStarted
from harness.record.store import load_record
from harness.target import remote
from harness.target.log_lines import MAX_LINE_BYTES, LogLines, tail
from harness.verdict.judge import judge
from harness.verdict.stored_series import read_series

MIB = 2**20
BOMB = """
import struct, zlib
packer = zlib.compressobj(9, zlib.DEFLATED, -15)
PACKED = b"".join(packer.compress(bytes(1 << 20)) for _ in range(64))
PACKED += packer.flush(zlib.Z_SYNC_FLUSH)[:-4]

async def handle(connection):
    async for message in connection:
        connection.transport.write(b"\\xc2\\x7f" + struct.pack("!Q", len(PACKED)) + PACKED)
"""
HEAD_OF_PAGE = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n\r\n"


def test_a_message_that_is_too_long_once_unpacked_fails_its_session_and_names_the_limit(
    tmp_path: Path,
) -> None:
    (tmp_path / "echo.py").write_text(ECHO_SCENARIO)
    words = [sys.executable, "-m", "harness", "run", "echo.py", "--protocol", "plain"]
    words += ["--cycles", "1", "--grace", "0s", "--no-explain", "--out", "r"]
    run = subprocess.run(
        [*words, "--serve", written(tmp_path, BOMB)],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert run.returncode == 4, run.stderr
    (session,) = load_record(tmp_path / "r").cycles[0].sessions
    assert "a message that is too long" in session.failure


def test_a_log_without_newlines_is_read_in_bounded_memory(tmp_path: Path) -> None:
    log = tmp_path / "server.log"
    log.write_bytes(b"x" * (64 * MIB) + b"\nlast\n")
    tracemalloc.start()
    lines = list(LogLines(log, from_end=False).new())
    last = tail(log, 12)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert [len(line) for line in lines] == [MAX_LINE_BYTES, 4]
    assert last[-1] == "last"
    assert max(map(len, last)) < 1000
    assert peak < 16 * MIB


def test_a_line_that_comes_in_pieces_is_one_line(tmp_path: Path) -> None:
    log = tmp_path / "server.log"
    log.write_text("one\ntw")
    lines = LogLines(log, from_end=False)
    assert list(lines.new()) == ["one"]
    with log.open("a") as more:
        more.write("o\nthree")
    assert list(lines.new()) == ["two"]
    log.write_text("new\n")
    assert list(lines.new()) == ["new"]


@asynccontextmanager
async def _page(parts: Callable[[], AsyncIterator[bytes]]) -> AsyncIterator[str]:
    tasks: list[asyncio.Task[None]] = []

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        tasks.append(task)
        await reader.readuntil(b"\r\n\r\n")
        writer.write(HEAD_OF_PAGE)
        try:
            async for part in parts():
                writer.write(part)
                await writer.drain()
        except ConnectionError:
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/metrics"
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _endless() -> AsyncIterator[bytes]:
    while True:
        yield b"# all is well\n" * 10_000


async def _drips() -> AsyncIterator[bytes]:
    while True:
        yield b"#"
        await asyncio.sleep(0.05)


async def _no_number() -> AsyncIterator[bytes]:
    yield b"process_resident_memory_bytes NaN\n"


async def _half_a_number() -> AsyncIterator[bytes]:
    yield b"process_resident_memory_bytes 1000\nprocess_open_fds +Inf\n"


async def test_a_metrics_page_that_never_ends_is_not_read_to_its_end() -> None:
    async with _page(_endless) as url:
        with pytest.raises(NoMetrics, match="larger than 4MiB"):
            await remote.Page(url).read()


async def test_a_metrics_page_that_drips_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(remote, "READ_LIMIT_S", 0.5)
    async with _page(_drips) as url:
        with pytest.raises(NoMetrics, match="not over within"):
            await remote.Page(url).read()


async def test_a_memory_that_is_not_a_number_is_not_recorded() -> None:
    async with _page(_no_number) as url:
        with pytest.raises(NoMetrics, match="is not a number"):
            await remote.Page(url).read()
    async with _page(_half_a_number) as url:
        assert await remote.Page(url).read() == {"rss": 1000.0}


async def test_a_sample_says_why_it_holds_no_memory_and_such_a_run_is_inconclusive() -> None:
    async with _page(_no_number) as url:
        sampler = remote.RemoteSampler(remote.Page(url), 0.0)
        sample = await sampler.rest(0, 0)
    assert sample.values == {}
    assert "is not a number" in sample.problems["memory"]
    record = RunRecord(RunStarted("plain", {}, Policy(fixed_cycles=1), {}, ""))
    record.add(sample)
    assert judge(record).verdict.name == "inconclusive"


@pytest.mark.parametrize("last", ["1700000000000", "9" * 20, "9" * 400])
def test_a_table_of_times_is_refused_before_any_session_is_made(last: str) -> None:
    with pytest.raises(RecordDamaged, match="is it a time"):
        read_series(f"cycle,rss\n0,1\n10,1\n{last},1\n")


def test_one_bad_table_does_not_stop_the_next(tmp_path: Path) -> None:
    (tmp_path / "bad.csv").write_text("cycle,rss\n0,1\n1700000000000,1\n")
    (tmp_path / "good.csv").write_text("cycle,rss\n0,1\n1,1\n2,1\n")
    told = done(tmp_path, "judge", "bad.csv", "good.csv")
    assert told.returncode == 2
    assert told.stdout.splitlines()[1].startswith("good.csv,")
    assert len(told.stderr.strip().splitlines()) == 1

"""The report while the run goes on."""

from __future__ import annotations

import re
import socket
import struct
import subprocess
import sys
import threading
from pathlib import Path
from urllib.error import HTTPError
from urllib.parse import urlsplit
from urllib.request import urlopen

import pytest
from server_scripts import ECHO_SCENARIO, written

from harness.experiment.live_page import LivePage

HOLDS_THE_RUN_UNTIL_IT_WAS_WATCHED = """
async def handle(connection):
    global visits
    visits += 1
    async for message in connection:
        while visits > 8 and not os.path.exists("watched"):
            await asyncio.sleep(0.01)
        await connection.send(message)
"""


def test_the_page_is_drawn_anew_for_each_that_asks_at_its_own_address() -> None:
    drawn = iter([b"first", b"second"])
    page = LivePage(lambda: next(drawn))
    try:
        for expected in (b"first", b"second", b"second"):  # what cannot be drawn is what it was
            with urlopen(page.url) as answer:
                assert answer.read() == expected
                assert answer.headers["Refresh"] == "5"
        with pytest.raises(HTTPError, match="404") as refused:
            urlopen(page.url.rsplit("/", 2)[0] + "/")
        refused.value.close()
        assert page.url.startswith("http://127.0.0.1:")
    finally:
        page.close()


def test_a_browser_that_leaves_prints_nothing(capfd: pytest.CaptureFixture[str]) -> None:
    leaving, asked = threading.Event(), threading.Event()

    def draw() -> bytes:
        asked.set()
        leaving.wait(10)
        return b"x" * 8_000_000

    page = LivePage(draw)
    try:
        address = urlsplit(page.url)
        with socket.create_connection((address.hostname, address.port)) as browser:
            browser.send(f"GET {address.path} HTTP/1.0\r\n\r\n".encode())
            asked.wait(10)
            browser.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        leaving.set()
    finally:
        page.close()
    assert capfd.readouterr().err == ""


def test_a_run_can_be_watched(tmp_path: Path) -> None:
    (tmp_path / "echo.py").write_text(ECHO_SCENARIO)
    serve = written(tmp_path, HOLDS_THE_RUN_UNTIL_IT_WAS_WATCHED)
    words = ["--protocol", "plain", "--serve", serve, "--cycles", "11", "--no-explain", "--live"]
    command = [sys.executable, "-m", "harness", "run", "echo.py", *words]
    with subprocess.Popen(
        command, cwd=tmp_path, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    ) as run:
        assert run.stderr is not None
        url = next(line for line in run.stderr if line.startswith("live: ")).split()[1]
        next(line for line in run.stderr if line.startswith("cycle   5"))
        with urlopen(url) as answer:
            text = answer.read().decode()
        (tmp_path / "watched").touch()
        run.stderr.read()
    assert "chart-memory" in text
    assert re.search(r"\d+ cycles", text)
    assert "<h1>running</h1>" in text
    assert 'class="act"' not in text

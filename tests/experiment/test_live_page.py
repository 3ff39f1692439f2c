"""The report while the run goes on."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from urllib.error import HTTPError
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

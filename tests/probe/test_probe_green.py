"""Servers whose libraries put their own sockets, locks and threads in the place of Python's."""

from __future__ import annotations

import asyncio
import os
import sys
from contextlib import suppress

import pytest

from harness.target.probe_client import ProbeLink

PATCHES = {
    "gevent": "from gevent import monkey, sleep; monkey.patch_all()",
    "eventlet": "import eventlet; eventlet.monkey_patch(); sleep = eventlet.sleep",
}
SERVES = "\nimport threading\nwhile True: sleep(0.01)"


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize("library", PATCHES)
async def test_the_probe_answers_in_a_server_whose_library_replaces_sockets_and_threads(
    library: str,
) -> None:
    pytest.importorskip(library)
    link = ProbeLink()
    server = await asyncio.create_subprocess_exec(
        sys.executable, "-c", PATCHES[library] + SERVES, env=link.environment(os.environ)
    )
    try:
        await link.greet(30)
        for _ in range(3):
            samples = await link.sample()
            assert samples[server.pid]["blocks"] > 0
        assert (await link.census([]))[server.pid].names
        assert link.news() == []
    finally:
        with suppress(ProcessLookupError):
            server.kill()
        await server.wait()
        await link.close()

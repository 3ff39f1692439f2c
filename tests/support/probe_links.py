"""Servers whose processes have a probe, and our link to them."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TypeVar

import psutil
import pytest

from harness.probe import wire
from harness.target.probe_client import ProbeLink

LIMIT_S = 60.0


T = TypeVar("T")


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

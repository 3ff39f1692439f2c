"""Small servers as programs of their own, each with one habit."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path

HEAD = """
import asyncio, os, signal, subprocess, sys, time
from websockets.asyncio.server import serve
visits = 0

async def main():
    async with serve(handle, "127.0.0.1", int(os.environ["PORT"])):
        await asyncio.Future()
"""
ECHO = """
async def handle(connection):
    async for message in connection:
        await connection.send(message)
"""
CLOSES_EVERY_CONNECTION = """
async def handle(connection):
    await connection.close(1011, "no room")
"""
KILLS_ITSELF_AT_THE_FOURTH_VISIT = """
async def handle(connection):
    global visits
    visits += 1
    if visits == 4:
        os.kill(os.getpid(), signal.SIGKILL)
    async for message in connection:
        await connection.send(message)
"""
ECHO_SCENARIO = """
from leak_harness import scenario

@scenario
async def echo(session):
    await session.request("hi", until="hi")
"""


SERVED = "served_under_trial.py"


def written(folder: Path, handler: str) -> str:
    """The command that starts a server with this handler; its file is in the folder, and names
    it in `ps`.
    """
    path = folder / SERVED
    path.write_text(f"{HEAD}\n{handler}\nasyncio.run(main())\n")
    return shlex.join([sys.executable, str(path)])


HEAD_THAT_EATS = """
import asyncio, os, subprocess, sys, time
from websockets.asyncio.server import serve
kept = []

def eat(mib, keep=kept):
    \"\"\"Take so much, 8 MiB at a time.\"\"\"
    for _ in range(mib // 8):
        keep.append(b"x" * (8 << 20))
        time.sleep(0.02)
"""

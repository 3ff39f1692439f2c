"""Python processes with a probe that do what they are told, and connections to them."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from harness.probe import wire
from harness.target.probe_peers import INJECTED

LIMIT_S = 60.0
VERSIONS = ("3.9", "3.10", "3.11", "3.12", "3.13", "3.14", "3.15")
HAS_MALLINFO2 = hasattr(__import__("ctypes").CDLL(None), "mallinfo2")

# Does what it is told on its standard input, beside an event loop that runs in the main thread or
# in none.
PUPPET = """
import asyncio, gc, os, sys, threading

def obey():
    for line in sys.stdin:
        try:
            answer = eval(line, globals())
        except SyntaxError:
            answer = exec(line, globals())
        print(repr(answer), flush=True)
    os._exit(0)

async def main():
    global loop
    loop = asyncio.get_running_loop()
    threading.Thread(target=obey, daemon=True).start()
    await asyncio.Event().wait()

asyncio.run(main()) if sys.argv[1:] == ["loop"] else obey()
"""


def interpreter(version: str) -> str:
    """A CPython of that version: our own, one that pyenv has built, or one on PATH."""
    if version == "{}.{}".format(*sys.version_info):
        return sys.executable
    pyenv = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv")
    built = [str(path) for path in pyenv.glob(f"versions/{version}.*/bin")]
    python = shutil.which(f"python{version}", path=os.pathsep.join([*built, os.environ["PATH"]]))
    if python is None:
        pytest.skip(f"no CPython {version} on this machine")
    return python


def until(condition: Callable[[], Any]) -> Any:
    """What the condition gives once it is true."""
    end = time.monotonic() + LIMIT_S
    while not (value := condition()):
        assert time.monotonic() < end, "it did not come true in time"
        time.sleep(0.005)
    return value


class Peer:
    """One connection to a probe."""

    def __init__(self, path: Path) -> None:
        self.socket = until(lambda: self._connect(path))
        try:
            self.greeting = self.receive()
        except (EOFError, OSError):
            self.socket.close()
            raise

    @staticmethod
    def _connect(path: Path) -> socket.socket | None:
        caller = socket.socket(socket.AF_UNIX)
        caller.settimeout(LIMIT_S)
        try:
            caller.connect(os.fspath(path))
        except OSError:
            caller.close()
            return None
        return caller

    def receive(self) -> dict[str, Any]:
        header = self._read(wire.HEADER_BYTES)
        return wire.unpack(self._read(wire.body_bytes(header, wire.MAX_ANSWER_BYTES)))

    def _read(self, size_bytes: int) -> bytes:
        data = b""
        while len(data) < size_bytes:
            received = self.socket.recv(size_bytes - len(data))
            if not received:
                raise EOFError
            data += received
        return data

    def ask(self, request: str, **arguments: Any) -> Any:
        self.socket.sendall(wire.pack({"request": request, **arguments}, wire.MAX_REQUEST_BYTES))
        return self.receive()["answer"]

    def gauges(self, *, collect: bool = True) -> dict[str, int]:
        gauges: dict[str, int] = self.ask("sample", collect=collect)["gauges"]
        return gauges

    def is_closed(self) -> bool:
        try:
            return not self.socket.recv(1)
        except ConnectionResetError:
            return True


class Launched:
    """A Python process with a probe, and the connections to it."""

    def __init__(self, process: subprocess.Popen[str], folder: Path) -> None:
        self.process = process
        self.folder = folder
        self.peers: list[Peer] = []

    def peer(self, pid: int | None = None) -> Peer:
        self.peers.append(Peer(self.folder / f"{pid or self.process.pid}.sock"))
        return self.peers[-1]

    def do(self, line: str) -> Any:
        """Have the puppet run a line; what an expression gives comes back."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()
        return eval(self.process.stdout.readline())

    def errors(self) -> str:
        return "".join(path.read_text() for path in self.folder.glob("*.error"))

    def end(self) -> None:
        for peer in self.peers:
            peer.socket.close()
        self.process.kill()
        self.process.communicate()


Launch = Callable[..., Launched]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "p"
    folder.mkdir(0o700)
    return folder


def launched_with_probe(
    command: list[str], folder: Path, cwd: Path, path: Path | None = None
) -> Launched:
    """A process that obeys, with a probe that listens in the folder."""
    pythonpath = os.pathsep.join(str(entry) for entry in (INJECTED, path) if entry)
    environment = {**os.environ, "PYTHONPATH": pythonpath, wire.ENVIRONMENT_VARIABLE: str(folder)}
    process = subprocess.Popen(
        command,
        cwd=cwd,
        env=environment,
        text=True,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    return Launched(process, folder)


@pytest.fixture
def launch(folder: Path, tmp_path: Path) -> Iterator[Launch]:
    launched: list[Launched] = []

    def launch(
        *command: str, python: str = sys.executable, probe: Path = folder, path: Path | None = None
    ) -> Launched:
        launched.append(launched_with_probe([python, *command], probe, tmp_path, path))
        return launched[-1]

    yield launch
    for one in launched:
        one.end()


@pytest.fixture
def puppet(launch: Launch) -> Launched:
    """A process with no event loop."""
    launched = launch("-c", PUPPET)
    launched.do("None")
    return launched


@pytest.fixture
def looping(launch: Launch) -> Launched:
    """A process with an event loop in its main thread."""
    launched = launch("-c", PUPPET, "loop")
    launched.do("None")
    return launched
